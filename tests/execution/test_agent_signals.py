"""Agents that are asked to stop, suspended, or left without a reader: real processes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.agents import agents_maker, arguments, stored, until, write_folder

SLOW = "slow:0.3"


@pytest.fixture
def make_agents(tmp_path, mlflow_uri):
    with agents_maker(tmp_path, mlflow_uri, SLOW) as make:
        yield make


def run_until_a_trial_reports(agents):
    before, agent = agents.printed().count("val_accuracy"), agents.start()
    until(lambda: agents.printed().count("val_accuracy") > before or not agents.alive(agent))
    return agent


def test_hangups_stop_a_sweep_and_use_up_no_attempt(make_agents):
    agents = make_agents("sweep.n_trials=2", "launcher.max_attempts=2")
    for _ in range(3):
        agent = run_until_a_trial_reports(agents)
        for _ in range(3):
            os.kill(agent, signal.SIGHUP)
        assert agents.finish(agent) == 130, agents.printed()
        until(lambda: not agents.workers(), seconds=30)
    assert agents.finish(agents.start()) == 0, agents.printed()
    trials = stored(agents.folder).trials
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 2
    assert {trial.user_attrs["crashes"] for trial in trials} == {0}


def test_sigquit_stops_a_sweep_at_once_and_uses_up_no_attempt(make_agents):
    agents = make_agents("sweep.n_trials=1", checkpoint="slow:20")
    agent = agents.start()
    until(lambda: agents.trials_begun() == 1)
    begun = time.monotonic()
    os.kill(agent, signal.SIGQUIT)
    assert agents.finish(agent) == 130, agents.printed()
    assert time.monotonic() - begun < 20
    (trial,) = stored(agents.folder).trials
    assert (trial.state.name, trial.user_attrs["crashes"]) == ("WAITING", 0)


def test_a_reader_that_goes_away_does_not_end_a_sweep(tmp_path, mlflow_uri):
    write_folder(tmp_path, SLOW)
    words = [sys.executable, "-m", "tests.fake_agent", *arguments(SLOW, "sweep.n_trials=2")]
    environment = os.environ | {
        "TUNER_CACHE": str(tmp_path / "cache"),
        "MLFLOW_TRACKING_URI": mlflow_uri,
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    with subprocess.Popen(
        words, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as agent:
        assert agent.stdout.readline()
        agent.stdout.close()
        errors = agent.stderr.read().decode()
        assert agent.wait(120) == 0, errors
    assert "nobody reads standard output" in errors
    assert len(errors.splitlines()) == 1
    assert [trial.state.name for trial in stored(tmp_path).trials] == ["COMPLETE"] * 2


def suspend(processes, seconds):
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    time.sleep(seconds)
    for process in processes:
        os.kill(process, signal.SIGCONT)
        time.sleep(1.0)  # The agent looks before its workers can say anything.


def attempts(folder):
    return [trial.user_attrs["attempt"] for trial in stored(folder).trials]


GATE = "gate:open"
"""Silent in the middle of each trial until there is such a file."""

STALL = 6
"""Seconds; suspensions are longer."""


@pytest.mark.parametrize("who", ["agent", "all"])
def test_a_suspension_longer_than_the_stall_timeout_is_no_workers_silence(who, make_agents):
    agents = make_agents("sweep.n_trials=1", f"launcher.stall_timeout={STALL}", checkpoint=GATE)
    agent = run_until_a_trial_reports(agents)
    workers = [worker.pid for worker in agents.workers()]
    suspend([agent, *workers] if who == "all" else [agent], STALL + 2)
    (agents.folder / "open").touch()
    assert agents.finish(agent) == 0, agents.printed()
    assert "nothing was heard" not in agents.printed()
    assert attempts(agents.folder) == [1]


def test_suspensions_again_and_again_add_up_to_no_silence(make_agents):
    agents = make_agents("sweep.n_trials=1", "launcher.stall_timeout=4", checkpoint="slow:3")
    agent = run_until_a_trial_reports(agents)
    (worker,) = agents.workers()
    for _ in range(3):
        suspend([agent, worker.pid], 5)
    assert agents.finish(agent) == 0, agents.printed()
    assert attempts(agents.folder) == [1]


def test_a_worker_that_is_suspended_alone_is_found(make_agents):
    agents = make_agents("sweep.n_trials=1", "launcher.stall_timeout=4")
    agent = run_until_a_trial_reports(agents)
    (worker,) = agents.workers()
    worker.suspend()
    assert agents.finish(agent) == 0, agents.printed()
    assert "nothing was heard of the worker for 4 s" in agents.printed()
    assert attempts(agents.folder) == [2]
