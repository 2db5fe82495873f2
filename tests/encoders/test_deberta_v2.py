"""DeBERTa's rows for relative positions and its refusals."""

from pathlib import Path

import pytest

from tests.encoders.cases import DEBERTA
from tuner.encoders.deberta_v2 import DebertaV2
from tuner.errors import InputError

V3 = {"relative_attention": True, "position_buckets": 256, "max_relative_positions": -1}
ROWS = {
    -600: 0, -511: 1, -300: 49, -128: 128, -1: 255, 0: 256, 1: 257, 127: 383, 128: 384, 129: 385,
    130: 386, 131: 387, 150: 399, 200: 425, 255: 448, 300: 463, 400: 489, 500: 510, 510: 511,
    511: 511, 512: 511, 600: 511,
}  # fmt: skip
"""Distance to row, as torch computes it in transformers."""


@pytest.mark.parametrize("distance", ROWS)
def test_a_distance_has_the_row_that_it_has_in_transformers(distance):
    assert DebertaV2(**V3).row(distance) == ROWS[distance]


def make(**changes):
    return DebertaV2.from_config(DEBERTA | changes, Path("folder"))


@pytest.mark.parametrize("kinds", [["p2c", "c2p"], "p2c|c2p", "c2p | p2c"])
def test_kinds_of_scores_are_a_list_or_a_text(kinds):
    made = make(pos_att_type=kinds)
    names = {each.name.rpartition(".")[0].rpartition(".")[2] for each in make(
        pos_att_type=kinds, share_att_key=False
    ).parameters()}  # fmt: skip
    assert {"pos_key_proj", "pos_query_proj"} <= names
    assert make(pos_att_type=made.exported({})["pos_att_type"]) == made


def test_embeddings_are_as_wide_as_hidden_states_unless_said():
    fields = {key: value for key, value in DEBERTA.items() if key != "embedding_size"}
    assert DebertaV2.from_config(fields, Path("folder")).embedding_size == 12


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("pos_att_type", ["p2p"]),
        ("pos_att_type", 3),
        ("conv_kernel_size", 2),
        ("conv_kernel_size", -1),
        ("conv_groups", 2),
        ("conv_act", "softplus"),
        ("pooler_hidden_size", 3),
        ("attention_head_size", 5),
        ("position_buckets", 64),
        ("position_buckets", 1),
        ("type_vocab_size", -1),
        ("relative_attention", "yes"),
    ],
)
def test_what_cannot_be_computed_is_refused_by_name(field, value):
    with pytest.raises(InputError) as refused:
        make(**{field: value})
    assert field in refused.value.problem.replace("64 buckets", field)
    assert "config.json" in refused.value.where
