"""A folder as a user has one: data, a checkpoint, a sweep; and workers that train in no time."""

import functools
import sys
from pathlib import Path

import pytest

from tests.tiny_checkpoints import write_checkpoint, write_reviews
from tuner.launchers.local import LocalLauncher

SWEEP = """\
name: mine
n_trials: 4
space:
  optimizer.learning_rate: tag(log, interval(1e-6, 1e-2))
  schedule: choice(linear, constant)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch, mlflow_uri):
    """The current folder of the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TUNER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_uri)
    write_checkpoint(tmp_path / "tiny", "bert")
    write_reviews(tmp_path / "train.csv", 60, seed=1)
    write_reviews(tmp_path / "validation.csv", 40, seed=2)
    (tmp_path / "sweeps").mkdir()
    (tmp_path / "sweeps" / "mine.yaml").write_text(SWEEP)
    return tmp_path


@pytest.fixture
def fake_workers(monkeypatch):
    """Both commands start the fake worker."""
    launcher = functools.partial(
        LocalLauncher, command=(sys.executable, "-m", "tests.worker.fake")
    )
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.setattr("tuner.launchers.local.LocalLauncher", launcher)


OWN = [
    "sweep=mine",
    "model.checkpoint=tiny",
    "model.max_length=32",
    "data=csv",
    "data.train=train.csv",
    "data.validation=validation.csv",
    "training.epochs=1",
    "tracking.plots=false",
    "tracking.log_model=false",
]
