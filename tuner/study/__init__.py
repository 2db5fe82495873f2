"""The Optuna adapter: one study shared by agents that may die, freeze or lose the database."""

from tuner.study.definition import Definition, differences
from tuner.study.storage import LOCK_TIMEOUT, sqlite_url
from tuner.study.study import Asked, Study

__all__ = ["LOCK_TIMEOUT", "Asked", "Definition", "Study", "differences", "sqlite_url"]
