"""A study that vanishes while it is run: nobody goes on as if it were there."""

import shutil

import optuna
import pytest

from tests.studies import complete, make_study, on_both, stored
from tuner.study import sqlite_url
from tuner.study.lost import StudyLostError


def file_of(folder):
    (found,) = [*folder.glob("study.db"), *folder.glob("study.journal")]
    return found


def test_a_database_that_is_removed_is_told_and_written_again(open_study, tmp_path):
    study = open_study()
    complete(study)
    file_of(tmp_path).unlink()
    for _ in range(2):
        with pytest.raises(StudyLostError, match="removed"):
            complete(study)
    study.close()
    again = open_study()
    assert [outcome.number for outcome in again.outcomes()] == [0]
    assert again.identity == study.identity


def test_of_two_agents_that_lose_their_database_one_writes_it_again(open_study, tmp_path):
    first, second = open_study(), open_study()
    complete(first)
    complete(second)
    file_of(tmp_path).unlink()
    for agent in (first, second):
        with pytest.raises(StudyLostError):
            agent.claim(None)
        agent.close()
    assert [path.name for path in tmp_path.iterdir() if "study" in path.name] == ["study.db"]
    assert [outcome.number for outcome in open_study().outcomes()] == [0, 1]


def test_a_folder_that_is_removed_is_told_and_stays_removed(tmp_path):
    study = make_study(sqlite_url(tmp_path / "s" / "study.db"))
    shutil.rmtree(tmp_path / "s")
    with pytest.raises(StudyLostError, match="folder"):
        study.claim(None)
    study.close()
    assert not (tmp_path / "s").exists()


@on_both
def test_a_file_in_the_place_of_the_study_is_told(open_study, tmp_path):
    study = open_study()
    file = file_of(tmp_path)
    shutil.copy(file, tmp_path / "copy")
    complete(study)
    (tmp_path / "copy").replace(file)
    with pytest.raises(StudyLostError, match="replaced"):
        study.claim(None)
    study.close()


@pytest.mark.parametrize("kind", ["journal"], indirect=True)
def test_a_journal_that_is_cut_off_is_told(open_study, tmp_path):
    study = open_study()
    complete(study)
    with file_of(tmp_path).open("r+b") as file:
        file.truncate(100)
    with pytest.raises(StudyLostError, match="truncated"):
        study.claim(None)


@on_both
@pytest.mark.parametrize("call", [lambda s: s.claim(None), lambda s: s.outcomes(), complete])
def test_a_study_that_is_deleted_from_its_storage_is_told(open_study, tmp_path, call):
    study = open_study()
    complete(study)
    found = stored(tmp_path)
    optuna.delete_study(study_name="s", storage=found._storage)
    with pytest.raises(StudyLostError, match="deleted"):
        call(study)
