"""`tuner clean` removes what nobody needs, when it is asked to, and nothing else."""

import os
import shlex
import shutil
import tempfile
from pathlib import Path

import pytest
from filelock import FileLock

from tests.commands.conftest import OWN
from tests.records import outcome
from tuner.__main__ import main
from tuner.cleaning import Leftover, remove_leftovers
from tuner.cleaning.studies import study_leftovers
from tuner.soup import Member, Soup, StoredSoup
from tuner.trial.folder import StudyFolder

ALL = "clean.older_than=0"
REMOVE = ("clean.remove=true", ALL)
STATE = "state.safetensors"


@pytest.fixture
def swept(folder, fake_workers, monkeypatch, capsys):
    """A finished sweep with a state that nothing resumes, and one that a resume needs."""
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)  # Python remembers the folder.
    assert main([*OWN, "launcher.slots=1", "sweep.n_trials=2"]) == 0
    capsys.readouterr()
    study = StudyFolder(folder / "outputs", "mine")
    for number in (0, 1):
        (study.trial(number).path / STATE).write_bytes(b"x" * 5000)
    study.trial(1).outcome.unlink()  # As of a trial that was interrupted.
    return study


def files(folder):
    """All files but locks and what SQLite keeps beside a database that is read."""
    passing = (".lock", ".db-wal", ".db-shm")
    found = folder.rglob("*")
    return {path for path in found if path.is_file() and path.suffix not in passing}


def test_it_lists_alone_and_its_command_removes(swept, folder, capsys):
    before = files(folder)
    assert main(["clean", ALL]) == 0
    printed = capsys.readouterr().out
    (states,) = (line for line in printed.splitlines() if line.startswith("states"))
    assert "5.0 kB" in states
    assert files(folder) == before
    (command,) = (line for line in printed.splitlines() if "clean.remove=true" in line)
    words = shlex.split(command)
    assert main(words[words.index("clean") :]) == 0
    gone = before - files(folder)
    assert swept.trial(0).path / STATE in gone
    assert {path for path in gone if folder / "cache" not in path.parents} == {
        swept.trial(0).path / STATE
    }
    assert (swept.trial(1).path / STATE).exists()
    assert main(["clean", ALL]) == 0
    assert "Nothing is left" in capsys.readouterr().out
    assert main([*OWN, "launcher.slots=1", "sweep.n_trials=3"]) == 0


def test_what_is_young_or_of_another_kind_stays(swept, folder, capsys):
    before = files(folder)
    assert main(["clean", "clean.remove=true"]) == 0
    assert files(folder) == before
    printed = capsys.readouterr().out
    (command,) = (line for line in printed.splitlines() if "clean.older_than=0" in line)
    assert "Nothing is left" in printed
    assert shlex.split(command)[-2:] == ["clean.older_than=0", "clean.remove=false"]
    assert main(["clean", *REMOVE, "clean.kinds=[models]"]) == 0
    assert files(folder) == before
    old = swept.trial(0).path / STATE
    os.utime(old, (0, 0))
    assert main(["clean", "clean.remove=true", "clean.kinds=[states]"]) == 0
    assert before - files(folder) == {old}


def test_parts_of_soups_are_leftovers_but_not_one_that_waits_to_be_published(tmp_path):
    study, member = StudyFolder(tmp_path, "mine"), Member(trial=0, seed=0)
    soup = Soup(objective="val_accuracy", selection_rows=20, acceptance_rows=20)
    stored = StoredSoup(soup=soup, considered=(member,), instead_of=member)
    waiting, partial = study.soups / stored.folder_name, study.soups / ".0123.partial"
    for path in (waiting, partial):
        path.mkdir(parents=True)
    trial = study.trial(0)
    trial.begin("")
    trial.partial_member.write_bytes(b"x")
    trial.finish(outcome(0))
    assert {each.path for each in study_leftovers(study, stored)} == {
        trial.partial_member, partial,
    }  # fmt: skip
    assert waiting in {each.path for each in study_leftovers(study, None)}
    trial.begin("")
    assert not trial.partial_member.exists()


def test_a_study_that_runs_is_left_alone(swept, folder, capsys):
    spool = swept.path / "spool"
    spool.mkdir(exist_ok=True)
    with FileLock(spool / "other.lock"):
        assert main(["clean", *REMOVE]) == 0
    assert "mine: not touched" in capsys.readouterr().out
    assert (swept.trial(0).path / STATE).exists()


def test_nothing_behind_a_link_is_touched(swept, folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / STATE).write_text("of somebody else")
    (elsewhere / "entry").mkdir()
    trial = swept.trial(0).path
    (trial / STATE).unlink()
    (trial / STATE).symlink_to(elsewhere / STATE)
    moved = elsewhere / "00001"
    shutil.move(swept.trial(1).path, moved)
    (moved / "outcome.json").write_text((trial / "outcome.json").read_text())
    swept.trial(1).path.symlink_to(moved)
    (folder / "cache" / "prepared" / "linked").symlink_to(elsewhere / "entry")
    (folder / "cache" / "notes.txt").write_text("mine")
    before = files(elsewhere)
    assert main(["clean", *REMOVE]) == 0
    assert files(elsewhere) == before
    assert (elsewhere / "entry").is_dir()
    assert (folder / "cache" / "notes.txt").exists()


def test_one_study_alone_is_cleaned_where_it_is_named(swept, folder, capsys):
    cached = files(folder / "cache")
    assert main(["clean", "study=mine", *REMOVE]) == 0
    assert files(folder / "cache") == cached
    assert not (swept.trial(0).path / STATE).exists()
    assert main(["clean", "study=other"]) == 2


def leftover(path, root):
    return Leftover(kind="cache", description="x", path=path, root=root, size=1, used=0.0)


def test_what_cannot_be_removed_is_named_and_the_rest_goes(tmp_path):
    (tmp_path / "entry").mkdir()
    (tmp_path / "entry" / "file").touch()
    refused = leftover(Path("/proc/self/status"), Path("/proc/self"))
    given = [
        refused,
        leftover(tmp_path / "entry", tmp_path),
        leftover(tmp_path / "gone", tmp_path),
    ]
    gone, failures = remove_leftovers(given, lambda model_id: "")
    assert gone == given[1:]
    assert [(each.leftover, bool(each.reason)) for each in failures] == [(refused, True)]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("word", ["clean.kinds=[all]", "clean.older_than=-1", "clean.remov=true"])
def test_wrong_words_are_refused(folder, word):
    assert main(["clean", word]) == 2
