"""The fake worker as a real process: descriptors, signals and ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.worker.trials import spec
from tuner.processes.stop_requests import TERMINATING
from tuner.trial.names import LOG_NAME, STATE_NAME
from tuner.trial.records import Decision
from tuner.worker.protocol import Answer, Run, decode_from_worker, encode


@pytest.fixture
def worker(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.worker.fake"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        yield process
        process.kill()


def tell(process, message):
    process.stdin.write(encode(message))
    process.stdin.flush()


def hear(process):
    return decode_from_worker(process.stdout.readline())


def test_a_trial_over_pipes(worker, tmp_path):
    assert hear(worker).device == "fake"
    tell(worker, Run(spec=spec(3, tmp_path, points=2)))
    names = []
    while not names or names[-1] != "Finished":
        names.append(type(hear(worker)).__name__)
        if names[-1] == "Reported":
            tell(worker, Answer(Decision.CONTINUE))
    assert names == ["Started", "Reported", "Reported", "Finished"]


def test_the_end_of_stdin_ends_the_worker_in_the_middle_of_a_trial(worker, tmp_path):
    hear(worker)
    tell(worker, Run(spec=spec(0, tmp_path, checkpoint="slow:60")))
    assert type(hear(worker)).__name__ == "Started"
    worker.stdin.close()
    assert worker.wait(timeout=5) == 0


def test_ctrl_c_is_left_to_the_agent(worker, tmp_path):
    hear(worker)
    worker.send_signal(signal.SIGINT)
    tell(worker, Run(spec=spec(0, tmp_path, points=1)))
    assert type(hear(worker)).__name__ == "Started"


@pytest.mark.parametrize("number", TERMINATING)
def test_a_terminating_signal_ends_an_idle_worker(number, worker):
    hear(worker)
    worker.send_signal(number)
    assert worker.wait(timeout=5) == -signal.SIGTERM


@pytest.mark.parametrize("number", TERMINATING)
def test_a_terminating_signal_saves_the_trial_and_ends_the_worker(number, worker, tmp_path):
    hear(worker)
    trial = spec(0, tmp_path, checkpoint="slow:0.2", points=50)
    tell(worker, Run(spec=trial))
    assert type(hear(worker)).__name__ == "Started"
    while type(hear(worker)).__name__ != "Reported":
        pass
    tell(worker, Answer(Decision.CONTINUE))
    worker.send_signal(number)
    assert worker.wait(timeout=5) == -signal.SIGTERM
    assert not [line for line in worker.stdout if b"Finished" in line]
    assert int((tmp_path / STATE_NAME).read_text()) == 1


def test_a_crash_closes_the_stream(worker, tmp_path):
    hear(worker)
    tell(worker, Run(spec=spec(0, tmp_path, checkpoint="crash", points=1)))
    assert type(hear(worker)).__name__ == "Started"
    assert worker.stdout.readline() == b""
    assert worker.wait(timeout=5) == -signal.SIGKILL


def test_nonsense_ends_the_worker_and_says_so(worker):
    hear(worker)
    worker.stdin.write(b"{}\n")
    worker.stdin.flush()
    _, errors = worker.communicate(timeout=5)
    assert b"crash report: " in errors
    assert b"Traceback" not in errors


def test_a_failing_trial_leaves_its_traceback_in_its_log(worker, tmp_path):
    hear(worker)
    tell(worker, Run(spec=spec(0, tmp_path, checkpoint="fail")))
    assert hear(worker).error.kind == "error"
    assert "this checkpoint always fails" in (tmp_path / LOG_NAME).read_text()
