"""Files of another program in the place of a sweep's study."""

import os
import sqlite3
from contextlib import closing

import optuna
from mlflow import MlflowClient

from tests.commands.conftest import OWN
from tuner.__main__ import main


def test_a_database_of_another_program_is_refused(folder, fake_workers, capsys):
    place = folder / "outputs" / "mine"
    place.mkdir(parents=True)
    with closing(sqlite3.connect(place / "study.db")) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    before = (place / "study.db").read_bytes()
    assert main(OWN) == 2
    assert "bookmarks" in capsys.readouterr().err
    assert (place / "study.db").read_bytes() == before


def test_a_study_of_another_program_is_refused_and_the_remedy_works(folder, fake_workers, capsys):
    url = f"sqlite:///{folder / 'shared.db'}"
    theirs = optuna.create_study(study_name="mine", storage=url, direction="minimize")
    theirs.ask()
    words = [*OWN, f"storage.url={url}", "sweep.n_trials=1"]
    assert main([*words, "study=mine"]) == 2
    told = capsys.readouterr().err
    assert "study=mine-2" in told
    assert len(theirs.trials) == 1
    assert main([*words, "study=mine-2"]) == 0


# -- where the repeats of a confirmation would be ---------------------------------------------

CONFIRM = "sweep.confirm={top: 1, seeds: 2}"
REPEATS = "mine.confirm"


def assert_refused_before_anything_is_trained(folder, capsys, *words):
    assert main([*OWN, CONFIRM, "sweep.n_trials=1", *words]) == 2
    assert not list(folder.glob("outputs/*/trials"))
    assert MlflowClient(os.environ["MLFLOW_TRACKING_URI"]).get_experiment_by_name("mine") is None
    return capsys.readouterr().err


def test_a_foreign_study_of_repeats_is_refused_at_the_start(folder, fake_workers, capsys):
    url = f"sqlite:///{folder / 'shared.db'}"
    optuna.create_study(study_name=REPEATS, storage=url, direction="minimize").ask()
    words = ["study=mine", f"storage.url={url}"]
    told = assert_refused_before_anything_is_trained(folder, capsys, *words)
    assert REPEATS in told
    assert "study=mine-2" in told
    assert optuna.get_all_study_names(url) == [REPEATS]
    # Without a confirmation nobody needs that name, and the remedy works.
    assert main([*OWN, *words, "sweep.n_trials=1"]) == 0
    assert main([*OWN, CONFIRM, *words, "study=mine-2", "sweep.n_trials=1"]) == 0


def test_repeats_of_a_study_that_was_deleted_are_refused_at_the_start(
    folder, fake_workers, capsys
):
    url = f"sqlite:///{folder / 'shared.db'}"
    words = ["study=mine", f"storage.url={url}"]
    assert main([*OWN, CONFIRM, "sweep.n_trials=1", *words]) == 0
    optuna.delete_study(study_name="mine", storage=url)
    (folder / "outputs").rename(folder / "old")
    capsys.readouterr()
    assert main([*OWN, CONFIRM, "sweep.n_trials=1", *words]) == 2
    assert "repeats trials of another study" in capsys.readouterr().err
    assert not list(folder.glob("outputs/*/trials"))
    assert optuna.get_all_study_names(url) == [REPEATS]


def test_another_programs_files_among_the_repeats_are_refused_at_the_start(
    folder, fake_workers, capsys
):
    place = folder / "outputs" / "mine" / "confirm"
    place.mkdir(parents=True)
    with closing(sqlite3.connect(place / "study.db")) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    before = (place / "study.db").read_bytes()
    # Without a study beside them they count as left by one that was removed.
    (folder / "outputs/mine/study.db").touch()
    assert "bookmarks" in assert_refused_before_anything_is_trained(folder, capsys)
    assert (place / "study.db").read_bytes() == before
    (place / "study.db").unlink()
    (place / "trials").write_text("a file of the user's")
    assert str(place / "trials") in assert_refused_before_anything_is_trained(
        folder, capsys
    ).replace("outputs/", f"{folder}/outputs/")
