"""When something is published, and what a process that fails or hangs does to the sweep."""

import json
import sys
import time
from dataclasses import replace

import pytest

from tuner.tracking.publishing import Publisher, Request
from tuner.tracking.publishing.publisher import MODEL_SECONDS
from tuner.trial.study_identity import StudyIdentity

REQUEST = Request(
    study=StudyIdentity(name="mine", id="a1"),
    objectives=("val_accuracy",),
    storage="sqlite:///study.db",
    tracking="sqlite:///mlflow.db",
    folder="outputs/mine",
    register="reviews",
)

NOTES = "import json, sys; print(json.dumps(json.load(sys.stdin)), file=open(sys.argv[1], 'a'))"
FAILS = "import sys; print('advice\\nMLflow: it is away', file=sys.stderr); sys.exit(1)"
STARTED = "import sys; print(end='x', file=open(sys.argv[1] + '.started', 'a'))\n"
ENDS_ONCE = (
    "import os; ended = sys.argv[1] + '.ended'\n"
    "if not os.path.exists(ended): open(ended, 'w').close(); sys.exit(0)\n"
)
HANGS = "import sys, time; open(sys.argv[1], 'w').close(); time.sleep(600)"


@pytest.fixture
def start(tmp_path):
    made = []

    def start(code, request=REQUEST, longest=60.0, clock=time.monotonic):
        command = (sys.executable, "-c", code, str(tmp_path / "notes"))
        made.append(Publisher(request, command, longest, clock))
        return made[-1]

    yield start
    for publisher in made:
        publisher.close()


def until(condition):
    for _ in range(2000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError


def test_changes_are_published_seldom_and_all_of_it_at_the_end(start, tmp_path):
    notes = tmp_path / "notes"
    publisher = start(NOTES)
    for _ in range(3):
        publisher.refresh()
    until(notes.exists)
    for _ in range(3):  # It rests a hundred times as long as that took.
        publisher.refresh()
    assert publisher.finish() == ""
    first, last = map(json.loads, notes.read_text().splitlines())
    assert (first["register"], first["log_model"]) == (None, False)
    assert (last["register"], last["log_model"]) == ("reviews", True)


@pytest.mark.parametrize("register", ["reviews", None])
def test_what_was_registered_is_kept_to_be_told(start, register):
    says = "import sys; sys.stdin.read(); print('noise'); print('version 3')"
    publisher = start(says, replace(REQUEST, register=register))
    assert publisher.finish() == ""
    assert publisher.registered == ("version 3" if register else "")


def test_a_model_that_is_not_sent_is_said_not_to_be_registered(start):
    publisher = start(NOTES, replace(REQUEST, log_model=False))
    assert "tracking.register" in publisher.finish()
    assert publisher.registered == ""


class Clock:
    """Stands still until it is moved."""

    now = 0.0

    def __call__(self):
        return self.now


def test_a_long_sweep_sends_its_model_once_an_hour(start, tmp_path, monkeypatch):
    monkeypatch.setattr("tuner.tracking.publishing.publisher.PAUSE_FACTOR", 0.0)
    notes, clock, sent = tmp_path / "notes", Clock(), []
    publisher = start(NOTES, clock=clock)
    for minutes in (1, 59, 60, 61, 119, 120):
        clock.now = 60.0 * minutes
        publisher.refresh()
        until(lambda: notes.exists() and notes.read_text().count("\n") == len(sent) + 1)
        sent.append(json.loads(notes.read_text().splitlines()[-1])["log_model"])
        until(lambda: publisher._process is None)
    assert sent == [False, False, True, False, False, True]


def test_without_plots_nothing_is_started_until_a_model_is_due(start, tmp_path):
    clock = Clock()
    publisher = start(STARTED + NOTES, Request(**{**vars(REQUEST), "draw": False}), clock=clock)
    publisher.refresh()
    until(lambda: not publisher._changed.is_set())
    clock.now = MODEL_SECONDS
    publisher.refresh()
    until((tmp_path / "notes").exists)
    assert (tmp_path / "notes.started").read_text() == "x"


def test_the_last_process_is_started_ahead_and_asked_at_the_end(start, tmp_path):
    publisher = start(STARTED + NOTES)
    for _ in range(3):
        publisher.prepare()
    until((tmp_path / "notes.started").exists)
    assert not (tmp_path / "notes").exists()
    assert publisher.finish() == ""
    assert (tmp_path / "notes.started").read_text() == "x"
    assert len((tmp_path / "notes").read_text().splitlines()) == 1


def test_one_started_ahead_that_has_ended_is_replaced(start, tmp_path):
    publisher = start(STARTED + ENDS_ONCE + NOTES)
    publisher.prepare()
    until((tmp_path / "notes.ended").exists)
    time.sleep(0.2)
    assert publisher.finish() == ""
    assert (tmp_path / "notes.started").read_text() == "xx"


def test_one_started_ahead_ends_with_a_sweep_that_is_interrupted(start, tmp_path):
    publisher = start(STARTED + NOTES)
    publisher.prepare()
    until((tmp_path / "notes.started").exists)
    publisher.close()
    assert not publisher.is_busy
    assert not (tmp_path / "notes").exists()


def test_what_could_not_be_done_is_told_at_the_end_alone(start):
    publisher = start(FAILS)
    publisher.refresh()
    told = publisher.finish()
    assert told.startswith("not everything is in MLflow: MLflow: it is away\n")
    assert "outputs/mine" in told


def test_one_that_hangs_ends_with_the_sweep(start, tmp_path):
    publisher = start(HANGS)
    publisher.refresh()
    until((tmp_path / "notes").exists)
    publisher.close()
    assert not publisher.is_busy


def test_one_that_hangs_does_not_keep_a_sweep_that_is_done(start, tmp_path):
    publisher = start(HANGS, longest=0.5)
    publisher.refresh()
    until((tmp_path / "notes").exists)
    assert "it took longer than 0 s" in publisher.finish()
    assert not publisher.is_busy


def test_no_process_at_all_is_told(tmp_path):
    publisher = Publisher(REQUEST, (str(tmp_path / "nothing"),))
    publisher.refresh()
    assert "no process can be started" in publisher.finish()


def test_no_password_is_told(start):
    code = "import sys; print('http://me:secret@here', file=sys.stderr); sys.exit(1)"
    assert "http://me:***@here" in start(code).finish()


def test_nothing_is_started_where_nothing_is_wanted(start, tmp_path):
    none = {"draw": False, "log_model": False, "register": None}
    publisher = start(NOTES, Request(**{**vars(REQUEST), **none}))
    publisher.refresh()
    assert publisher.finish() == ""
    assert not (tmp_path / "notes").exists()
