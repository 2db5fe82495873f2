"""A study with a condition in its space, as several test modules open one."""

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from tests.goals import goals
from tests.records import outcome, settings
from tuner.search.space import Choice, Dimension, FloatInterval, SearchSpace
from tuner.settings.settings import StorageSettings
from tuner.study import Definition, Study

RATE = Dimension(
    key="optimizer.learning_rate", domain=FloatInterval(low=1e-6, high=1e-3, log=True)
)
OPTIMIZER = Dimension(key="optimizer", domain=Choice(values=("adamw", "sgd")))
MOMENTUM = Dimension(
    key="optimizer.momentum",
    domain=FloatInterval(low=0.5, high=0.99),
    when={"optimizer": ("sgd",)},
)
SPACE = SearchSpace([RATE, OPTIMIZER, MOMENTUM])
DEFAULTS = {"optimizer.learning_rate": 1e-4, "optimizer": "adamw"}
RANDOM = {"name": "random", "seed": 0}
NONE = {"name": "none"}
BRIEF = StorageSettings(heartbeat_interval=0.2, heartbeat_timeout=2.0, retry_timeout=10.0)

on_both = pytest.mark.parametrize("kind", ["sqlite", "journal"], indirect=True)
"""Tests of a study on any storage."""


def make_study(
    url,
    *,
    name="s",
    space=SPACE,
    defaults=DEFAULTS,
    sampler=RANDOM,
    pruner=NONE,
    base=None,
    storage=None,
    repeats_of=None,
    objectives=("val_accuracy",),
    first=None,
    **definition,
):
    """Opens the study at an address, or makes it."""
    return Study(
        name=name,
        url=url,
        definition=Definition(
            space=space,
            base=base or settings(),
            repeats_of=repeats_of,
            goals=goals(objectives),
            **definition,
        ),
        first=first,
        sampler=sampler,
        pruner=pruner,
        defaults=defaults,
        settings=storage,
    )


def complete(study, value=0.7):
    """Runs the next trial to its end."""
    asked = study.claim(None)
    study.finish(outcome(asked.number, value=value, parameters=asked.parameters))
    return asked


def stored(folder):
    """The study as Optuna alone reads it."""
    journal = folder / "study.journal"
    if journal.exists():
        storage = JournalStorage(JournalFileBackend(str(journal)))
        return optuna.load_study(study_name="s", storage=storage)
    return optuna.load_study(study_name="s", storage=f"sqlite:///{folder / 'study.db'}")
