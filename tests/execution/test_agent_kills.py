"""Agents killed, frozen and beside one another: what a study then holds, and what MLflow."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from mlflow import MlflowClient
from optuna.trial import TrialState as OptunaState

from tests.agents import agents_maker, arguments, stored, until, write_folder
from tests.disks import small_disk_at
from tests.repeated import Repeated
from tuner.trial.folder import StudyFolder
from tuner.trial.records import TrialOutcome
from tuner.trial.serialization import from_json, from_plain

SLOW = "slow:0.1"
"""Four points of a tenth of a second each."""


@pytest.fixture
def make_agents(tmp_path, mlflow_uri):
    with agents_maker(tmp_path, mlflow_uri, SLOW) as make:
        yield make


class Looks(Repeated):
    """Reads best.yaml all the time."""

    def __init__(self, file):
        super().__init__()
        self.file, self.seen, self.wrong = file, Counter(), []

    def look(self):
        if self.file.exists():
            try:
                self.seen[yaml.safe_load(self.file.read_text())["provenance"]["trial"]] += 1
            except Exception as error:
                self.wrong.append(error)


def assert_whole(place, mlflow_uri, total):
    """The total exactly, each trial once, in the study, in its folder and in MLflow."""
    trials = stored(place).trials
    assert [trial.number for trial in trials] == list(range(total))
    assert {trial.state for trial in trials} <= {OptunaState.COMPLETE, OptunaState.PRUNED}
    folder = StudyFolder(place / "outputs", "mine")
    for trial in trials:
        told = from_plain(TrialOutcome, trial.user_attrs["outcome"])
        written = folder.trial(trial.number)
        assert from_json(TrialOutcome, written.outcome.read_text()) == told
        assert [report.point for report in written.read_reports()] == [1, 2, 3, 4]
    best = yaml.safe_load(folder.best.read_text())["provenance"]
    assert best["value"] == max(trial.value for trial in trials if trial.value is not None)

    client = MlflowClient(mlflow_uri)
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
    for run in runs:
        if run.data.tags.get("trial_state") in ("complete", "pruned"):
            reports = folder.trial(int(run.data.tags["trial_number"])).read_reports()
            history = client.get_metric_history(run.info.run_id, "val_loss")
            steps = sorted(point.step for point in history)
            assert steps == [report.examples_seen for report in reports], run.info.run_name
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
        until(lambda: not agents.workers(), seconds=30)


@pytest.mark.parametrize(
    ("times", "total"), [(4, 6), pytest.param(20, 24, marks=pytest.mark.slow)]
)
def test_an_agent_killed_at_any_moment_loses_and_doubles_nothing(make_agents, times, total):
    agents = make_agents(f"sweep.n_trials={total}", "launcher.max_attempts=50")
    with Looks(agents.folder / "outputs" / "mine" / "best.yaml") as looks:
        kill_at_random_moments(agents, times, seed=5)
        assert agents.finish(agents.start()) == 0, agents.printed()
    assert not looks.wrong
    assert sum(looks.seen.values()) > times
    assert_whole(agents.folder, agents.mlflow_uri, total)


@pytest.mark.parametrize("times", [3, pytest.param(15, marks=pytest.mark.slow)])
@pytest.mark.parametrize("storage", ["sqlite", "journal"])
def test_an_agent_killed_while_it_makes_its_stores_leaves_them_usable(
    make_agents, tmp_path, storage, times
):
    uri = f"sqlite:///{tmp_path}/new.db"
    agents = make_agents(
        "sweep.n_trials=3", "launcher.max_attempts=50", f"storage={storage}", uri=uri
    )
    chance = random.Random(3)  # noqa: S311
    output = tmp_path / "outputs" / "mine"
    for _ in range(times):
        agent = agents.start()
        # Either while the study is made, or while MLflow's store is.
        begun = output if chance.random() < 0.3 else output / "study.db"
        if storage == "journal" and begun != output:
            begun = output / "study.journal"
        until(lambda a=agent, file=begun: file.exists() or not agents.alive(a))
        time.sleep(chance.uniform(0.0, 4.0))
        if not agents.alive(agent):
            agents.finish(agent)
            break
        agents.kill(agent)
        until(lambda: not agents.workers(), seconds=30)
    assert agents.finish(agents.start()) == 0, agents.printed()
    assert_whole(agents.folder, uri, 3)
    assert not list(tmp_path.glob(".new.db*"))


def test_two_agents_on_one_study_share_its_total(make_agents):
    agents = make_agents("sweep.n_trials=7")
    both = [agents.start(), agents.start()]
    assert [agents.finish(agent) for agent in both] == [0, 0], agents.printed()
    assert_whole(agents.folder, agents.mlflow_uri, 7)
    owners = {trial.user_attrs["owner"]["pid"] for trial in stored(agents.folder).trials}
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
    assert agents.finish(agents.start()) == 0  # Sends what the killed one could not.
    assert_whole(agents.folder, agents.mlflow_uri, 8)
    assert f"trial {number} went to another agent" in agents.printed()


# -- a full disk ------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    """The output folder has a file system of its own, of 4 MiB."""
    with small_disk_at(tmp_path / "outputs", megabytes=4) as place:
        yield place


def fill(file):
    with suppress(OSError), file.open("wb", buffering=0) as filler:
        while filler.write(bytes(4096)):
            pass


@pytest.mark.slow
def test_a_full_disk_is_told_and_the_sweep_goes_on_when_there_is_room(small_disk, make_agents):
    agents = make_agents("sweep.n_trials=6")
    agent = agents.start()
    until(lambda: agents.trials_begun() >= 2)
    fill(small_disk / "filler")
    assert agents.finish(agent) == 1, agents.printed()
    assert "Traceback" not in agents.printed()
    assert "the disk is full" in agents.printed()
    until(lambda: not agents.workers(), seconds=15)
    (small_disk / "filler").unlink()
    assert agents.finish(agents.start()) == 0, agents.printed()
    assert_whole(agents.folder, agents.mlflow_uri, 6)


# -- with real fine-tunes ---------------------------------------------------------------------


@pytest.mark.tf
@pytest.mark.slow
def test_a_real_sweep_killed_in_its_second_trial_goes_on_from_the_saved_state(
    tmp_path, mlflow_uri
):
    write_folder(tmp_path, "tiny")
    more = (
        "sweep.n_trials=3", "training.epochs=300", "training.save_state=always",
        "optimizer.learning_rate=tag(log,interval(1e-5,1e-4))",
    )  # fmt: skip
    words = [sys.executable, "-m", "tuner", *arguments("tiny", *more)]
    environment = os.environ | {
        "TUNER_CACHE": str(tmp_path / "cache"),
        "MLFLOW_TRACKING_URI": mlflow_uri,
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    second = StudyFolder(tmp_path / "outputs", "mine").trial(1)
    with subprocess.Popen(words, cwd=tmp_path, env=environment) as agent:
        until(lambda: len(second.read_reports()) >= 2, seconds=300)
        agent.kill()
    before = second.read_reports()
    assert before[-1].point < 4
    subprocess.run(words, cwd=tmp_path, env=environment, check=True, timeout=400)
    # Seconds and examples a second stand in a report too: what was run again would differ.
    assert second.read_reports()[:1] == before[:1]
    assert_whole(tmp_path, mlflow_uri, 3)
