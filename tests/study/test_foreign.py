"""Studies and databases of other programs: refused, and left as they were."""

import json
import sqlite3
from contextlib import closing

import optuna
import pytest
from optuna.distributions import CategoricalDistribution
from optuna.storages import JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import create_trial

from tests.records import settings
from tests.studies import complete, make_study, on_both, stored
from tuner.errors import InputError
from tuner.settings.settings import StorageSettings
from tuner.study import sqlite_url
from tuner.study.foreign import refuse_foreign_server
from tuner.study.reader import StudyReader


def storage_of(folder, kind):
    """The storage of `open_study`, as another program opens it."""
    if kind == "journal":
        return JournalStorage(JournalFileBackend(str(folder / "study.journal")))
    return RDBStorage(f"sqlite:///{folder / 'study.db'}")


def content_of(folder, kind):
    """Content of the storage."""
    if kind == "journal":
        return (folder / "study.journal").read_bytes()
    with closing(sqlite3.connect(folder / "study.db")) as connection:
        return list(connection.iterdump())


def with_running_trial(study):
    study.ask()


def with_scores(study):
    for score in (10.0, 20.0):
        trial = study.ask()
        trial.suggest_float("optimizer.learning_rate", 1e-6, 1e-3)
        study.tell(trial, score)


def with_attributes(study):
    study.set_user_attr("owner", "somebody")


def with_a_definition_of_its_own(study):
    study.set_user_attr("definition", "of another kind")


def empty(study):
    """Nothing is done with it."""


FOREIGN = {
    "a running trial": (["maximize"], with_running_trial),
    "scored trials": (["maximize"], with_scores),
    "attributes": (["maximize"], with_attributes),
    "a definition": (["maximize"], with_a_definition_of_its_own),
    "another direction": (["minimize"], empty),
    "several objectives": (["maximize", "minimize"], empty),
}


@on_both
@pytest.mark.parametrize("what", FOREIGN)
def test_a_study_of_another_program_is_refused_and_left_as_it_was(
    what, open_study, kind, tmp_path
):
    directions, made = FOREIGN[what]
    made(
        optuna.create_study(
            study_name="s", storage=storage_of(tmp_path, kind), directions=directions
        )
    )
    before = content_of(tmp_path, kind)
    with pytest.raises(InputError) as refused:
        open_study()
    assert "'s'" in refused.value.problem
    assert "study=s-2" in refused.value.remedy
    assert content_of(tmp_path, kind) == before
    other = open_study(name="s-2")  # The remedy.
    assert complete(other).number == 0


@on_both
def test_a_study_that_an_agent_left_half_made_is_made_whole(open_study, kind, tmp_path):
    optuna.create_study(
        study_name="s", storage=storage_of(tmp_path, kind), directions=["maximize"]
    )
    study = open_study()
    assert study.is_new
    assert complete(study).number == 0


def test_a_study_of_ours_made_of_something_else_is_left_as_it_was(open_study, tmp_path):
    study = open_study()
    complete(study)
    study.close()
    before = content_of(tmp_path, "sqlite")
    with pytest.raises(InputError, match="another definition"):
        open_study(base=settings(epochs=9.0))
    assert content_of(tmp_path, "sqlite") == before


@on_both
def test_trials_that_another_program_runs_in_a_study_of_ours_are_not_ours(
    open_study, kind, tmp_path
):
    study = open_study()
    complete(study)
    stored(tmp_path).ask()
    assert complete(study).number == 2
    assert not study.may_claim(2)
    again = open_study()
    assert again.requeue_orphans() == []


@on_both
def test_trials_that_do_not_fit_are_named(open_study, kind, tmp_path):
    study = open_study()
    theirs = {"optimizer": CategoricalDistribution(("none", "of", "ours"))}
    stored(tmp_path).add_trial(
        create_trial(params={"optimizer": "of"}, distributions=theirs, value=0.5)
    )
    with pytest.raises(InputError, match="another program"):
        study.claim(None)


def test_report_refuses_a_study_with_a_definition_of_another_kind(tmp_path):
    folder = tmp_path / "outputs" / "s"
    folder.mkdir(parents=True)
    study = optuna.create_study(study_name="s", storage=storage_of(folder, "sqlite"))
    with_a_definition_of_its_own(study)
    reader = StudyReader("s", StorageSettings(), tmp_path / "outputs")
    with pytest.raises(InputError, match="not made by a sweep"):
        reader.read()
    reader.close()


# -- databases and files ------------------------------------------------------------------------

TABLES = {
    "tables of its own": "CREATE TABLE bookmarks (url TEXT)",
    "a table of studies of its own": "CREATE TABLE studies (id INTEGER, title TEXT)",
    "tables as MLflow has them": (
        "CREATE TABLE alembic_version (v TEXT); CREATE TABLE runs (run_uuid TEXT)"
    ),
}


@pytest.mark.parametrize("way", ["output", "url"])
@pytest.mark.parametrize("what", TABLES)
def test_a_database_of_another_program_is_refused_byte_for_byte(what, way, tmp_path):
    path = tmp_path / "study.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(TABLES[what])
    before = path.read_bytes()
    with pytest.raises(InputError, match="another program"):
        make_study(sqlite_url(path) if way == "output" else f"sqlite:///{path}")
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["study.db"]


@pytest.mark.parametrize("what", ["a table of studies of its own", "tables as MLflow has them"])
def test_a_servers_database_is_refused_where_tables_would_meet(what, tmp_path):
    """The look alone: it asks SQLAlchemy, whatever the server is."""
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(TABLES[what])
    with pytest.raises(InputError, match="another program"):
        refuse_foreign_server(f"sqlite:///{path}", "shown")


def test_a_servers_database_may_hold_other_tables(tmp_path):
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(TABLES["tables of its own"])
    refuse_foreign_server(f"sqlite:///{path}", "shown")


@pytest.mark.parametrize(
    "line", [json.dumps({"level": "info"}), "[1, 2]", "7", "not JSON", "[" * 100_000]
)
def test_a_file_that_is_no_journal_is_refused_and_nothing_is_made_beside_it(line, tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text(f"{line}\n{line}\n")
    before = path.read_bytes()
    with pytest.raises(InputError, match="no record"):
        make_study(f"journal:///{path}")
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["events.jsonl"]
