"""A study whose tables another version of Optuna made: refused as it is, and the remedy works."""

import os
import re
import subprocess
import sys
from pathlib import Path

import optuna
import pytest
from optuna.storages._rdb import models

from tests.studies import complete, make_study
from tuner.doctor.stores import storage_line
from tuner.errors import InputError
from tuner.settings.settings import AgentSettings, StorageSettings
from tuner.study import sqlite_url
from tuner.study.reader import StudyReader


def of_version(url, revision, library):
    """Leaves the tables as another version of Optuna has them."""
    storage = optuna.storages.RDBStorage(url)
    with storage.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = ?", (revision,))
    with storage.scoped_session() as session, session.begin():
        session.query(models.VersionInfoModel).one().library_version = library
    storage.engine.dispose()


@pytest.fixture
def url(tmp_path):
    made = sqlite_url(tmp_path / "outputs" / "s" / "study.db")
    study = make_study(made)
    complete(study)
    study.close()
    return made


def looks(url, tmp_path):
    """Everything that opens a stored study."""
    output = tmp_path / "outputs"
    settings = StorageSettings()
    yield lambda: make_study(url)
    yield lambda: StudyReader("s", settings, output)
    yield lambda: storage_line(AgentSettings(output=str(output), study="s"))


@pytest.mark.parametrize(
    ("revision", "library", "remedy"),
    [("v3.0.0.d", "3.0.0", "optuna storage upgrade"), ("v9.9.9.a", "9.9.9", "--upgrade")],
)
def test_each_way_to_a_study_names_both_versions_and_the_remedy(
    url, tmp_path, revision, library, remedy
):
    of_version(url, revision, library)
    before = (tmp_path / "outputs" / "s" / "study.db").read_bytes()
    for look in looks(url, tmp_path):
        with pytest.raises(InputError) as refused:
            look()
        assert f"Optuna {library}" in refused.value.problem
        assert remedy in refused.value.remedy
    assert (tmp_path / "outputs" / "s" / "study.db").read_bytes() == before


def test_the_command_of_the_remedy_makes_the_study_usable(url, tmp_path):
    of_version(url, "v3.0.0.d", "3.0.0")
    with pytest.raises(InputError) as refused:
        make_study(url)
    command = re.search("`(.*)`", refused.value.remedy)[1]
    scripts = str(Path(sys.executable).parent)
    environment = os.environ | {"PATH": f"{scripts}:{os.environ['PATH']}"}
    subprocess.run(command, shell=True, check=True, env=environment)  # noqa: S602
    study = make_study(url)
    assert [outcome.number for outcome in study.outcomes()] == [0]
    study.close()
