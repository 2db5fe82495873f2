"""The loop from its first trial to its last."""

import json
import time

import pytest
from mlflow import MlflowClient

from tests.bench import ASHA, NONE, RATE, interrupt_when, states
from tuner.settings.settings import ConvergenceSettings
from tuner.trial.records import Convergence, TrialOutcome, TrialState
from tuner.trial.serialization import from_json

PRUNERS = {
    "asha": ASHA,
    "hyperband": {
        "name": "hyperband",
        "min_resource": 1,
        "max_resource": 5,
        "reduction_factor": 3,
    },
    "median": {"name": "median", "n_startup_trials": 0},
    "none": NONE,
    "patient": {"name": "patient", "patience": 1},
    "percentile": {"name": "percentile", "percentile": 25.0, "n_startup_trials": 0},
    "threshold": {"name": "threshold", "lower": 0.0},
}


def test_a_sweep_runs_to_its_total_and_leaves_files_and_runs(bench):
    outcomes = bench.run(trials=3)
    assert states(outcomes) == [TrialState.COMPLETE] * 3
    assert outcomes[0].value == pytest.approx(0.9)

    trial = bench.folder.trial(0)
    assert trial.config.read_text() == "a: 1\n"
    assert [json.loads(line)["point"] for line in trial.reports.read_text().splitlines()] == [
        1, 2, 3, 4, 5,
    ]  # fmt: skip
    assert from_json(TrialOutcome, trial.outcome.read_text()) == outcomes[0]

    run = bench.runs()[0]
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "trial-00000"
    assert run.data.params == {"a": "1", RATE: "0.0001", "effective_batch_size": "16"}
    assert run.data.tags["trial_state"] == "complete"
    assert run.data.tags["study"] == "s"
    assert run.data.tags["convergence"] == "improving"  # It still falls at the last point.
    assert run.data.metrics["objective"] == pytest.approx(0.9)
    client = MlflowClient(bench.uri)
    listed = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert listed == {"config.yaml", "confusion_matrix.json", "reports.jsonl", "worker.log"}
    history = MlflowClient(bench.uri).get_metric_history(run.info.run_id, "val_accuracy")
    assert [point.step for point in history] == [600, 1200, 1800, 2400, 3000]


def test_the_same_command_goes_on_up_to_the_total_and_adds_nothing_beyond(bench):
    bench.run(trials=2)
    assert len(bench.run(trials=5)) == 3
    assert bench.run(trials=5) == []
    assert [outcome.number for outcome in bench.outcomes] == [0, 1, 2, 3, 4]
    assert len(bench.runs("sweep")) == 1


def test_pruned_trials_are_killed_runs_and_count(bench):
    bench.run(trials=10, pruner=ASHA)
    found = states(bench.outcomes)
    assert len(found) == 10
    assert found.count(TrialState.PRUNED) > 0
    for outcome, run in zip(bench.outcomes, bench.runs(), strict=True):
        assert run.data.tags["trial_state"] == outcome.state.value
        assert run.info.status == ("FINISHED" if outcome.value is not None else "KILLED")
        if outcome.state is TrialState.PRUNED and outcome.diagnosis.status != "diverged":
            assert outcome.last.point >= 2  # 30 % of five points


@pytest.mark.parametrize("pruner", sorted(PRUNERS))
def test_a_trial_that_diverges_after_good_steps_is_pruned_whatever_the_pruner(bench, pruner):
    bench.run(trials=1, rate=0.5, pruner=PRUNERS[pruner])
    (outcome,) = bench.outcomes
    assert (outcome.state, outcome.stopped_by) == (TrialState.PRUNED, "diverged")
    assert outcome.last.point == 1
    assert outcome.diagnosis.status is Convergence.DIVERGED
    assert outcome.diagnosis.reason == "train_loss is nan at update 7"
    tags = bench.runs()[0].data.tags
    assert (tags["convergence"], tags["stopped_by"]) == ("diverged", "diverged")
    assert bench.optuna_trials()[0].constraints == {"diverged": 1.0}
    assert bench.optuna_trials()[0].state.name == "PRUNED"


def test_what_does_not_learn_is_stopped_and_no_sampler_comes_back_to_it(bench):
    bench.run(trials=6, rate=1e-6, convergence=ConvergenceSettings(), evaluations=10)
    default, *others = bench.outcomes
    # The untuned default runs to its end: what tuning gains is told against it.
    assert (default.state, default.stopped_by) == (TrialState.COMPLETE, "")
    stopped = [outcome for outcome in others if outcome.stopped_by == "not_learning"]
    assert stopped
    for outcome in stopped:
        assert (outcome.state, outcome.last.point) == (TrialState.PRUNED, 6)
        trial = bench.optuna_trials()[outcome.number]
        assert (trial.state.name, trial.constraints) == ("PRUNED", {"not_learning": 1.0})
        run = bench.runs()[outcome.number]
        assert (run.info.status, run.data.tags["stopped_by"]) == ("KILLED", "not_learning")


def test_outside_a_search_nothing_is_stopped_for_what_its_own_curve_shows(bench):
    bench.run(trials=6, rate=1e-6, convergence=ConvergenceSettings(), evaluations=10, role="train")
    assert [outcome.stopped_by for outcome in bench.outcomes if outcome.stopped_by] == []
    assert {outcome.last.point for outcome in bench.outcomes} == {10}
    assert Convergence.NOT_LEARNING in {o.diagnosis.status for o in bench.outcomes}


@pytest.mark.parametrize(("role", "stopped_by"), [("trial", ""), ("train", "pruner")])
def test_number_0_is_spared_by_the_pruner_in_a_search_alone(bench, role, stopped_by):
    bench.run(trials=1, pruner={"name": "threshold", "lower": 0.99}, role=role)
    assert [outcome.stopped_by for outcome in bench.outcomes] == [stopped_by]


def test_what_has_converged_ends_early_with_a_score_over_all_rows(bench):
    bench.run(
        trials=1,
        checkpoint="quick",
        convergence=ConvergenceSettings(),
        evaluations=20,
        pruner=ASHA,
    )
    (outcome,) = bench.outcomes
    assert (outcome.state, outcome.stopped_by) == (TrialState.COMPLETE, "converged")
    assert outcome.value == pytest.approx(0.9)
    assert outcome.last.final
    assert 12 <= outcome.last.point < 20
    assert outcome.last.confusion is not None
    (trial,) = bench.optuna_trials()
    # It stands at the points that it did not need, so that later trials are held against it.
    assert trial.value == pytest.approx(0.9)
    assert sorted(trial.intermediate_values) == list(range(1, 21))


def test_a_free_slot_starts_its_next_trial_without_waiting_for_others(bench):
    bench.run(trials=8, slots=2, checkpoint="slow:0.02")
    assert {slot for slot, _, _ in bench.watch.started} == {0, 1}
    assert sorted(number for _, number, _ in bench.watch.started) == list(range(8))


def test_the_time_limit_starts_nothing_more(bench):
    assert len(bench.run(trials=50, timeout=0.3, checkpoint="slow:0.05")) < 10


def test_ctrl_c_once_records_trials_as_interrupted_and_the_same_command_resumes(bench):
    interrupt_when(lambda: len(bench.watch.scores) >= 3)
    outcomes = bench.run(trials=2, slots=2, checkpoint="slow:0.5")
    assert bench.sweep.interrupted
    assert states(outcomes) == [TrialState.INTERRUPTED] * 2
    assert bench.watch.notices
    assert [run.data.tags["trial_state"] for run in bench.runs()] == ["interrupted"] * 2
    assert {run.info.status for run in bench.runs()} == {"KILLED"}

    again = bench.run(trials=2, slots=2)
    assert states(again) == [TrialState.COMPLETE] * 2
    assert {o.number: o.parameters for o in again} == {o.number: o.parameters for o in outcomes}
    assert len(bench.runs()) == 2  # An attempt that continues a trial continues its run.


def test_ctrl_c_twice_stops_at_once(bench):
    interrupt_when(lambda: bool(bench.watch.started), times=2)
    before = time.monotonic()
    outcomes = bench.run(trials=2, checkpoint="slow:30")
    assert states(outcomes) == [TrialState.INTERRUPTED]
    assert time.monotonic() - before < 25
    assert bench.runs()[0].info.status == "KILLED"


def test_no_trial_begins_that_the_allocation_would_cut_off(bench):
    outcomes = bench.run(trials=3, time_left=lambda: 1000.0, longest=950.0)
    assert len(outcomes) == 3  # No allocation of this length would hold one: begun all the same.
    left = iter([1000.0])
    outcomes = bench.run(trials=5, time_left=lambda: next(left), longest=800.0)
    assert len(outcomes) == 2
    bench.run(trials=9, time_left=lambda: 0.5, longest=0.4, checkpoint="slow:0.2")
    assert "the scheduler ends this allocation in 0 s" in bench.watch.notices[-1]
    assert len(bench.outcomes) < 9
