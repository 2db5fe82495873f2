"""Sweeps that a Python program runs; the fine-tune is a fake."""

import os
import signal
import subprocess
import sys
import threading

import pytest

import tuner
from tests.commands.conftest import OWN
from tuner.__main__ import main

GIVEN = OWN[1:]
RATE = "optimizer.learning_rate"
ONE_SLOT = [*GIVEN, "launcher.slots=1", "sampler=random"]


class Recorder(tuner.Callback):
    def __init__(self):
        self.calls, self.numbers, self.stored = [], set(), []

    def trial_started(self, study, trial):
        self.calls.append(("started", trial.number, trial.state))
        assert trial.settings.training.epochs == 1

    def trial_reported(self, study, trial, report):
        self.numbers.add(trial.number)
        assert report.point <= report.points

    def trial_finished(self, study, trial):
        self.calls.append(("finished", trial.number, trial.state))
        self.stored.append(len([each for each in study.trials if each.score is not None]))


def test_a_named_sweep_returns_its_study_and_calls_the_callbacks(folder, fake_workers, capsys):
    seen = Recorder()
    study = tuner.sweep("mine", overrides=[*ONE_SLOT, "sweep.n_trials=3"], callbacks=[seen])
    assert not study.interrupted
    assert [call for call in seen.calls if call[0] == "started"] == [
        ("started", number, "running") for number in range(3)
    ]
    assert [call[1] for call in seen.calls if call[0] == "finished"] == [0, 1, 2]
    assert seen.numbers == {0, 1, 2}
    assert seen.stored[0] == 1  # A callback reads what is stored by then.
    assert study.best.score == max(t.score for t in study.trials if t.score is not None)
    assert set(study.best.parameters) <= {RATE, "schedule"}
    assert study.best.settings.optimizer.learning_rate == study.best.parameters[RATE]
    assert study.best.settings.model.checkpoint == "tiny"
    assert study.best_model.settings == study.best.settings
    printed = capsys.readouterr().out
    assert printed.count("Best: trial") == 1

    frame = study.to_frame()
    assert list(frame["number"]) == [0, 1, 2]
    assert frame["val_accuracy"].max() == study.best.score
    assert {RATE, "schedule", "state", "convergence"} <= set(frame.columns)
    assert "<table" in study._repr_html_()

    loaded = tuner.load_study("mine")
    assert loaded.best.score == study.best.score
    assert loaded.objective == "val_accuracy"
    found = loaded.confirm(top=1, seeds=2)
    assert found == loaded.confirmation == study.confirmation
    assert loaded.best.number == found.best.trial
    assert [trial.number for trial in loaded.trials] == [0, 1, 2]


def test_a_space_of_python_values_is_searched_and_resumed_by_the_same_call(folder, fake_workers):
    def call(total):
        return tuner.sweep(
            "from python",
            space={
                RATE: "tag(log, interval(1e-6, 1e-2))",
                "schedule": ["linear", "constant"],
                "schedule.end_fraction": {"values": [0.0, 0.1], "when": {"schedule": "linear"}},
            },
            overrides=[*ONE_SLOT, f"sweep.n_trials={total}"],
            quiet=True,
        )

    assert len(call(2).trials) == 2
    study = call(3)
    assert study.folder == folder.joinpath("outputs/from python").relative_to(folder)
    assert [trial.number for trial in study.trials] == [0, 1, 2]
    ends = [t.parameters for t in study.trials if "schedule.end_fraction" in t.parameters]
    assert all(each["schedule"] == "linear" for each in ends)
    with pytest.raises(tuner.InputError, match="is unknown"):
        tuner.load_study("from python").confirm()
    # Its folder is an own study: the command line finds it, and another space is refused.
    assert main(["report", "study=from python"]) == 0
    with pytest.raises(tuner.InputError):
        tuner.sweep("from python", space={RATE: [1e-4, 1e-3]}, overrides=ONE_SLOT)


def test_an_exception_of_a_callback_ends_the_sweep_gently(folder, fake_workers):
    class Broken(tuner.Callback):
        def trial_finished(self, study, trial):
            raise LookupError("mine")

    with pytest.raises(LookupError, match="mine") as caught:
        tuner.sweep("mine", overrides=ONE_SLOT, callbacks=[Broken()])
    assert any(entry.name == "trial_finished" for entry in caught.traceback)
    study = tuner.load_study("mine")
    assert len([trial for trial in study.trials if trial.score is not None]) == 1
    assert tuner.sweep("mine", overrides=ONE_SLOT).trials[3].state != "waiting"


def test_a_callback_stops_a_sweep_that_runs_in_another_thread(folder, fake_workers):
    class Stop(tuner.Callback):
        def trial_reported(self, study, trial, report):
            study.stop()

    found = []

    def run():
        found.append(tuner.sweep("mine", overrides=ONE_SLOT, callbacks=[Stop()]))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(120)
    assert found[0].interrupted
    assert not [trial for trial in found[0].trials if trial.score is not None]


def test_ctrl_c_returns_the_study_and_the_same_call_resumes(folder, fake_workers):
    class Interrupt(tuner.Callback):
        def trial_reported(self, study, trial, report):
            if report.point == 1:
                os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    study = tuner.sweep("mine", overrides=ONE_SLOT, callbacks=[Interrupt()])
    assert study.interrupted
    assert signal.getsignal(signal.SIGINT) is before
    again = tuner.sweep("mine", overrides=[*ONE_SLOT, "sweep.n_trials=1"])
    assert not again.interrupted
    assert again.best.number == 0


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"name": "mine", "overrides": "training.epochs=2"}, "overrides"),
        ({"name": "mine", "overrides": ["sweep=other"]}, "overrides"),
        ({"name": "mine", "overrides": GIVEN, "callbacks": [print]}, "callbacks"),
        ({"name": "mine", "overrides": GIVEN, "callbacks": [tuner.Callback]}, "callbacks"),
        ({"space": {RATE: [1e-4]}, "overrides": ["launcher=slurm", "storage=journal"]}, "space"),
        (
            {
                "name": "mine",
                "overrides": ["launcher=slurm", "storage=journal"],
                "callbacks": [Recorder()],
            },
            "callbacks",
        ),
        ({"space": {"no.such": [1, 2]}}, "no.such"),
        ({"name": "nowhere"}, "command line"),
    ],
)
def test_a_wrong_call_is_an_input_error_before_anything_is_made(folder, given, where):
    with pytest.raises(tuner.InputError) as caught:
        tuner.sweep(**given)
    assert where in caught.value.where
    assert not (folder / "outputs").exists()


def test_a_study_that_is_not_there_is_refused(folder):
    with pytest.raises(tuner.InputError) as caught:
        tuner.load_study("nothing")
    assert "nothing" in caught.value.problem


def test_importing_the_package_imports_no_library():
    libraries = {"tensorflow", "mlflow", "optuna", "pandas", "hydra", "rich", "tuner.api"}
    code = f"import sys, tuner; print({libraries} & set(sys.modules)); tuner.sweep; "
    code += "print('tensorflow' in sys.modules, 'tuner.api' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["set()", "False True"]
