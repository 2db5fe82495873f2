"""The id that tells a study from another one of the same name."""

import optuna

from tests.studies import make_study, on_both, stored
from tuner.core.identity import STUDY_ID, UNMARKED_RUNS
from tuner.core.settings import StorageSettings
from tuner.study import sqlite_url
from tuner.study_reader import StudyReader


@on_both
def test_a_study_gets_its_id_with_its_definition_and_keeps_it(open_study, tmp_path):
    first, joined = open_study(), open_study()
    assert first.identity.id
    assert joined.identity == first.identity
    assert not first.identity.has_unmarked_runs
    assert stored(tmp_path).user_attrs[STUDY_ID] == first.identity.id


@on_both
def test_a_study_of_a_version_without_ids_gets_one_and_is_known_to_be_older(open_study, tmp_path):
    open_study().close()
    forget_id(stored(tmp_path))
    again = open_study()
    assert again.identity.id
    assert again.identity.has_unmarked_runs
    assert open_study().identity == again.identity


def test_studies_of_one_name_in_two_files_differ(tmp_path):
    ids = set()
    for name in ("a.db", "b.db"):
        study = make_study(sqlite_url(tmp_path / name))
        ids.add(study.identity.id)
        study.close()
    assert len(ids) == 2


def test_who_reads_a_study_knows_its_id(tmp_path):
    url = sqlite_url(tmp_path / "study.db")
    study = make_study(url)
    study.close()
    reader = StudyReader("s", StorageSettings(url=url, name="sqlite"), tmp_path)
    assert reader.identity == study.identity
    reader.close()


def forget_id(study: optuna.Study):
    """Leaves the study as a version without ids made it: with an attribute that says nothing."""
    study.set_user_attr(STUDY_ID, None)
    study.set_user_attr(UNMARKED_RUNS, None)
