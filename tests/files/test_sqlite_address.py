import sqlite3
from contextlib import closing
from pathlib import Path

import optuna
import pytest
from sqlalchemy import create_engine, text

from tuner.files.sqlite_address import (
    optuna_address,
    sqlite_address,
    sqlite_path,
    without_encoding,
)

NAMES = ["plain", "my exp", "é", "a#b", "50%", "a%20b", "what?", "{study}", "{0}", "a&b=c", "%41"]


@pytest.mark.parametrize("name", NAMES)
def test_a_path_survives_its_address(name):
    path = Path("/data") / name / "study.db"
    assert sqlite_path(sqlite_address(path)) == path
    assert sqlite_path(sqlite_address(Path(name))) == Path(name)


@pytest.mark.parametrize("name", NAMES)
def test_sqlalchemy_opens_the_file_that_was_meant_and_leaves_nothing_beside_it(name, tmp_path):
    folder = tmp_path / name
    folder.mkdir()
    engine = create_engine(sqlite_address(folder / "a.db"))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE kept (number INTEGER)"))
    engine.dispose()
    with closing(sqlite3.connect(folder / "a.db")) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("kept",)]
    assert [found.name for found in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", NAMES)
def test_optuna_opens_an_address_with_braces(name, tmp_path):
    (tmp_path / name).mkdir()
    path = tmp_path / name / "study.db"
    optuna.storages.RDBStorage(optuna_address(f"{sqlite_address(path)}"))
    assert path.is_file()


def test_the_schema_version_of_optuna_is_still_filled_in():
    assert optuna_address("sqlite:///{a}-{SCHEMA_VERSION}.db") == (
        "sqlite:///{{a}}-{SCHEMA_VERSION}.db"
    )


@pytest.mark.parametrize("name", [name for name in NAMES if name != "what?"])
def test_an_address_without_encoding_names_the_same_file(name, tmp_path, monkeypatch):
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / name)
    path = tmp_path / name / "mlflow.db"
    found = without_encoding(sqlite_address(path))
    named = sqlite_path(found)
    assert named is not None
    assert named.absolute() == path
    # The text itself names the file: MLflow creates its folder without decoding it.
    assert Path(found.removeprefix("sqlite:///")).absolute() == path


@pytest.mark.parametrize(
    "address",
    ["http://host/a%20b", "sqlite://", "sqlite:///:memory:", "postgresql://h/%20", "x"],
)
def test_other_addresses_stay_as_they_are(address):
    assert without_encoding(address) == address
