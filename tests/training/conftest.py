import os

import pytest

from tests.components import make_optimizer, make_schedule
from tests.devices.nvml import nvml
from tests.tiny_checkpoints import write_checkpoint, write_reviews
from tuner.data import prepare
from tuner.settings.settings import DataSettings, ModelSettings, TrainingSettings, TrialSettings
from tuner.tasks import Classification

__all__ = ["nvml"]

ADAMW = {"name": "adamw", "learning_rate": 1e-3, "weight_decay": 0.01}

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


@pytest.fixture(scope="session")
def workspace(tmp_path_factory):
    """A folder with a tiny BERT and 240 reviews, and a cache of its own."""
    folder = tmp_path_factory.mktemp("workspace")
    write_checkpoint(folder / "bert", "bert")
    write_reviews(folder / "train.csv", 160, seed=1)
    write_reviews(folder / "validation.csv", 80, seed=2)
    kept = os.environ.get("TUNER_CACHE")
    os.environ["TUNER_CACHE"] = str(folder / "cache")
    yield folder
    if kept is None:
        del os.environ["TUNER_CACHE"]
    else:
        os.environ["TUNER_CACHE"] = kept


@pytest.fixture(scope="session")
def make_settings(workspace):
    """Settings of a small trial; training fields by name, other groups by theirs."""

    def make(*, checkpoint="bert", dropout=0.1, optimizer=None, schedule=None, **training):
        return TrialSettings(
            model=ModelSettings(
                checkpoint=str(workspace / checkpoint), max_length=32, dropout=dropout
            ),
            data=DataSettings(
                format="csv",
                train=str(workspace / "train.csv"),
                validation=str(workspace / "validation.csv"),
            ),
            optimizer=make_optimizer(optimizer or ADAMW),
            schedule=make_schedule(schedule or {"name": "linear", "warmup_fraction": 0.1}),
            training=TrainingSettings(**{"epochs": 1.0, "evaluations": 2, **training}),
        )

    return make


@pytest.fixture(scope="session")
def data(make_settings):
    settings = make_settings()
    return prepare(settings.data, settings.model, Classification())
