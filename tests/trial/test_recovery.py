import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.components import make_optimizer
from tests.records import settings
from tuner.trial.records import TrialError
from tuner.trial.recovery import Limits, RetryAction, after_failure, death, stall, with_less_memory

MEMORY = TrialError(kind="out_of_memory", type="ResourceExhaustedError", message="OOM")
CRASH = TrialError(kind="crash", type="WorkerDied", message="killed")


@given(batch=st.integers(1, 300), steps=st.integers(1, 40), devices=st.integers(1, 8))
def test_smaller_pieces_are_the_same_update_down_to_one_example(batch, steps, devices):
    now = settings(batch_size=batch, accumulation_steps=steps, devices=devices)
    effective, tries = now.effective_batch_size, 0
    while (smaller := with_less_memory(now)) is not None:
        before, after = now.training, smaller.training
        assert smaller.effective_batch_size == effective
        assert after.batch_size == math.ceil(before.batch_size / 2)
        assert after.batch_size * after.accumulation_steps * devices >= effective
        assert replace(smaller, training=before) == now  # nothing else changes
        now, tries = smaller, tries + 1
    assert (now.training.batch_size, now.training.rematerialize) == (1, True)
    assert tries == math.ceil(math.log2(batch)) + 1


def test_an_odd_batch_is_halved_upwards_and_keeps_its_effective_batch():
    smaller = with_less_memory(settings(batch_size=15, accumulation_steps=2))
    training = smaller.training
    assert (training.batch_size, training.accumulation_steps) == (8, 4)
    assert (training.effective_batch_size, smaller.effective_batch_size) == (30, 30)


def test_what_follows_a_failure():
    now = settings(batch_size=2)
    assert after_failure(MEMORY, now, 0, 3).verdict is RetryAction.SMALLER
    least = settings(batch_size=1, rematerialize=True)
    assert after_failure(MEMORY, least, 0, 3).verdict is RetryAction.INFEASIBLE
    assert after_failure(CRASH, now, 2, 3).verdict is RetryAction.AGAIN
    assert after_failure(CRASH, now, 2, 3).settings is now
    assert after_failure(CRASH, now, 3, 3).verdict is RetryAction.FAILED
    for kind in ("error", "input"):
        error = TrialError(kind=kind, type="ValueError", message="no")
        assert after_failure(error, now, 0, 3).verdict is RetryAction.FAILED


def test_a_limit_serves_trials_that_need_as_much_memory_and_no_others():
    limits = Limits()
    limits.learn(settings(batch_size=8))
    cut = limits.apply(settings(batch_size=32))
    assert (cut.training.batch_size, cut.effective_batch_size) == (8, 32)
    assert limits.apply(settings(batch_size=4)) == settings(batch_size=4)
    for other in (
        replace(
            settings(batch_size=32),
            optimizer=make_optimizer({"name": "sgd", "learning_rate": 1.0}),
        ),
        settings(batch_size=32, precision="mixed_bfloat16"),
    ):
        assert limits.apply(other) == other


def test_the_last_limit_is_one_example_with_activations_computed_again():
    limits = Limits()
    limits.learn(settings(batch_size=1, rematerialize=True))
    cut = limits.apply(settings(batch_size=32))
    assert (cut.training.batch_size, cut.training.rematerialize) == (1, True)
    assert cut.effective_batch_size == 32


@pytest.mark.parametrize(
    ("code", "log", "kills", "kind", "message"),
    [
        (-9, "", 1, "out_of_memory", "the kernel killed the worker because memory ran out"),
        (-9, "", 0, "crash", "the worker was killed by SIGKILL"),
        (-11, "", 0, "crash", "the worker was killed by SIGSEGV"),
        (
            -6, "what():  std::bad_alloc", 0, "out_of_memory",
            "the worker was killed by SIGABRT when memory ran out",
        ),
        (3, "", 0, "crash", "the worker ended with exit status 3"),
        (-99, "", 0, "crash", "the worker was killed by signal 99"),
    ],
)  # fmt: skip
def test_a_death_is_told_by_what_the_system_says(code, log, kills, kind, message):
    error = death(code, log, kills)
    assert (error.kind, error.message, error.traceback) == (kind, message, log)


def test_a_worker_that_waits_for_memory_for_too_long_has_too_little():
    assert stall(600.0, "Allocator (GPU_0_bfc) ran out of memory").kind == "out_of_memory"
    assert stall(600.0, "training").kind == "crash"
