"""A study whose agent is killed while it makes it: the next one makes it whole."""

import pytest

from tests.killed import AT_FLUSH, AT_STATEMENT, killed
from tests.studies import complete, make_study
from tuner.errors import InputError
from tuner.settings.settings import StorageSettings
from tuner.study import sqlite_url
from tuner.study.journal import journal_url
from tuner.study.reader import StudyReader
from tuner.trial.study_identity import StudyIdentity

SQLITE = """
from pathlib import Path
from tests.studies import make_study
from tuner.study import sqlite_url
make_study(sqlite_url(Path(sys.argv[2])))
"""
JOURNAL = """
from pathlib import Path
from tests.studies import make_study
from tuner.study.journal import journal_url
make_study(journal_url(Path(sys.argv[2])))
"""


def whole(url, total=2):
    """Opens the study twice and runs a trial each time; its identity."""
    identities = set()
    for _ in range(total):
        study = make_study(url)
        complete(study)
        identities.add(study.identity)
        study.close()
    study = make_study(url)
    assert [outcome.number for outcome in study.outcomes()] == list(range(total))
    study.close()
    (identity,) = identities
    return identity


def read(url, name, folder):
    """Identity that a report reads; None if it finds no study."""
    try:
        reader = StudyReader("s", StorageSettings(url=url, name=name), folder)
    except InputError as error:
        if "there is no study" not in error.problem:
            raise
        return None
    found = reader.identity
    reader.close()
    return found


@pytest.mark.parametrize(
    "statement", [0, 20, 45, *(pytest.param(n, marks=pytest.mark.slow) for n in range(5, 80, 5))]
)
def test_a_database_is_whole_after_the_next_start(tmp_path, statement):
    path = tmp_path / "study.db"
    killed(AT_STATEMENT + SQLITE, statement, path)
    seen = read(f"sqlite:///{path}", "sqlite", tmp_path)
    identity = whole(sqlite_url(path))
    assert identity.id
    assert seen in (None, identity, StudyIdentity(name="s", has_unmarked_runs=True))


@pytest.mark.parametrize("flush", range(4))
def test_a_journal_is_whole_after_the_next_start(tmp_path, flush):
    path = tmp_path / "study.journal"
    killed(AT_FLUSH + JOURNAL, flush, path)
    read(journal_url(path), "journal", tmp_path)
    assert not whole(journal_url(path)).has_unmarked_runs


def test_no_part_of_a_database_appears_under_its_name(tmp_path):
    path = tmp_path / "study.db"
    for statement in (0, 25, 40):
        assert killed(AT_STATEMENT + SQLITE, statement, path)
        assert not path.exists()
    sqlite_url(path)
    assert [file.name for file in tmp_path.iterdir()] == ["study.db"]


@pytest.mark.parametrize(
    "statement", [25, *(pytest.param(n, marks=pytest.mark.slow) for n in range(20, 51, 3))]
)
def test_what_earlier_versions_left_half_made_is_completed(tmp_path, statement):
    path = tmp_path / "study.db"
    script = "import optuna\noptuna.storages.RDBStorage('sqlite:///' + sys.argv[2])\n"
    assert killed(AT_STATEMENT + script, statement, path)
    whole(sqlite_url(path))
