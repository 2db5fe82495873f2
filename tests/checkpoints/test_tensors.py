"""Encoders in weight files: under their own names, within a larger model, several of them."""

import pytest
from safetensors.numpy import load_file, save_file

from tests.tiny_checkpoints import write_checkpoint
from tuner.checkpoints import inspect
from tuner.checkpoints.tensors import find, places
from tuner.encoders import Bert
from tuner.errors import InputError

FAMILY = Bert()
TABLE = "embeddings.word_embeddings.weight"
NORM = "embeddings.LayerNorm.weight"


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ([f"bert.{TABLE}"], [""]),
        ([TABLE], [""]),
        ([f"model.bert.{TABLE}"], ["model."]),
        ([f"model.{TABLE}"], ["model."]),
        ([f"query.bert.{TABLE}", f"document.bert.{TABLE}"], ["document.", "query."]),
        ([f"teacher.bert.{TABLE}", f"bert.{TABLE}"], [""]),
        ([NORM, f"other_{TABLE}"], []),
    ],
)
def test_an_encoder_is_where_its_token_embedding_is(tables, expected):
    assert places(FAMILY, tables) == expected


def test_all_tensors_are_of_one_encoder():
    names = [f"teacher.bert.{NORM}", f"bert.{TABLE}", "bert.embeddings.LayerNorm.gamma"]
    assert find(FAMILY, f"bert.{NORM}", names, "") == "bert.embeddings.LayerNorm.gamma"
    assert find(FAMILY, f"bert.{NORM}", names, "teacher.") == f"teacher.bert.{NORM}"
    assert find(FAMILY, "bert.pooler.dense.weight", ["x.bert.pooler.dense.weight"], "") is None


def test_two_encoders_are_refused(tmp_path):
    folder = write_checkpoint(tmp_path / "bert")
    weights = load_file(folder / "model.safetensors")
    both = {f"{part}.{name}": w for part in ("query", "document") for name, w in weights.items()}
    save_file(both, folder / "model.safetensors")
    with pytest.raises(InputError) as refused:
        inspect(folder)
    assert "several encoders: document, query" in refused.value.problem
    assert refused.value.where == str(folder)
