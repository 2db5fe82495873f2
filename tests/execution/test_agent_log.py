"""Logs that a sweep leaves of its agents."""

import re

import pytest

from tests.agents import agents_maker, until

LOGGED = {"TUNER_LOG": "debug"}
BRIEF = ("storage.heartbeat_interval=1", "storage.heartbeat_timeout=10")


@pytest.fixture
def make_agents(tmp_path, mlflow_uri):
    with agents_maker(tmp_path, mlflow_uri, "gate:open") as make:
        yield make


def log_of(agents, agent):
    files = (agents.folder / "outputs" / "mine").glob(f"agent-*-{agent}.log")
    return "".join(file.read_text() for file in files)


def test_the_log_of_an_agent_tells_whose_trial_it_took_over(make_agents):
    agents = make_agents("sweep.n_trials=3", *BRIEF, environment=LOGGED)
    killed = agents.start()
    until(lambda: killed in agents.owners().values(), 200)
    other = agents.start()
    # Its trial waits in its middle until the gate is open.
    until(lambda: "heartbeat for trials" in log_of(agents, other), 200)
    agents.kill(killed)
    (agents.folder / "open").touch()
    assert agents.finish(other) == 0

    before, after = log_of(agents, killed), log_of(agents, other)
    assert "trial 0 is claimed (waiting)" in before
    requeued = next(line for line in after.splitlines() if "is requeued" in line)
    assert "trial 0 is requeued, a crash" in requeued
    assert f"'pid': {killed}" in requeued
    assert "trial 0 is claimed (lost)" in after
    assert "slot 0: trial 0, attempt 2 after 1 crashes" in after
    assert after.rstrip().endswith("the agent ends")


def test_the_log_tells_of_workers_decisions_and_batches_that_did_not_fit(make_agents):
    more = ("sweep.n_trials=2", "launcher.trials_per_worker=1")
    agents = make_agents(*more, checkpoint="memory:5", environment=LOGGED)
    agent = agents.start()
    assert agents.finish(agent) == 0
    text = log_of(agents, agent)
    assert "worker process" in text
    assert re.search(r"slot 0: worker is ready, on \w+", text)
    assert "slot 0: it has run 1 trials" in text
    assert "slot 0: worker exited with status -9" in text
    assert "failed (out_of_memory)" in text
    assert "smaller training.batch_size=4" in text
    assert "trial 0, point 4 of 4: save_model" in text
    assert re.search(r"trial 1, attempt 1 is (complete|pruned)", text)


def test_without_the_variable_there_is_no_log(make_agents):
    agents = make_agents("sweep.n_trials=1", checkpoint="quick")
    assert agents.finish(agents.start()) == 0
    assert not list((agents.folder / "outputs" / "mine").glob("agent-*"))
