from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.components import make_optimizer
from tests.records import settings
from tuner.encoders import Bert
from tuner.trial.memory import estimate, fitting

MINILM = Bert(hidden_size=384, intermediate_size=1536, num_hidden_layers=6).shape
GB = 10**9


def memory(*, on_host=False, optimizer="adamw", length=128, **training):
    trial = settings(**training)
    trial = replace(
        trial,
        model=replace(trial.model, max_length=length),
        optimizer=make_optimizer({"name": optimizer, "learning_rate": 1e-4}),
    )
    return estimate(MINILM, trial, on_host=on_host)


def test_weights_are_counted_as_the_model_has_them():
    assert MINILM.parameters == 22_713_216  # Of all-MiniLM-L6-v2.
    weights = 4 * MINILM.parameters
    assert memory().weights == 2 * weights  # the first state lies there too
    assert memory(ema_decay=0.9).weights == 3 * weights


@pytest.mark.parametrize(
    ("optimizer", "slots", "on_host"),
    [("adamw", 2, 2), ("sgd", 1, 1), ("lion", 1, 1), ("adafactor", 1, 2), ("nadam", 2, 4)],
)
def test_slots_are_those_of_the_optimizer(optimizer, slots, on_host):
    weights = 4 * MINILM.parameters
    assert memory(optimizer=optimizer).optimizer == slots * weights
    assert memory(optimizer=optimizer, on_host=True).optimizer == on_host * weights


def test_several_micro_batches_have_a_sum_beside_their_gradients():
    assert memory(batch_size=8).gradients == 4 * MINILM.parameters
    assert memory(batch_size=8, accumulation_steps=2).gradients == 8 * MINILM.parameters
    assert memory(batch_size=8, effective_batch_size=12).gradients == 8 * MINILM.parameters


@pytest.mark.parametrize("on_host", [True, False])
def test_activations_grow_with_the_batch_and_faster_than_the_length(on_host):
    def activations(batch_size, **fields):
        return memory(on_host=on_host, batch_size=batch_size, **fields).activations

    one, two, three = activations(32), activations(64), activations(96)
    assert three - two == two - one > 0
    assert activations(32, length=256) > 2 * one
    assert activations(32, precision="mixed_bfloat16") < 0.7 * one
    assert activations(32, rematerialize=True) < 0.5 * one
    assert activations(1, evaluation_batch_size=512) > one / 6
    # An update works with copies of gradients and weights, however small the batch.
    least = activations(1, length=8, evaluation_batch_size=1)
    assert least == (3 if on_host else 2) * 4 * MINILM.parameters


# Allocated by TensorFlow for an H100, in megabytes; see docs/gpu.md.
ALLOCATED = [
    (768, 3072, 12, 128, 64, {}, 5107),
    (768, 3072, 12, 512, 16, {}, 6921),
    (384, 1536, 6, 128, 64, {}, 1479),
    (384, 1536, 6, 512, 16, {}, 2337),
    (768, 3072, 3, 128, 16, {}, 1156),
    (768, 3072, 3, 128, 32, {"accumulation_steps": 2}, 1490),
    (768, 3072, 3, 512, 16, {"rematerialize": True}, 1454),
]


@pytest.mark.parametrize(
    ("hidden", "intermediate", "layers", "length", "batch", "fields", "megabytes"), ALLOCATED
)
def test_the_estimate_comes_near_what_was_allocated(
    hidden, intermediate, layers, length, batch, fields, megabytes
):
    shape = Bert(
        hidden_size=hidden,
        intermediate_size=intermediate,
        num_hidden_layers=layers,
        max_position_embeddings=length,
    ).shape
    trial = settings(
        batch_size=batch, precision="mixed_bfloat16", evaluation_batch_size=8, **fields
    )
    trial = replace(
        trial,
        model=replace(trial.model, max_length=length),
        optimizer=make_optimizer({"name": "adamw", "learning_rate": 1e-4}),
    )
    found = estimate(shape, trial, on_host=False).total
    assert found == pytest.approx(megabytes * 10**6, rel=0.12)


@pytest.mark.parametrize("on_host", [True, False])
def test_each_choice_is_an_input(on_host):
    def activations(rows, inputs):
        trial = settings(batch_size=rows, evaluation_batch_size=1)
        return estimate(replace(MINILM, inputs=inputs), trial, on_host=on_host).activations

    assert activations(64, 3) == activations(192, 1)


def test_parts_sum_up():
    found = memory(on_host=True)
    assert sum(found.parts.values()) == found.total
    *parts, last = found.parts
    assert parts == ["program", "weights", "optimizer", "gradients", "activations"]
    assert last == "allocator"
    # The pool of a CPU; a GPU's has its own measure of what is in use.
    assert found.allocator == pytest.approx(0.08 * (found.total - found.program) / 1.08, rel=1e-3)
    assert memory().allocator == 0


@given(
    effective=st.integers(1, 600),
    devices=st.integers(1, 4),
    room=st.floats(0.3 * GB, 20 * GB),
)
def test_the_largest_batch_that_fits_is_the_same_update(effective, devices, room):
    wanted = settings(
        batch_size=0, effective_batch_size=effective, devices=devices, evaluation_batch_size=64
    )
    found = fitting(MINILM, wanted, int(room), on_host=False)
    training = found.training
    assert found.effective_batch_size == effective
    assert training.batch_size * training.accumulation_steps * devices >= effective
    assert training.evaluation_batch_size <= 64
    need = estimate(MINILM, found, on_host=False).total
    if need > room:  # the last step of the way
        assert (training.batch_size, training.rematerialize) == (1, True)
    elif training.batch_size * devices < effective and not training.rematerialize:
        double = replace(found, training=replace(training, batch_size=2 * training.batch_size))
        assert estimate(MINILM, double, on_host=False).total > room


def test_all_the_update_at_once_where_there_is_room():
    found = fitting(MINILM, settings(batch_size=0, effective_batch_size=32), 40 * GB, on_host=True)
    training = found.training
    assert (training.batch_size, training.accumulation_steps) == (32, 1)
    assert training.effective_batch_size is None
    assert training.evaluation_batch_size == settings().training.evaluation_batch_size
