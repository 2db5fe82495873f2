from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.records import settings
from tuner.core.memory import ModelShape, estimate, fitting

MINILM = ModelShape(
    hidden=384, intermediate=1536, layers=6, own_layers=6, heads=12, vocabulary=30522,
    positions=512, embedding=384,
)  # fmt: skip
GB = 10**9


def memory(*, on_host=False, optimizer="adamw", length=128, **training):
    trial = settings(**training)
    trial = replace(
        trial,
        model=replace(trial.model, max_length=length),
        optimizer={"name": optimizer, "learning_rate": 1e-4},
    )
    return estimate(MINILM, trial, on_host=on_host)


def test_weights_are_counted_as_the_model_has_them():
    # all-MiniLM-L6-v2 has 22,713,216 weights, its two token types included.
    assert MINILM.parameters == pytest.approx(22_713_216, rel=1e-3)
    albert = replace(MINILM, own_layers=1, embedding=128)
    assert albert.parameters < MINILM.parameters / 2
    weights = 4 * MINILM.parameters
    assert memory().weights == weights
    assert memory(on_host=True).weights == 2 * weights  # the first state lies there too
    assert memory(ema_decay=0.9).weights == 2 * weights


@pytest.mark.parametrize(
    ("optimizer", "slots", "on_host"),
    [("adamw", 2, 2), ("sgd", 1, 1), ("lion", 1, 1), ("adafactor", 0, 0), ("novel", 2, 4)],
)
def test_slots_are_those_of_the_optimizer(optimizer, slots, on_host):
    weights = 4 * MINILM.parameters
    assert memory(optimizer=optimizer).optimizer == slots * weights
    assert memory(optimizer=optimizer, on_host=True).optimizer == on_host * weights


def test_several_micro_batches_have_a_sum_beside_their_gradients():
    assert memory(batch_size=8).gradients == 4 * MINILM.parameters
    assert memory(batch_size=8, accumulation_steps=2).gradients == 8 * MINILM.parameters
    assert memory(batch_size=8, effective_batch_size=12).gradients == 8 * MINILM.parameters


def test_activations_grow_with_the_batch_and_faster_than_the_length():
    one, two = memory(batch_size=32).activations, memory(batch_size=64).activations
    assert two == 2 * one
    assert memory(batch_size=32, length=256).activations > 2 * one
    assert memory(batch_size=32, precision="mixed_bfloat16").activations < 0.7 * one
    assert memory(batch_size=32, rematerialize=True).activations < 0.5 * one
    assert memory(batch_size=1, evaluation_batch_size=512).activations > one / 6
    # An update works with copies of gradients and weights, however small the batch.
    least = memory(batch_size=1, length=8, evaluation_batch_size=1)
    assert least.activations == 2 * 4 * MINILM.parameters


def test_parts_sum_up():
    found = memory(on_host=True)
    assert sum(found.parts.values()) == found.total
    assert list(found.parts) == ["program", "weights", "optimizer", "gradients", "activations"]


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
