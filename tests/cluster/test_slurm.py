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
from tuner.errors import InputError
from tuner.orchestration import agents, following
from tuner.settings.settings import JOURNAL, StorageSettings
from tuner.study.reader import Phase, StudyReader

pytest.importorskip("submitit", reason="submitit is not installed")

GATE = "gate:open"
"""The checkpoint whose trials wait in the middle until there is a file `open`."""


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

    def sweep(self, *more):
        return main(
            [
                *arguments(GATE, "training.save_state=always"),
                "storage=journal", "storage.heartbeat_interval=2",
                "storage.heartbeat_timeout=30", "launcher=slurm", "launcher.time_limit=30",
                *more,
            ]
        )  # fmt: skip

    def open_gate(self):
        (self.folder / "open").touch()

    def trials(self):
        reader = StudyReader("mine", StorageSettings(name=JOURNAL), Path("outputs"))
        try:
            return reader.read().trials
        finally:
            reader.close()

    def wait_for_trials(self, count):
        """Until so many wait at the gate."""
        until(lambda: self._at_gate() >= count)

    def _at_gate(self):
        try:
            return sum(len(trial.values) == 2 for trial in self.trials())
        except InputError:  # It is just being made.
            return 0

    def wait_for_state(self, state):
        """Until Slurm says so of an agent."""
        until(lambda: state in map(self.slurm.state, self.jobs()))

    def wait_for_restart(self):
        """Until the first agent runs again, for the first time."""
        first = self.jobs()[0]
        until(lambda: self.slurm.restarts(first) == "1" and self.slurm.state(first) == "RUNNING")

    def jobs(self):
        return agents.AgentFolder(self.folder / "outputs/mine").jobs()

    def log(self, job):
        return agents.AgentFolder(self.folder / "outputs/mine").log(job).read_text()


@pytest.fixture
def cluster(tmp_path, monkeypatch, mlflow_uri, slurm):
    write_folder(tmp_path, GATE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TUNER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_uri)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.setattr(agents, "AGENT", (sys.executable, "-m", "tests.fake_agent", "sweep"))
    monkeypatch.setattr(following, "POLL_SECONDS", 2.0)
    # Where a shell put the tests into the background, Ctrl-C is ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield Cluster(tmp_path, slurm)
    signal.signal(signal.SIGINT, before)
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


def test_agents_are_left_and_found_again_and_one_that_is_requeued_goes_on(
    cluster, meanwhile, capsys
):
    def leave():
        cluster.wait_for_trials(2)
        os.kill(os.getpid(), signal.SIGINT)

    def requeue():
        cluster.slurm("scontrol", "requeue", first)
        cluster.wait_for_restart()
        cluster.open_gate()

    meanwhile(leave)
    sweep = ["launcher.agents=2", "sweep.n_trials=5"]
    assert cluster.sweep(*sweep) == 130
    first, second = jobs = cluster.jobs()
    printed = capsys.readouterr().out
    assert f"submitted agents {first} {second}; their logs: " in printed
    assert f"agent {first} runs on n1" in printed
    assert f"scancel {first} {second}" in printed

    meanwhile(requeue)
    assert cluster.sweep(*sweep) == 0
    assert cluster.jobs() == jobs
    printed = capsys.readouterr().out
    assert f"found agents {first} {second}" in printed
    assert "5 trials: 5 complete" in printed
    assert sorted(trial.outcome.attempt for trial in cluster.trials()) == [1, 1, 1, 1, 2]

    assert cluster.sweep(*sweep) == 0
    assert cluster.jobs() == jobs


def test_what_slurm_refuses_is_told(cluster, capsys):
    assert cluster.sweep("launcher.partition=nowhere") == 2
    assert "invalid partition specified: nowhere" in capsys.readouterr().err
    assert cluster.jobs() == []


@pytest.mark.slow
def test_the_trials_of_a_node_that_is_lost_go_on_elsewhere(cluster, meanwhile, capsys):
    def lose():
        cluster.wait_for_trials(2)
        cluster.slurm.kill_node("n1")
        cluster.wait_for_restart()
        cluster.open_gate()

    meanwhile(lose)
    assert cluster.sweep("launcher.agents=2", "sweep.n_trials=6") == 0
    printed = capsys.readouterr().out
    first = cluster.jobs()[0]
    assert f"agent {first} lost its node n1" in printed
    assert f"agent {first} runs on n2" in printed
    assert "6 trials: 6 complete" in printed
    assert sorted(trial.outcome.attempt for trial in cluster.trials()) == [1, 1, 1, 1, 1, 2]
    cluster.slurm.start_node("n1")


@pytest.mark.slow
@pytest.mark.parametrize("partition", ["main", "patient"])
def test_a_preempted_job_goes_on_from_its_saved_state(cluster, meanwhile, capsys, partition):
    def preempt():
        cluster.wait_for_trials(2)
        urgent = ("--partition=urgent", "--exclusive", "--output=/dev/null", "--wrap=sleep 10")
        cluster.slurm("sbatch", *urgent)
        cluster.wait_for_state("PENDING")
        cluster.open_gate()

    meanwhile(preempt)
    where = f"launcher.partition={partition}"
    assert cluster.sweep("launcher.agents=2", "sweep.n_trials=5", where) == 0
    assert "5 trials: 5 complete" in capsys.readouterr().out
    assert "stopping; " in "".join(map(cluster.log, cluster.jobs()))
    assert sorted(trial.outcome.attempt for trial in cluster.trials()) == [1, 1, 1, 1, 2]


@pytest.mark.slow
def test_what_runs_at_the_time_limit_goes_on_in_the_next_allocation(cluster, meanwhile, capsys):
    def warn():
        cluster.wait_for_trials(1)
        cluster.slurm("scancel", "--signal=USR2", cluster.jobs()[0])
        cluster.wait_for_state("PENDING")
        cluster.open_gate()

    meanwhile(warn)
    assert cluster.sweep("sweep.n_trials=3") == 0
    assert "3 trials: 3 complete" in capsys.readouterr().out
    (job,) = cluster.jobs()
    assert f"Requeued job {job}" in cluster.log(job)
    assert sorted(trial.outcome.attempt for trial in cluster.trials()) == [1, 1, 2]


@pytest.mark.slow
def test_a_cancelled_job_is_not_requeued(cluster, meanwhile, capsys):
    def cancel():
        cluster.wait_for_trials(1)
        cluster.slurm("scancel", cluster.jobs()[0])

    meanwhile(cancel)
    assert cluster.sweep("sweep.n_trials=3") == 1
    (job,) = cluster.jobs()
    assert cluster.slurm.state(job) == "CANCELLED"
    assert [trial.phase for trial in cluster.trials()] == [Phase.WAITING]
    assert "All agents have ended at 0 of 3 trials" in capsys.readouterr().out


@pytest.mark.slow
def test_agents_that_fail_are_told_with_the_end_of_their_log(cluster, capsys):
    (cluster.folder / "train.csv").unlink()
    assert cluster.sweep("sweep.n_trials=3") == 1
    printed = capsys.readouterr().out
    (job,) = cluster.jobs()
    assert f"agent {job} ended on n1: FAILED (NonZeroExitCode); its log: " in printed
    assert "tuner: there is no file train.csv\n  where: data.train" in printed
