"""Agents killed, frozen and beside one another: what a study then holds, and what MLflow."""

import os
import random
import signal
import threading
import time
from collections import Counter

import pytest
import yaml
from mlflow import MlflowClient
from optuna.trial import TrialState as OptunaState

from tests.agents import Agents, arguments, until, write_folder
from tuner.core.trial import TrialOutcome
from tuner.folder import StudyFolder
from tuner.records import from_json, from_plain

SLOW = "slow:0.1"
"""Four points of a tenth of a second each."""


@pytest.fixture
def make_agents(tmp_path, mlflow_uri):
    made = []

    def make(*more, checkpoint=SLOW):
        write_folder(tmp_path, checkpoint)
        made.append(Agents(tmp_path, mlflow_uri, arguments(checkpoint, *more)))
        return made[-1]

    yield make
    for agents in made:
        agents.close()


class Looks:
    """Reads best.yaml all the time."""

    def __init__(self, file):
        self.file, self.seen, self.wrong = file, Counter(), []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _look(self):
        while not self._over.wait(0.01):
            if self.file.exists():
                try:
                    self.seen[yaml.safe_load(self.file.read_text())["provenance"]["trial"]] += 1
                except Exception as error:
                    self.wrong.append(error)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()


def assert_whole(agents, total):
    """The total exactly, each trial once, in the study, in its folder and in MLflow."""
    trials = agents.study().trials
    assert [trial.number for trial in trials] == list(range(total))
    assert {trial.state for trial in trials} <= {OptunaState.COMPLETE, OptunaState.PRUNED}
    folder = StudyFolder(agents.folder / "outputs", "mine")
    for trial in trials:
        told = from_plain(TrialOutcome, trial.user_attrs["outcome"])
        written = folder.trial(trial.number)
        assert from_json(TrialOutcome, written.outcome.read_text()) == told
        assert [report.point for report in written.read_reports()] == [1, 2, 3, 4]
    best = yaml.safe_load(folder.best.read_text())["provenance"]
    assert best["value"] == max(trial.value for trial in trials if trial.value is not None)

    client = MlflowClient(agents.mlflow_uri)
    experiment = client.get_experiment_by_name("mine")
    runs = client.search_runs([experiment.experiment_id], max_results=1000)
    assert not [run.info.run_name for run in runs if run.info.status == "RUNNING"]
    assert [run.info.status for run in runs if run.data.tags["role"] == "sweep"] == ["FINISHED"]
    ended = Counter(
        int(run.data.tags["trial_number"])
        for run in runs
        if run.data.tags.get("trial_state") in ("complete", "pruned")
    )
    assert ended == Counter(range(total))
    assert not list(folder.path.glob("spool/*.jsonl"))


def kill_at_random_moments(agents, times, seed):
    """Each time in the start of an agent, or within a second of the start of a trial."""
    chance = random.Random(seed)  # noqa: S311
    for _ in range(times):
        before, agent = agents.trials_begun(), agents.start()
        if chance.random() < 0.7:
            until(lambda n=before, a=agent: agents.trials_begun() > n or not agents.alive(a))
        time.sleep(chance.uniform(0.0, 0.6))
        assert agents.alive(agent), agents.printed()
        agents.kill(agent)
        until(lambda: not agents.workers(), seconds=5)


def test_an_agent_killed_20_times_at_any_moment_loses_and_doubles_nothing(make_agents):
    total = 24
    agents = make_agents(f"sweep.n_trials={total}", "launcher.max_attempts=50")
    with Looks(agents.folder / "outputs" / "mine" / "best.yaml") as looks:
        kill_at_random_moments(agents, 20, seed=5)
        assert agents.finish(agents.start()) == 0, agents.printed()
    assert not looks.wrong
    assert sum(looks.seen.values()) > 20
    assert_whole(agents, total)


def test_two_agents_on_one_study_share_its_total(make_agents):
    agents = make_agents("sweep.n_trials=7")
    both = [agents.start(), agents.start()]
    assert [agents.finish(agent) for agent in both] == [0, 0], agents.printed()
    assert_whole(agents, 7)
    owners = {trial.user_attrs["owner"]["pid"] for trial in agents.study().trials}
    assert owners == set(both)


@pytest.mark.slow
def test_of_three_agents_one_is_killed_and_one_frozen(make_agents):
    agents = make_agents(
        "sweep.n_trials=8",
        "storage.heartbeat_interval=1",
        "storage.heartbeat_timeout=10",
        checkpoint="slow:1.5",
    )
    killed, frozen, living = agents.start(), agents.start(), agents.start()
    until(lambda: {killed, frozen, living} <= set(agents.owners().values()))
    agents.kill(killed)
    number = agents.freeze(frozen)
    until(lambda: agents.owners()[number] == living, seconds=120)
    os.kill(frozen, signal.SIGCONT)
    assert [agents.finish(agent) for agent in (frozen, living)] == [0, 0], agents.printed()
    assert_whole(agents, 8)
    assert f"trial {number} went to another agent" in agents.printed()
