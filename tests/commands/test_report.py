"""The command on studies that real sweeps left; only the fine-tune in the worker was a fake."""

import re
import shutil
import threading
import time

import optuna
import pytest

from tests.commands.conftest import OWN
from tests.tracking.runs import found
from tuner.__main__ import main
from tuner.orchestration.report_page import Reporter
from tuner.settings.settings import StorageSettings
from tuner.study.reader import StudyReader
from tuner.trial.folder import StudyFolder


@pytest.fixture
def swept(folder, fake_workers, capsys):
    """The folder after a sweep."""
    assert main([*OWN, "launcher.slots=2"]) == 0
    capsys.readouterr()
    return folder


def stored(folder):
    return optuna.load_study(
        study_name="mine", storage=f"sqlite:///{folder}/outputs/mine/study.db"
    )


def files(folder):
    return {path: path.stat().st_mtime_ns for path in (folder / "outputs").rglob("*")}


def test_the_table_and_the_page_show_every_trial(swept, capsys):
    assert main(["report", "sweep=mine"]) == 0
    printed = capsys.readouterr().out
    assert "rank  trial  val_accuracy" in printed
    assert "page          outputs/mine/report.html" in printed
    page = (swept / "outputs/mine/report.html").read_text()
    for trial in stored(swept).trials:
        diagnosis = trial.user_attrs["outcome"]["diagnosis"]
        assert re.search(rf"trial +{trial.number} .*{diagnosis['status']}", printed)
        assert diagnosis["reason"] in printed
        card = page[page.index(f'id="trial-{trial.number}"') :]
        assert diagnosis["status"].replace("_", " ") in card[:400]
    assert page.count("<svg viewBox") == 4
    assert "tuner train outputs/mine/best.yaml" in page


def test_the_study_is_only_read(swept):
    before = stored(swept).get_trials()
    (swept / "outputs/mine/report.html").unlink()  # The sweep has left it.
    assert main(["report", "study=mine", "report.output=elsewhere/page.html"]) == 0
    assert stored(swept).get_trials() == before
    assert (swept / "elsewhere/page.html").exists()
    assert not (swept / "outputs/mine/report.html").exists()


def test_the_sweeps_file_is_not_needed(swept):
    shutil.rmtree(swept / "sweeps")
    assert main(["report", "sweep=mine"]) == 0


def test_a_study_that_is_not_there_is_not_made_and_those_that_are_get_listed(swept, capsys):
    before = files(swept)
    assert main(["report", "sweep=yours"]) == 2
    message = capsys.readouterr().err
    assert "there is no study 'yours'" in message
    assert "one of mine" in message
    assert main(["report"]) == 2
    assert "one of mine" in capsys.readouterr().err
    assert files(swept) == before


def test_before_the_first_sweep_nothing_is_made(folder, capsys):
    before = set(folder.rglob("*"))
    assert main(["report", "sweep=mine"]) == 2
    assert "tuner sweep=NAME" in capsys.readouterr().err
    assert main(["report", "sweep=mine", "storage.url=sqlite:///other.db"]) == 2
    (folder / "empty.db").touch()
    assert main(["report", "sweep=mine", "storage.url=sqlite:///empty.db"]) == 2
    assert (folder / "empty.db").stat().st_size == 0
    assert set(folder.rglob("*")) - before == {folder / "empty.db"}


def test_storage_that_can_not_be_read_says_so_without_the_password(folder, capsys):
    (folder / "no.db").write_text("this is no database " * 100)
    assert main(["report", "study=mine", "storage.url=sqlite:///no.db"]) == 2
    assert "cannot be read" in capsys.readouterr().err
    url = "nothing://me:secret@host/db"
    assert main(["report", "study=mine", f"storage.url='{url}'"]) == 2
    message = capsys.readouterr().err
    assert "cannot be read" in message
    assert "secret" not in message


def test_a_study_of_another_program_is_refused(folder, capsys):
    optuna.create_study(study_name="theirs", storage="sqlite:///theirs.db")
    assert main(["report", "study=theirs", "storage.url=sqlite:///theirs.db"]) == 2
    assert "was not made by a sweep" in capsys.readouterr().err
    assert main(["report", "study=mine", "storage.url=sqlite:///theirs.db"]) == 2
    assert "one of theirs" in capsys.readouterr().err


def test_unknown_keys_are_refused_with_what_was_meant(folder, capsys):
    assert main(["report", "sweep=mine", "report.folow=true"]) == 2
    assert "report.follow" in capsys.readouterr().err


def test_a_folder_with_signs_in_its_name(folder, fake_workers):
    name = "a b%20{c}?#&'"
    assert main([*OWN, "sweep.n_trials=1"]) == 0
    (folder / name).mkdir()
    shutil.copytree(folder / "outputs/mine", folder / name / "mine")
    reader = StudyReader("mine", StorageSettings(), folder / name)
    assert len(reader.read().trials) == 1
    reader.close()


def test_trials_whose_folder_is_elsewhere_have_their_row_and_their_scores(swept, capsys):
    shutil.rmtree(swept / "outputs/mine/trials")
    assert main(["report", "sweep=mine"]) == 0
    assert "rank  trial  val_accuracy" in capsys.readouterr().out
    page = (swept / "outputs/mine/report.html").read_text()
    assert page.count("its curves are where it ran") == 4


def test_a_torn_line_costs_one_point(swept):
    reports = swept / "outputs/mine/trials/00000/reports.jsonl"
    lines = reports.read_text().splitlines()
    reports.write_text("\n".join(lines)[:-50])
    reader = StudyReader("mine", StorageSettings(), swept / "outputs")
    reporter = Reporter(
        reader=reader, folder=StudyFolder(swept / "outputs", "mine"), page=swept / "page.html"
    )
    trial = next(t for t in reporter.view().trials if t.number == 0)
    reader.close()
    assert len(trial.curve) == len(lines) - 1


def test_running_and_waiting_trials_are_shown(swept, capsys):
    study = stored(swept)
    study.enqueue_trial({"schedule": "linear"})
    trial = study.ask()
    trial.suggest_categorical("schedule", ("linear", "constant"))
    trial.report(0.625, 1)
    study.enqueue_trial({"schedule": "constant"})
    assert main(["report", "sweep=mine"]) == 0
    printed = capsys.readouterr().out
    assert "trial   4 running  10%  val_accuracy 0.6250  schedule=linear" in printed
    assert "trial   5 waiting" in printed
    page = (swept / "outputs/mine/report.html").read_text()
    assert "1 running" in page
    assert "1 waiting" in page


def test_following_tells_each_trial_that_ends_and_stops_with_the_last(swept, capsys):
    study = stored(swept)
    trial = study.ask()
    (swept / "outputs/mine/report.html").unlink()  # The sweep has left it.

    seen = []

    def end():
        page = swept / "outputs/mine/report.html"
        until = time.monotonic() + 60
        while not page.exists() and time.monotonic() < until:
            time.sleep(0.05)
        seen.append(page.read_text() if page.exists() else "")
        study.tell(trial, 0.625)

    thread = threading.Thread(target=end)
    thread.start()
    assert main(["report", "sweep=mine", "report.follow=true", "report.interval=0.1"]) == 0
    thread.join()
    assert 'http-equiv="refresh"' in seen[0]
    printed = capsys.readouterr().out
    assert "trial   4  complete    val_accuracy 0.6250" in printed
    assert 'http-equiv="refresh"' not in (swept / "outputs/mine/report.html").read_text()


def test_ending_the_following_is_no_failure(swept, monkeypatch):
    stored(swept).ask()

    def interrupt(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr("tuner.commands.report.time.sleep", interrupt)
    assert main(["report", "sweep=mine", "report.follow=true"]) == 0
    assert (swept / "outputs/mine/report.html").exists()


def test_a_page_that_can_not_be_written_is_wrong_input(swept, capsys):
    (swept / "file").touch()
    assert main(["report", "sweep=mine", "report.output=file/page.html"]) == 2
    assert "the page cannot be written" in capsys.readouterr().err


def test_what_a_sweep_without_mlflow_left_is_sent_once(folder, fake_workers, capsys, mlflow_uri):
    assert main([*OWN, "launcher.slots=2", "tracking=offline"]) == 0
    assert f"tuner report study=mine tracking.uri={mlflow_uri}" in capsys.readouterr().out
    assert found(mlflow_uri, study="mine") == []
    for told in (True, False):
        assert main(["report", "sweep=mine"]) == 0
        assert ("the runs of 1 more agents" in capsys.readouterr().out) is told
        runs = found(mlflow_uri, study="mine")
        assert sorted(run.data.tags["trial_number"] for run in runs) == ["0", "1", "2", "3"]
        assert len(found(mlflow_uri, "sweep", "mine")) == 1


def test_help_shows_how_to_follow(capsys):
    assert main(["report", "--help"]) == 0
    assert "report.follow=true" in capsys.readouterr().out
