"""launcher=debug: trials in the agent's own process and thread."""

import ast
import functools
import os
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

import tuner
from tests.commands.conftest import OWN, fake_workers, folder
from tests.worker import fake
from tuner.__main__ import main
from tuner.launchers.debug import DebugLauncher
from tuner.worker.protocol import Ready

__all__ = ["fake_workers", "folder"]

DEBUG = [*OWN, "launcher=debug", "sampler=random"]


class Traced(fake.FakeFineTuner):
    """Notes where it runs."""

    def run(self, settings, listener, *rest):
        PLACES.append((os.getpid(), threading.current_thread(), psutil.Process().children()))
        print("printed by the trial")
        return super().run(settings, listener, *rest)


PLACES = []


@pytest.fixture
def inline(monkeypatch):
    """The launcher runs a fake fine-tune."""
    PLACES.clear()
    made = functools.partial(
        DebugLauncher, make_fine_tuner=lambda: (Traced(), Ready(device="fake", versions={}))
    )
    monkeypatch.setattr("tuner.launchers.debug.DebugLauncher", made)


def test_trials_run_in_this_thread_and_print_where_the_agent_does(folder, inline, capsys):
    assert main([*DEBUG, "sweep.n_trials=3"]) == 0
    assert len(PLACES) >= 3
    assert {place[:2] for place in PLACES} == {(os.getpid(), threading.current_thread())}
    assert [place[2] for place in PLACES[:2]] == [[], []]
    assert capsys.readouterr().out.count("printed by the trial") == len(PLACES)
    assert "attempt 1" in (folder / "outputs/mine/trials/00000/worker.log").read_text()
    study = tuner.load_study("mine")
    assert [trial.number for trial in study.trials] == [0, 1, 2]
    assert study.best_model.path.is_dir()


def test_scores_are_those_of_a_worker_process(folder, inline, fake_workers):
    few = [*OWN, "sampler=random", "sampler.seed=1", "pruner=none", "sweep.n_trials=3"]
    assert main([*few, "launcher=debug", "output=inline"]) == 0
    assert main([*few, "launcher.slots=1", "output=process"]) == 0
    frames = [tuner.load_study("mine", name).to_frame() for name in ("inline", "process")]
    columns = ["number", "state", "val_accuracy", "val_loss", "optimizer.learning_rate"]
    assert frames[0][columns].equals(frames[1][columns])


def test_a_failing_trial_shows_its_traceback_and_memory_shortage_is_retried(folder, inline, capfd):
    (folder / "fail").symlink_to(folder / "tiny")
    assert main([*DEBUG, "model.checkpoint=fail", "sweep.max_failures=1"]) == 1
    assert "this checkpoint always fails" in capfd.readouterr().err
    (folder / "memory:8").symlink_to(folder / "tiny")
    more = ["study=memory", "model.checkpoint=memory:8", "sweep.n_trials=1"]
    assert main([*DEBUG, *more, "training.batch_size=16"]) == 0
    assert tuner.load_study("memory").best.settings.training.batch_size == 8


def test_a_stop_ends_the_trial_at_its_next_update(folder, inline):
    class Stop(tuner.Callback):
        def trial_reported(self, study, trial, report):
            study.stop()

    study = tuner.sweep("mine", overrides=DEBUG[1:], callbacks=[Stop()], quiet=True)
    assert study.interrupted
    assert len(PLACES) == 1
    assert tuner.sweep("mine", overrides=[*DEBUG[1:], "sweep.n_trials=2"]).best.score > 0.5


def test_a_metric_that_is_defined_in_a_function_is_measured(folder, inline):
    @tuner.metric("misses", direction="minimize")
    def misses(targets, predictions):
        return (targets != predictions.argmax(axis=1)).mean()

    goals = ["sweep.objectives=[val_misses]", "sweep.n_trials=1"]
    study = tuner.sweep("mine", overrides=[*DEBUG[1:], *goals], metrics=[misses], quiet=True)
    scores = study.best.scores
    assert (
        study.best.score
        == scores["val_misses"]
        == pytest.approx(1.0 - scores["val_accuracy"], abs=0.005)
    )


def test_one_fine_tune_runs_inline_too(folder, inline):
    given = [word for word in DEBUG if word.split("=")[0].split(".")[0] in ("model", "data")]
    model = tuner.train(overrides=[*given, "launcher=debug"], quiet=True)
    assert len(PLACES) == 1
    assert model.path.is_dir()


@pytest.mark.parametrize("more", [["launcher.slots=2"], ["sweep.dry_run=true"]])
def test_what_one_process_cannot_do_is_refused(folder, capsys, more):
    assert main([*DEBUG, *more]) == 2
    assert "launcher=local" in capsys.readouterr().err


def first_line(file, function):
    """Line of the first statement of a method behind its docstring."""
    tree = ast.parse(file.read_text())
    found = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == function]
    return found[0].body[1].lineno


@pytest.mark.tf
def test_pdb_stops_in_a_real_fine_tune(folder):
    file = Path(tuner.__file__).parent / "training" / "fine_tune.py"
    words = [*DEBUG, "sweep.n_trials=1", "training.evaluations=1"]
    commands = [f"b {file}:{first_line(file, 'run')}", "c", "p 'stopped', settings.training.seed"]
    given = [word for command in [*commands, "cl 1", "c", "q"] for word in ("-c", command)]
    done = subprocess.run(
        [sys.executable, "-m", "pdb", *given, "-m", "tuner", *words],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=400, check=False,
    )  # fmt: skip
    assert "('stopped', " in done.stdout, done.stdout + done.stderr
    assert "Best: trial 0" in done.stdout, done.stdout + done.stderr
    assert tuner.load_study("mine").best_model.labels == ("negative", "positive")
