"""The Optuna adapter: one study shared by agents that may die, freeze or lose the database."""

from tuner.study.definition import Definition, differences, made_with
from tuner.study.storage import LOCK_TIMEOUT, sqlite_url
from tuner.study.study import Asked, Study

__all__ = [
    "LOCK_TIMEOUT",
    "Asked",
    "Definition",
    "Study",
    "differences",
    "made_with",
    "sqlite_url",
]
