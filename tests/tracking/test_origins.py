"""The commit of the working folder, read without running what the folder's configuration names."""

import subprocess

import pytest

from tuner.tracking.origins import COMMIT, origin

DIRTY = "mlflow.source.git.dirty"


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "a").write_text("a\n")
    (folder / ".gitattributes").write_text("* filter=mine\n")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "-c", "user.name=n", "-c", "user.email=n@example.org", "commit", "-qm", "first")
    return folder


def git(folder, *words):
    subprocess.run(["git", "-C", folder, *words], check=True, capture_output=True)


def test_the_commit_and_whether_files_differ(checkout):
    tags = origin([], checkout)
    assert len(tags[COMMIT]) == 40
    assert tags[DIRTY] == "false"
    (checkout / "a").write_text("b\n")
    assert origin([], checkout)[DIRTY] == "true"


def test_a_folder_that_is_no_checkout_has_no_commit(tmp_path):
    assert COMMIT not in origin([], tmp_path)


@pytest.mark.parametrize("key", ["core.fsmonitor", "filter.mine.clean", "filter.mine.process"])
def test_programs_of_a_hostile_configuration_are_not_run(checkout, tmp_path, key):
    touched = tmp_path / "touched"
    git(checkout, "config", key, f"touch '{touched}'; cat")
    git(checkout, "config", "filter.mine.required", "true")
    (checkout / "a").write_text("b\n")
    assert origin([], checkout)[DIRTY] == "true"
    assert not touched.exists()
    # The same configuration does run it otherwise.
    subprocess.run(["git", "-C", checkout, "status"], check=False, capture_output=True)
    assert touched.exists()
