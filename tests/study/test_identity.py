"""The id that tells a study from another one of the same name."""

import subprocess

import optuna
import pytest

from tests.studies import make_study, on_both, stored
from tuner.errors import InputError
from tuner.settings.settings import StorageSettings
from tuner.study import prepared_url, sqlite_url
from tuner.study.reader import StudyReader
from tuner.trial.folder import StudyFolder
from tuner.trial.study_identity import STUDY_ID, UNMARKED_RUNS


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


@on_both
def test_repeats_belong_to_one_study_and_are_refused_for_another(open_study, tmp_path):
    open_study().close()  # As a version without ids left it.
    open_study(repeats_of="a" * 32).close()
    open_study(repeats_of="a" * 32).close()
    before = stored(tmp_path).user_attrs
    with pytest.raises(InputError, match="another study"):
        open_study(repeats_of="b" * 32)
    assert stored(tmp_path).user_attrs == before


@pytest.mark.parametrize("name", ["study.db", "study.journal"])
def test_repeats_of_a_study_that_was_removed_are_never_taken_for_a_new_ones(tmp_path, name):
    folder = StudyFolder(tmp_path, "s")
    folder.confirmation.path.mkdir(parents=True)
    (folder.confirmation.path / name).touch()
    with pytest.raises(InputError) as refused:
        prepared_url(StorageSettings(), folder)
    assert not folder.database.exists()
    subprocess.run(refused.value.remedy.split("`")[1], shell=True, check=True)  # noqa: S602
    assert prepared_url(StorageSettings(), folder).endswith("study.db")
