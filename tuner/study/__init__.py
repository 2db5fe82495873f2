"""The Optuna adapter: one study shared by agents that may die, freeze or lose the database."""

from tuner.study.definition import Definition, differences, made_with
from tuner.study.initial_points import InitialPoints
from tuner.study.journal import journal_path
from tuner.study.journal_file import JournalFile
from tuner.study.lease import LONGEST_HOLD, LeaseError
from tuner.study.repeats_check import StudyPlace, check_repeats
from tuner.study.storage import LOCK_TIMEOUT, sqlite_url
from tuner.study.stores import lock_name, prepared_url, study_url
from tuner.study.study import Study

__all__ = [
    "LOCK_TIMEOUT",
    "LONGEST_HOLD",
    "Definition",
    "InitialPoints",
    "JournalFile",
    "LeaseError",
    "Study",
    "StudyPlace",
    "check_repeats",
    "differences",
    "journal_path",
    "lock_name",
    "made_with",
    "prepared_url",
    "sqlite_url",
    "study_url",
]
