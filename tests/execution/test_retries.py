"""Trials and workers that fail, on the bench of a whole sweep."""

import os
import signal
import threading
import time
from dataclasses import replace

import psutil
import pytest

from tests.bench import FAKE, interrupt_when, states
from tests.records import settings
from tuner.errors import InputError
from tuner.trial.records import TrialState


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def worker_of(agent):
    """The worker process of an agent that has one slot."""
    (found,) = (child for child in psutil.Process(agent).children() if FAKE[-1] in child.cmdline())
    return found


def test_what_kills_its_worker_every_time_fails_and_in_a_row_stops_the_sweep(bench):
    bench.run(checkpoint="crash", trials=10, max_failures=2, max_attempts=2)
    assert states(bench.outcomes) == [TrialState.FAILED] * 2
    assert bench.sweep.failed == "WorkerDied: the worker was killed by SIGKILL"
    error = bench.outcomes[0].error
    assert (error.kind, error.message) == ("crash", "the worker was killed by SIGKILL")
    runs = [(run.info.status, run.data.tags["trial_state"]) for run in bench.runs()]
    assert sorted(runs) == [("FAILED", "failed")] * 2 + [("FAILED", "retried")] * 2


def test_a_trial_whose_worker_dies_is_tried_again_and_completes(bench, tmp_path):
    (outcome,) = bench.run(checkpoint=f"crash:{tmp_path / 'died'}", trials=1)
    assert (outcome.state, outcome.attempt) == (TrialState.COMPLETE, 2)
    assert outcome.value == pytest.approx(0.9)
    assert [trial.state.name for trial in bench.optuna_trials()] == ["COMPLETE"]
    points = [report.point for report in bench.folder.trial(0).read_reports()]
    assert points == [1, 2, 3, 4, 5]
    tags = [run.data.tags["trial_state"] for run in bench.runs()]
    assert sorted(tags) == ["complete", "retried"]
    told = [text for text in bench.watch.notices if "trial 0 retried" in text]
    assert told == ["trial 0 retried: the worker was killed by SIGKILL; attempt 2 of 3"]


def test_a_worker_that_says_nothing_any_more_is_replaced(bench, tmp_path):
    (outcome,) = bench.run(
        checkpoint=f"silent:{tmp_path / 'fell-silent'}", trials=1, stall_timeout=2.0
    )
    assert (outcome.state, outcome.attempt) == (TrialState.COMPLETE, 2)
    assert any("nothing was heard of the worker for 2 s" in text for text in bench.watch.notices)


def test_an_error_in_a_trial_is_kept_and_the_worker_serves_on(bench):
    bench.run(checkpoint="fail", trials=10, max_failures=3)
    assert states(bench.outcomes) == [TrialState.FAILED] * 3
    assert bench.outcomes[0].error.type == "RuntimeError"
    assert "this checkpoint always fails" in bench.runs()[0].data.tags["error"]
    assert "Traceback" in bench.folder.trial(0).log.read_text()


def test_failures_in_a_row_stop_the_sweep_whatever_their_causes(bench):
    bench.run(checkpoint="fail-somehow", trials=10, max_failures=5)
    assert states(bench.outcomes) == [TrialState.FAILED] * 5
    assert bench.sweep.failed


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_workers_that_are_asked_to_end_use_up_no_attempt(number, bench):
    ended = []

    def ask():
        for _ in range(4):
            reported = len(bench.watch.scores)
            until(lambda n=reported: len(bench.watch.scores) > n + 1)
            ended.append(worker_of(os.getpid()))
            ended[-1].send_signal(number)

    asking = threading.Thread(target=ask)
    asking.start()
    base = settings(evaluations=12, save_state="always")
    base = replace(base, model=replace(base.model, checkpoint="slow:0.3"))
    (outcome,) = bench.run(trials=1, base=base, max_attempts=2)
    asking.join()
    assert (outcome.state, outcome.attempt, len(ended)) == (TrialState.COMPLETE, 5, 4)


def test_wrong_input_that_only_a_worker_sees_stops_the_sweep_at_once(bench):
    with pytest.raises(InputError, match="there is no checkpoint 'missing'"):
        bench.run(checkpoint="missing", trials=10)
    assert states(bench.outcomes) == [TrialState.FAILED]


def test_what_fits_with_no_batch_is_infeasible_counts_and_no_sampler_comes_back(bench):
    bench.run(checkpoint="memory", trials=2)
    assert states(bench.outcomes) == [TrialState.INFEASIBLE] * 2
    # 16, 8, 4, 2, 1, and 1 with activations computed again; then the limit is known.
    assert [outcome.attempt for outcome in bench.outcomes] == [6, 1]
    for trial in bench.optuna_trials():
        assert (trial.state.name, trial.constraints) == ("PRUNED", {"infeasible": 1.0})


def test_out_of_memory_is_tried_again_with_the_same_effective_batch(bench):
    bench.run(checkpoint="memory:5", trials=3)
    assert states(bench.outcomes) == [TrialState.COMPLETE] * 3
    assert [outcome.attempt for outcome in bench.outcomes] == [3, 1, 1]  # hit once per sweep
    settings_ran = [spec.settings for spec, _ in bench.finished]
    for ran in settings_ran:
        assert (ran.training.batch_size, ran.training.accumulation_steps) == (4, 4)
        assert ran.effective_batch_size == 16
    told = [text for text in bench.watch.notices if "retried" in text]
    assert told[0] == (
        "trial 0 retried: no memory left for a batch of 16; training.batch_size=8 "
        "training.accumulation_steps=2; effective batch 16 as before"
    )
    assert all("training.batch_size" not in trial.params for trial in bench.optuna_trials())
    # A later start of the same study knows it too.
    assert [outcome.attempt for outcome in bench.run(checkpoint="memory:5", trials=4)] == [1]


def test_an_interrupted_retry_goes_back_to_the_study(bench):
    def notices():
        return any("retried" in text for text in bench.watch.notices)

    interrupt_when(notices)
    bench.run(checkpoint="crash", trials=1, max_attempts=50)
    assert bench.sweep.interrupted
    assert [trial.state.name for trial in bench.optuna_trials()] == ["WAITING"]
