"""Slots whose workers do not start, wear out or fail, on the bench of a whole sweep."""

import sys

import pytest

from tests.bench import FAKE, states
from tuner.errors import TunerError
from tuner.launchers.local import LocalLauncher
from tuner.trial.records import TrialState


def test_workers_that_do_not_start_are_an_error_with_their_log(bench):
    command = (sys.executable, "-c", "import sys; sys.exit('no TensorFlow here')")
    with pytest.raises(TunerError, match="no TensorFlow here"):
        bench.run(command=command)


def test_workers_are_replaced_after_so_many_trials(bench):
    class Counting(LocalLauncher):
        started = 0

        def start(self, slot):
            Counting.started += 1
            super().start(slot)

    outcomes = bench.run(trials=5, trials_per_worker=2, launcher=Counting)
    assert states(outcomes) == [TrialState.COMPLETE] * 5
    assert Counting.started == 3
    assert bench.watch.notices == ["the worker of slot 0 is replaced: it has run 2 trials"] * 2


def test_a_gpu_that_fails_is_left_alone_and_its_trials_are_run_elsewhere(bench):
    outcomes = bench.run(trials=10, slots=2, checkpoint="device:1", evaluations=2)
    assert states(outcomes) == [TrialState.COMPLETE] * 10
    assert sum("slot 1 (GPU 1) is out of service" in told for told in bench.watch.notices) == 1
    failed = [run for run in bench.runs() if run.data.tags["trial_state"] == "retried"]
    assert len(failed) == 3


def test_where_every_gpu_fails_it_is_the_trials(bench):
    outcomes = bench.run(trials=2, slots=1, checkpoint="device:0")
    assert states(outcomes) == [TrialState.FAILED] * 5
    assert "CUDA_ERROR_ILLEGAL_ADDRESS" in bench.sweep.failed


def test_a_slot_whose_worker_does_not_start_is_left_alone(bench):
    class Broken(LocalLauncher):
        def start(self, slot):
            self._command = (sys.executable, "-c", "exit(3)") if slot else FAKE
            super().start(slot)

    outcomes = bench.run(trials=3, slots=2, launcher=Broken, checkpoint="slow:0.3")
    assert states(outcomes) == [TrialState.COMPLETE] * 3
    assert any("its worker does not start" in text for text in bench.watch.notices)
