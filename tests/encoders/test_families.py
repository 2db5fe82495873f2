"""Configurations of encoder families: defaults, bounds, exported fields, published settings."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.encoders.cases import CASES, make_family
from tests.encoders.cases import FOLDER as REFERENCES
from tuner.encoders import REGISTRY, find
from tuner.errors import InputError
from tuner.tasks import HeadKind

FOLDER = Path("checkpoint")


def test_every_family_has_cases():
    assert set(CASES) == set(REGISTRY.names())


@pytest.mark.parametrize("name", CASES)
def test_defaults_are_those_of_transformers(name):
    stored = json.loads((REFERENCES / "defaults.json").read_text(encoding="utf-8"))[name]
    ours = asdict(find(name)())
    assert {field: ours[field] for field in stored} == stored


@pytest.mark.parametrize("name", CASES)
def test_what_is_exported_reads_as_the_same_encoder(name):
    for case in CASES[name]:
        family = make_family(name, case)
        config = family.exported({"initializer_range": 0.02, "eos_token_id": -1})
        assert find(config["model_type"]).from_config(config, FOLDER) == family
        assert config["initializer_range"] == 0.02
        assert "eos_token_id" not in config


@pytest.mark.parametrize("name", CASES)
def test_names_of_parameters_are_unique_and_in_order_of_depth(name):
    family = make_family(name, "plain")
    above = family.shape.layers + 1
    for kind in HeadKind:
        head = family.head(kind, 3)
        parameters = [*family.parameters(), *head.parameters]
        assert len({each.name for each in parameters}) == len(parameters)
        assert {each.depth for each in head.parameters} == {above}
    assert {each.depth for each in family.parameters()} <= set(range(above))


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("bert", "hidden_size", None),
        ("bert", "hidden_size", 12.0),
        ("bert", "type_vocab_size", 0),
        ("electra", "embedding_size", "wide"),
        ("distilbert", "activation", "mish"),
        ("albert", "layer_norm_eps", float("nan")),
        ("camembert", "num_hidden_layers", 1001),
        ("roberta", "pad_token_id", True),
    ],
)
def test_a_value_that_a_field_cannot_have_is_refused_by_name(name, field, value):
    with pytest.raises(InputError) as refused:
        find(name).from_config({field: value}, FOLDER)
    assert field in refused.value.problem
    assert field in refused.value.where
    assert str(FOLDER / "config.json") in refused.value.where


def test_a_padding_token_may_be_null():
    assert find("roberta").from_config({"pad_token_id": None}, FOLDER).pad_token_id == 1


@pytest.mark.parametrize(
    ("name", "width", "source"),
    [
        ("bert", 768, "Devlin 2019"),
        ("distilbert", 768, "Devlin 2019"),
        ("bert", 384, "Turc 2019"),
        ("roberta", 1024, "Liu 2019"),
        ("xlm-roberta", 768, "Liu 2019"),
        ("albert", 768, "Lan 2020"),
        ("electra", 768, "Clark 2020"),
        ("mpnet", 768, "Song 2020"),
        ("deberta-v2", 768, "He 2021"),
        ("modernbert", 768, "Warner 2024"),
    ],
)
def test_each_family_has_its_paper(name, width, source):
    field = "dim" if name == "distilbert" else "hidden_size"
    family = find(name)(**{field: width})
    assert family.first_settings.source == source
