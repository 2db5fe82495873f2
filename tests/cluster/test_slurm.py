"""Agents as jobs of a real Slurm, two nodes on this machine; only the fine-tune is a fake.

The test follows the sweep as a user does, while a thread beside it does what clusters do.
"""

import os
import signal
import sys
import threading
from pathlib import Path

import pytest

from tests.agents import arguments, write_folder
from tests.engines.slurm import Slurm, kill, missing, until
from tuner.__main__ import main
from tuner.commands import agents, following
from tuner.core.settings import StorageSettings
from tuner.core.trial import TrialState
from tuner.study_reader import Phase, StudyReader

pytest.importorskip("submitit", reason="submitit is not installed: pip install 'tuner[slurm]'")

POINTS = 4
SECONDS_A_POINT = 0.3


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    if why := missing():
        pytest.skip(f"there is no Slurm: {why}")
    cluster = Slurm(tmp_path_factory.mktemp("slurm"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


class Cluster:
    """A user's folder on the cluster, and what can be seen of the sweep in it."""

    def __init__(self, folder, slurm):
        self.folder, self.slurm = folder, slurm
        self.database = f"sqlite:///{folder}/study.db"

    def sweep(self, *more):
        return main(
            [
                *arguments(f"slow:{SECONDS_A_POINT}", "training.save_state=always"),
                f"storage.url={self.database}", "storage.heartbeat_interval=2",
                "storage.heartbeat_timeout=15", "launcher=slurm", "launcher.time_limit=30",
                *more,
            ]
        )  # fmt: skip

    def trials(self):
        reader = StudyReader("mine", StorageSettings(url=self.database), Path("outputs"))
        try:
            return reader.read().trials
        finally:
            reader.close()

    def has_begun(self, count):
        """Whether so many trials have reported."""
        try:
            return sum(bool(trial.values) for trial in self.trials()) >= count
        except Exception:
            return False

    def jobs(self):
        return agents.AgentFolder(self.folder / "outputs/mine").jobs()

    def log(self, job):
        return agents.AgentFolder(self.folder / "outputs/mine").log(job).read_text()


@pytest.fixture
def cluster(tmp_path, monkeypatch, mlflow_uri, slurm):
    write_folder(tmp_path, f"slow:{SECONDS_A_POINT}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TUNER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_uri)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.setattr(agents, "AGENT", (sys.executable, "-m", "tests.fake_agent", "sweep"))
    monkeypatch.setattr(following, "LOOK_SECONDS", 0.5)
    yield Cluster(tmp_path, slurm)
    slurm("scancel", "--user=root")
    for process in slurm.processes():
        kill(process)


@pytest.fixture
def meanwhile():
    """Does something in a thread; what fails there fails the test."""
    begun, wrong = [], []

    def start(action):
        def run():
            try:
                action()
            except BaseException as error:
                wrong.append(error)

        begun.append(threading.Thread(target=run))
        begun[-1].start()

    yield start
    for thread in begun:
        thread.join()
    assert not wrong


def test_agents_run_a_sweep_whose_command_is_left_and_rejoined_and_one_is_requeued(
    cluster, meanwhile, capsys
):
    def leave():
        until(lambda: cluster.has_begun(2))
        os.kill(os.getpid(), signal.SIGINT)

    meanwhile(leave)
    sweep = ["launcher.agents=2", "sweep.n_trials=10"]
    assert cluster.sweep(*sweep) == 130
    first, second = jobs = cluster.jobs()
    printed = capsys.readouterr().out
    assert f"submitted agents {first} {second}; their logs: " in printed
    assert f"agent {first} runs on n1" in printed
    assert f"scancel {first} {second}" in printed

    cluster.slurm("scontrol", "requeue", first)
    assert cluster.sweep(*sweep) == 0
    assert cluster.jobs() == jobs
    printed = capsys.readouterr().out
    assert f"found agents {first} {second}" in printed
    assert "Best: trial" in printed
    assert {trial.outcome.state for trial in cluster.trials()} == {TrialState.COMPLETE}
    assert len(cluster.trials()) == 10

    assert cluster.sweep(*sweep) == 0
    assert cluster.jobs() == jobs


@pytest.mark.slow
def test_a_node_that_is_lost_is_replaced_and_its_trials_go_on(cluster, meanwhile, capsys):
    def lose():
        until(lambda: cluster.has_begun(2))
        cluster.slurm.kill_node("n1")
        until(lambda: "PENDING" in map(cluster.slurm.state, cluster.jobs()))
        cluster.slurm.start_node("n1")

    meanwhile(lose)
    assert cluster.sweep("launcher.agents=2", "sweep.n_trials=40") == 0
    printed = capsys.readouterr().out
    assert "lost its node n1" in printed
    assert "40 trials: 40 complete" in printed
    retried = [trial for trial in cluster.trials() if trial.outcome.attempt > 1]
    assert retried


@pytest.mark.slow
@pytest.mark.parametrize("partition", ["main", "patient"])
def test_a_job_that_is_preempted_goes_on_from_its_saved_state(
    cluster, meanwhile, capsys, partition
):
    def preempt():
        until(lambda: cluster.has_begun(2))
        cluster.slurm("sbatch", "--partition=urgent", "--nodes=1", "--wrap=sleep 15")
        until(lambda: "PENDING" in map(cluster.slurm.state, cluster.jobs()))

    meanwhile(preempt)
    code = cluster.sweep(
        "launcher.agents=2", "sweep.n_trials=40", f"launcher.partition={partition}"
    )
    assert code == 0
    assert "40 trials: 40 complete" in capsys.readouterr().out
    logs = "".join(map(cluster.log, cluster.jobs()))
    assert "stopping" in logs
    assert max(trial.outcome.attempt for trial in cluster.trials()) > 1


@pytest.mark.slow
def test_what_runs_at_the_time_limit_is_saved_and_goes_on_in_the_same_job(
    cluster, meanwhile, capsys
):
    def warn():
        until(lambda: cluster.has_begun(1))
        cluster.slurm("scancel", "--signal=USR2", cluster.jobs()[0])

    meanwhile(warn)
    assert cluster.sweep("launcher.agents=1", "sweep.n_trials=12") == 0
    (job,) = cluster.jobs()
    log = cluster.log(job)
    assert f"Requeued job {job}" in log
    assert "12 trials: 12 complete" in capsys.readouterr().out
    assert max(trial.outcome.attempt for trial in cluster.trials()) == 2


@pytest.mark.slow
def test_agents_that_fail_are_told_with_the_end_of_their_log(cluster, capsys):
    (cluster.folder / "train.csv").unlink()
    assert cluster.sweep("sweep.n_trials=3") == 1
    printed = capsys.readouterr().out
    (job,) = cluster.jobs()
    assert f"agent {job} ended on n1: FAILED (NonZeroExitCode); its log: " in printed
    assert "train.csv" in printed.split("its log: ")[1]
    assert "All agents have ended at 0 of 3 trials" in printed


@pytest.mark.slow
def test_a_cancelled_job_is_not_requeued(cluster, meanwhile, capsys):
    def cancel():
        until(lambda: cluster.has_begun(1))
        cluster.slurm("scancel", cluster.jobs()[0])

    meanwhile(cancel)
    assert cluster.sweep("sweep.n_trials=12") == 1
    (job,) = cluster.jobs()
    assert cluster.slurm.state(job) == "CANCELLED"
    assert any(trial.phase is Phase.WAITING for trial in cluster.trials())
    assert "the same command submits others" in capsys.readouterr().out


def test_what_slurm_refuses_is_told(cluster, capsys):
    assert cluster.sweep("launcher.partition=nowhere") == 2
    assert "invalid partition specified: nowhere" in capsys.readouterr().err
    assert cluster.jobs() == []
