import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.studies import make_study
from tuner.errors import InputError
from tuner.files import mounts
from tuner.files.sqlite_address import sqlite_path
from tuner.settings.settings import StorageSettings
from tuner.study import prepared_url, sqlite_url, study_url
from tuner.study.owner import identity
from tuner.study.storage import OpenStorage
from tuner.trial.folder import StudyFolder

MOUNTS = "22 1 8:1 / / rw - ext4 /dev/a rw\n35 22 0:31 / {folder} rw - {kind} server:/x rw\n"


@pytest.fixture
def mounted(tmp_path, monkeypatch):
    """Lets the system say that the output folder is a file system of some kind."""

    def mount(kind):
        told = tmp_path / "mountinfo"
        told.write_text(MOUNTS.format(folder=tmp_path / "outputs", kind=kind))
        monkeypatch.setattr(mounts, "_MOUNTS", told)
        return StudyFolder(tmp_path / "outputs", "s")

    return mount


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "lustre", "fuse.sshfs"])
def test_sqlite_on_a_network_file_system_is_refused_before_anything_is_made(mounted, kind):
    folder = mounted(kind)
    for url in (None, f"sqlite:///{folder.path}/mine.db"):
        with pytest.raises(InputError, match=rf"\({kind}\)(.|\n)*storage=journal") as caught:
            prepared_url(StorageSettings(url=url), folder)
        assert "storage=postgresql" in caught.value.remedy
    assert not folder.path.exists()


def test_a_journal_may_lie_there(mounted):
    folder = mounted("nfs4")
    url = prepared_url(StorageSettings(name="journal"), folder)
    assert url == f"journal:///{folder.path}/study.journal"


def test_sqlite_on_a_local_disk_is_made(mounted):
    folder = mounted("xfs")
    assert prepared_url(StorageSettings(), folder) == f"sqlite:///{folder.database}"
    assert folder.database.exists()


@pytest.mark.parametrize("name", ["postgresql", "redis"])
def test_an_address_that_is_missing_is_asked_for(tmp_path, name):
    with pytest.raises(InputError, match=r"storage\.url(.|\n)*postgresql"):
        study_url(StorageSettings(name=name), StudyFolder(tmp_path, "s"))


def test_only_a_sqlite_address_names_a_file_of_sqlite():
    assert str(sqlite_path("sqlite:////a/b.db")) == "/a/b.db"
    assert sqlite_path("sqlite://") is None
    assert sqlite_path("sqlite:///:memory:") is None
    assert sqlite_path("postgresql://h/d") is None
    assert sqlite_path("nonsense") is None


def test_a_study_stays_where_it_is(tmp_path):
    folder = StudyFolder(tmp_path / "outputs", "s")
    folder.path.mkdir(parents=True)
    assert study_url(StorageSettings(), folder) == f"sqlite:///{folder.database}"
    folder.journal.touch()
    assert study_url(StorageSettings(), folder) == f"journal:///{folder.journal}"
    folder.journal.unlink()
    folder.database.touch()
    with pytest.raises(InputError, match="in a database already"):
        study_url(StorageSettings(name="journal"), folder)


def asked(url, question):
    """Return what the connection that an agent writes with says of itself."""
    opened = OpenStorage.database(url, identity(), "s")
    try:
        with opened.engine.connect() as connection:
            return connection.scalar(text(question))
    finally:
        opened.close()


def test_only_a_write_ahead_log_is_synced_seldom(tmp_path):
    normal, full = 1, 2
    own = sqlite_url(tmp_path / "own.db")
    assert asked(own, "PRAGMA synchronous") == normal
    assert asked(f"sqlite:///{tmp_path}/plain.db", "PRAGMA synchronous") == full


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "nodriver://u:secret@h/x",
        "postgresql://u:secret@127.0.0.1:9/x",
        "sqlite:////proc/x",
    ],
)
def test_a_storage_that_can_not_be_opened_is_the_users_error_without_its_password(url):
    with pytest.raises(InputError) as caught:
        make_study(url)
    assert "storage.url" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_folder_that_can_not_be_written_is_the_users_error():
    with pytest.raises(InputError, match="output=/proc"):
        sqlite_url(Path("/proc/x/study.db"))


def test_the_database_is_in_write_ahead_mode(tmp_path):
    sqlite_url(tmp_path / "deep" / "study.db")
    with closing(sqlite3.connect(tmp_path / "deep" / "study.db")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
