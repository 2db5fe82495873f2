"""The loop with real processes, a real study and a real MLflow store; only training is a fake."""

import json
import os
import signal
import sys
import threading
import time
from dataclasses import replace

import optuna
import pytest
from mlflow import MlflowClient

from tests.records import settings
from tuner.core.goals import Goals
from tuner.core.settings import ConvergenceSettings, TrackingSettings
from tuner.core.space import Dimension, FloatInterval, SearchSpace
from tuner.core.trial import Convergence, TrialOutcome, TrialSpec, TrialState
from tuner.errors import InputError, TunerError
from tuner.folder import StudyFolder
from tuner.launchers.devices import Slot
from tuner.launchers.local import LocalLauncher
from tuner.plan import Plan
from tuner.records import from_json
from tuner.study import Definition, Study, sqlite_url
from tuner.sweep import Sweep
from tuner.tracking import Tracker

RATE = "optimizer.learning_rate"
SPACE = SearchSpace([Dimension(key=RATE, domain=FloatInterval(low=1e-6, high=1.0, log=True))])
FAKE = (sys.executable, "-m", "tests.worker.fake")
ASHA = {"name": "asha", "min_resource": 1, "reduction_factor": 2}
NONE = {"name": "none"}
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


class Watch:
    """Writes down what it is shown."""

    def __init__(self):
        self.started, self.notices, self.scores = [], [], []

    def trial_started(self, slot: int, spec: TrialSpec) -> None:
        self.started.append((slot, spec.number, time.monotonic()))

    def progressed(self, slot: int, share: float, rate: float) -> None:
        assert 0 <= share <= 1
        assert rate > 0

    def reported(self, slot: int, value: float) -> None:
        self.scores.append((slot, value))

    def trial_finished(self, slot: int, outcome: TrialOutcome) -> None:
        pass

    def notice(self, text: str) -> None:
        self.notices.append(text)


PATIENT = ConvergenceSettings(not_learning_patience=None, converged_patience=None)
"""No trial is stopped for its own curve."""


class Bench:
    """One folder in which a sweep is run, perhaps several times."""

    def __init__(self, folder, mlflow_uri):
        self.folder = StudyFolder(folder, "s")
        self.uri = mlflow_uri
        self.watch = Watch()
        self.finished = []

    def run(
        self,
        *,
        checkpoint="tiny",
        trials=4,
        slots=1,
        pruner=NONE,
        command=FAKE,
        rate=1e-4,
        convergence=PATIENT,
        evaluations=5,
        base=None,
        launcher=LocalLauncher,
        **plan,
    ):
        if base is None:
            base = settings(evaluations=evaluations)
            base = replace(base, model=replace(base.model, checkpoint=checkpoint))
        base = replace(base, convergence=convergence)
        study = Study(
            name="s",
            url=sqlite_url(self.folder.database),
            definition=Definition(
                space=SPACE, base=settings(), goals=Goals(objectives=("val_accuracy",))
            ),
            sampler={"name": "random", "seed": 1},
            pruner=pruner,
            defaults={RATE: rate},
        )
        launcher = launcher(
            [
                Slot(index=i, environment={"CUDA_VISIBLE_DEVICES": str(i)}, threads=1)
                for i in range(slots)
            ],
            command,
        )
        tracker = Tracker(TrackingSettings(uri=self.uri), "s", self.folder)
        tracker.open()
        tracker.sweep_started({}, {})
        tracker.abandon(study.release_orphans())
        self.sweep = Sweep(
            plan=Plan(
                goals=Goals(objectives=("val_accuracy",)),
                compose=lambda p: replace(
                    base, optimizer=base.optimizer | {"learning_rate": p[RATE]}
                ),
                render=lambda s: "a: 1\n",
                n_trials=trials,
                **plan,
            ),
            source=study,
            launcher=launcher,
            tracker=tracker,
            folder=self.folder,
            watcher=self.watch,
            on_finished=lambda spec, outcome: self.finished.append((spec, outcome)),
        )
        for slot in launcher.slots:
            launcher.start(slot)
        try:
            return self.sweep.run()
        finally:
            launcher.close(5.0)
            tracker.close()
            self.outcomes = study.outcomes()
            study.close()

    def optuna_trials(self):
        return optuna.load_study(study_name="s", storage=sqlite_url(self.folder.database)).trials

    def runs(self, role="trial"):
        client = MlflowClient(self.uri)
        experiment = client.get_experiment_by_name("s")
        found = client.search_runs([experiment.experiment_id], f"tags.role = '{role}'")
        return sorted(found, key=lambda run: run.data.tags.get("trial_number", ""))


@pytest.fixture
def bench(tmp_path, mlflow_uri):
    return Bench(tmp_path / "outputs", mlflow_uri)


def states(outcomes):
    return [outcome.state for outcome in outcomes]


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
    assert run.data.params == {RATE: "0.0001", "effective_batch_size": "16"}
    assert run.data.tags["trial_state"] == "complete"
    assert run.data.tags["study"] == "s"
    assert run.data.tags["convergence"] == "converged"
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


def test_workers_that_do_not_start_are_an_error_with_their_log(bench):
    command = (sys.executable, "-c", "import sys; sys.exit('no TensorFlow here')")
    with pytest.raises(TunerError, match="no TensorFlow here"):
        bench.run(command=command)


def test_the_time_limit_starts_nothing_more(bench):
    assert len(bench.run(trials=50, timeout=0.3, checkpoint="slow:0.05")) < 10


def interrupt_when(condition, times=1):
    def wait():
        for _ in range(times):
            while not condition():
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.1)

    threading.Thread(target=wait, daemon=True).start()


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
    assert len(bench.runs()) == 4  # another attempt is another run


def test_ctrl_c_twice_stops_at_once(bench):
    interrupt_when(lambda: bool(bench.watch.started), times=2)
    before = time.monotonic()
    outcomes = bench.run(trials=2, checkpoint="slow:30")
    assert states(outcomes) == [TrialState.INTERRUPTED]
    assert time.monotonic() - before < 25
    assert bench.runs()[0].info.status == "KILLED"


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


def test_no_trial_begins_that_the_allocation_would_cut_off(bench):
    outcomes = bench.run(trials=3, time_left=lambda: 1000.0, longest=950.0)
    assert len(outcomes) == 3  # No allocation of this length would hold one: begun all the same.
    left = iter([1000.0])
    outcomes = bench.run(trials=5, time_left=lambda: next(left), longest=800.0)
    assert len(outcomes) == 2
    bench.run(trials=9, time_left=lambda: 0.5, longest=0.4, checkpoint="slow:0.2")
    assert "the scheduler ends this allocation in 0 s" in bench.watch.notices[-1]
    assert len(bench.outcomes) < 9
