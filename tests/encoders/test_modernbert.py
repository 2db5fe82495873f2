"""ModernBERT's configuration, as transformers 4 and 5 write it."""

from pathlib import Path

import pytest

from tests.encoders.cases import MODERNBERT
from tuner.encoders.modernbert import ModernBert
from tuner.errors import InputError

GLOBAL, LOCAL = "full_attention", "sliding_attention"
OLD = MODERNBERT | {
    "num_hidden_layers": 5, "global_attn_every_n_layers": 2, "global_rope_theta": 80000.0,
    "local_rope_theta": 5000.0,
}  # fmt: skip
NEW = MODERNBERT | {
    "num_hidden_layers": 5,
    "global_attn_every_n_layers": 3,  # transformers 5 writes it along; layer_types decides.
    "layer_types": [GLOBAL, LOCAL, GLOBAL, LOCAL, GLOBAL],
    "rope_parameters": {
        GLOBAL: {"rope_type": "default", "rope_theta": 80000.0},
        LOCAL: {"rope_type": "default", "rope_theta": 5000.0},
    },
}


def make(config):
    return ModernBert.from_config(config, Path("folder"))


def test_both_spellings_are_one_encoder():
    assert make(OLD) == make(NEW)
    assert make(NEW).exported({}).items() >= {
        "global_attn_every_n_layers": 2, "global_rope_theta": 80000.0, "local_rope_theta": 5000.0,
    }.items()  # fmt: skip


@pytest.mark.parametrize("rotations", [None, {}, {GLOBAL: None}, {LOCAL: {}}])
def test_rotations_that_are_not_said_have_their_defaults(rotations):
    made = make(MODERNBERT | {"rope_parameters": rotations})
    assert (made.global_rope_theta, made.local_rope_theta) == (160_000.0, 10_000.0)


@pytest.mark.parametrize(
    ("types", "every"),
    [([GLOBAL], 1), ([GLOBAL, GLOBAL], 1), ([GLOBAL, LOCAL, LOCAL], 3), ([GLOBAL, LOCAL], 2)],
)
def test_kinds_of_layers_that_repeat_are_read(types, every):
    fields = {"layer_types": types, "num_hidden_layers": len(types)}
    assert make(MODERNBERT | fields).global_attn_every_n_layers == every


def test_second_names_and_fields_without_a_meaning_are_read_as_transformers_does():
    assert make(MODERNBERT | {"sliding_window": 8, "local_attention": 128}).local_attention == 16
    assert make(MODERNBERT | {"position_embedding_type": "sans_pos"}) == make(MODERNBERT)
    assert make(MODERNBERT | {"pad_token_id": None}).pad_token_id == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("layer_types", [LOCAL, GLOBAL, LOCAL]),
        ("layer_types", [GLOBAL, LOCAL, LOCAL, GLOBAL, GLOBAL]),
        ("layer_types", [GLOBAL, LOCAL, "chunked"]),
        ("layer_types", [GLOBAL, LOCAL]),
        ("layer_types", [GLOBAL, [], LOCAL]),
        ("layer_types", []),
        ("layer_types", "full_attention"),
        ("rope_parameters", {GLOBAL: {"rope_type": "yarn", "rope_theta": 1.0}}),
        ("rope_parameters", {GLOBAL: {"type": "linear", "factor": 2.0}}),
        ("rope_parameters", {LOCAL: 3}),
        ("rope_parameters", [3]),
        ("rope_scaling", {"type": "linear", "factor": 2.0}),
        ("local_rope_theta", None),
        ("global_rope_theta", -1.0),
        ("local_attention", 0),
        ("classifier_pooling", "max"),
        ("norm_bias", 1),
    ],
)
def test_what_cannot_be_computed_is_refused_by_name(field, value):
    with pytest.raises(InputError) as refused:
        make(MODERNBERT | {field: value})
    assert field in refused.value.problem
    assert field in refused.value.where


def test_a_head_of_odd_width_is_refused():
    with pytest.raises(InputError, match="odd width"):
        make(MODERNBERT | {"hidden_size": 9})
