"""A real `mlflow server` that is away, killed or stopped: what is tracked arrives, once."""

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.tracking.runs import assert_all_arrived, assert_whole, found, run_trial
from tests.tracking.server import Server
from tuner.errors import TunerError
from tuner.settings.settings import TrackingSettings
from tuner.tracking import Tracker
from tuner.tracking.runs import KEY
from tuner.tracking.sender import Pauses
from tuner.trial.folder import StudyFolder

CALL_SECONDS = 0.5
"""No call of the loop's may take longer; a request to a stopped server takes two seconds here."""


@pytest.fixture
def server(tmp_path, empty_mlflow, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")
    (tmp_path / "server").mkdir()
    made = Server(tmp_path / "server", empty_mlflow)
    yield made
    made.kill()


@pytest.fixture
def folder(tmp_path):
    return StudyFolder(tmp_path / "outputs", "s")


class Notices(list):
    """Notices so far; `wait_for` waits for one."""

    def wait_for(self, text, seconds=60.0):
        until = time.monotonic() + seconds
        while not any(text in told for told in self):
            assert time.monotonic() < until, f"nobody said {text!r}: {self}"
            time.sleep(0.05)


def tracking(uri, folder, notices, on_outage="fail"):
    return Tracker(
        TrackingSettings(uri=uri, on_outage=on_outage),
        "s",
        folder,
        pauses=Pauses(first=0.1, longest=0.5),
        notice=notices.append,
    )


def timed(tracker):
    """The slowest call of those that the loop makes, in seconds; a list of one."""
    slowest = [0.0]

    def clocked(call):
        def measured(*args):
            begun = time.monotonic()
            call(*args)
            slowest[0] = max(slowest[0], time.monotonic() - begun)

        return measured

    for name in ("trial_started", "reported", "trial_finished"):
        setattr(tracker, name, clocked(getattr(tracker, name)))
    return slowest


def begun(server, folder):
    """A tracker of a sweep that has begun, what people are told, and its slowest call."""
    server.start()
    notices = Notices()
    tracker = tracking(server.uri, folder, notices)
    slowest = timed(tracker)
    tracker.open()
    tracker.sweep_started({}, {})
    tracker.abandon([])
    return tracker, notices, slowest


def test_a_server_that_is_killed_and_restarted_misses_nothing(server, folder):
    tracker, notices, slowest = begun(server, folder)
    run_trial(tracker, folder, 0)
    kills = iter([*[False] * 3, True, *[False] * 2])  # between two reports of trial 1
    run_trial(tracker, folder, 1, pause=lambda: next(kills) and server.kill())
    run_trial(tracker, folder, 2)
    notices.wait_for("MLflow is unavailable")
    assert slowest[0] < CALL_SECONDS
    server.start()
    notices.wait_for("MLflow is back")
    run_trial(tracker, folder, 3)
    tracker.sweep_finished({"best_objective": 0.7}, "text", [], "FINISHED")
    assert tracker.close() == ""
    assert_all_arrived(server.uri, folder, range(4))


@pytest.mark.slow
def test_a_server_that_stops_answering_holds_nobody_up_and_makes_no_run_twice(server, folder):
    tracker, notices, slowest = begun(server, folder)
    for number in range(0, 12, 3):
        run_trial(tracker, folder, number)
        server.signal(signal.SIGSTOP)
        run_trial(tracker, folder, number + 1)
        notices.wait_for("MLflow is unavailable")
        time.sleep(3.0)
        server.signal(signal.SIGCONT)
        run_trial(tracker, folder, number + 2)
        notices.wait_for("MLflow is back")
        notices.clear()
    assert slowest[0] < CALL_SECONDS
    tracker.sweep_finished({}, "text", [], "FINISHED")
    assert tracker.close() == ""
    assert_all_arrived(server.uri, folder, range(12))


@pytest.mark.slow
def test_what_a_killed_agent_spooled_is_sent_once_by_whoever_starts_later(server, folder):
    output = str(folder.path.parent)
    killed = start_agent(server.uri, output, 0, 3, 0.3)
    wait_for_line(killed, "trial 1")
    time.sleep(1.0)  # in the middle of trial 2
    killed.kill()
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    spool = next((folder.path / "spool").glob("*.jsonl"))
    with spool.open("ab") as file:
        file.write(b'{"torn": ')
    server.start()
    # Two at the same time, of which one replays.
    later = [start_agent(server.uri, output, 3 + number, 1) for number in range(2)]
    assert [agent.communicate()[0].splitlines()[-1] for agent in later] == ["''", "''"]
    runs = found(server.uri)
    assert {(run.info.run_name, run.info.status) for run in runs} == {
        ("trial-00000", "FINISHED"),
        ("trial-00001", "FINISHED"),
        ("trial-00002", "KILLED"),
        ("trial-00003", "FINISHED"),
        ("trial-00004", "FINISHED"),
    }
    assert len(runs) == len({run.data.tags[KEY] for run in runs}) == 5
    for run in runs:
        number = int(run.data.tags["trial_number"])
        if number != 2:
            assert_whole(server.uri, folder, number, [run])
    (sweep,) = found(server.uri, "sweep")
    assert sweep.info.status == "FINISHED"
    assert not list((folder.path / "spool").glob("*.jsonl"))


@pytest.mark.slow
def test_a_sweep_that_began_and_ended_without_the_server_is_sent_by_the_next_start(server, folder):
    notices = Notices()
    without = tracking(server.uri, folder, notices, on_outage="spool")
    without.open()
    without.sweep_started({}, {})
    run_trial(without, folder, 0)
    without.sweep_finished({}, "text", [], "FINISHED")
    told = without.close()
    assert "the same command sends them" in told
    assert server.uri in told
    server.start()
    later = tracking(server.uri, folder, notices)
    later.open()
    later.sweep_started({}, {})
    later.abandon([])
    later.sweep_finished({}, "text", [], "FINISHED")
    assert later.close() == ""
    assert_all_arrived(server.uri, folder, range(1))


def test_a_server_that_accepts_and_says_nothing_is_named_within_10_seconds(folder):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}"
        tracker = tracking(uri, folder, Notices())
        begun = time.monotonic()
        with pytest.raises(TunerError, match=r"tracking\.on_outage=spool"):
            tracker.check()
        assert time.monotonic() - begun < 10.0


def start_agent(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.tracking.agent", *map(str, arguments)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )


def wait_for_line(process, line):
    for told in process.stdout:
        if told.strip() == line:
            return
    raise AssertionError(f"it never said {line}")
