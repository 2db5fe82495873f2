"""Agents as processes that can be killed: the real command, only the fine-tune is a fake.

They are forked from a process that has imported and composed everything, so that a start costs
little.
"""

import functools
import multiprocessing
import os
import signal
import sqlite3
import sys
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import MappingProxyType

import mlflow.store.tracking.sqlalchemy_store  # noqa: F401  (what each start would import)
import optuna
import psutil

from tests.soups import build_held
from tests.tiny_checkpoints import write_checkpoint, write_reviews
from tuner.__main__ import main
from tuner.commands import sweep as command
from tuner.launchers import local
from tuner.orchestration import soup, sweep_run

ROOT = Path(__file__).parents[1]
FAKE = "tests.worker.fake"
SWEEP = """\
name: mine
space:
  optimizer.learning_rate: tag(log, interval(1e-6, 1e-2))
"""


def write_folder(folder, checkpoint):
    """Data, a sweep, and a checkpoint whose name tells the fake worker what to do."""
    write_checkpoint(folder / checkpoint, "bert")
    write_reviews(folder / "train.csv", 60, seed=1)
    write_reviews(folder / "validation.csv", 40, seed=2)
    (folder / "sweeps").mkdir()
    (folder / "sweeps" / "mine.yaml").write_text(SWEEP)


def arguments(checkpoint, *more):
    return [
        "sweep=mine", f"model.checkpoint={checkpoint}", "model.max_length=32",
        "data=csv", "data.train=train.csv", "data.validation=validation.csv",
        "training.epochs=1", "training.evaluations=4",
        "tracking.plots=false", "tracking.log_model=false",
        "sampler=random", "pruner=none",
        "convergence.converged_patience=null", "convergence.not_learning_patience=null",
        "launcher.slots=1", *more,
    ]  # fmt: skip


def serve(folder, mlflow_uri, words, log, environment, channel):
    """The process that agents are forked from: starts one, or waits for the end of one."""
    os.chdir(folder)
    os.environ |= {
        "TUNER_CACHE": str(folder / "cache"),
        "MLFLOW_TRACKING_URI": mlflow_uri,
        "PYTHONPATH": str(ROOT),
        **environment,
    }
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w", buffering=1), os.fdopen(2, "w", buffering=1)
    composed = command.compose_sweep(words, folder)
    variants = sweep_run.check_space(composed)
    command.compose_sweep = lambda *_, **__: composed
    sweep_run.check_space = lambda *_: variants
    worker = (sys.executable, "-m", FAKE)
    local.LocalLauncher = functools.partial(local.LocalLauncher, command=worker)
    soup.build_soup = build_held
    with suppress(EOFError):
        while True:
            waited_for = channel.recv()
            if waited_for is not None:
                channel.send(os.waitstatus_to_exitcode(os.waitpid(waited_for, 0)[1]))
            elif child := os.fork():
                channel.send(child)
            else:
                os.setsid()
                os._exit(main(words))


class Agents:
    """Starts agents of one folder, and looks at what they leave."""

    def __init__(self, folder, mlflow_uri, words, environment=MappingProxyType({})):
        self.folder, self.mlflow_uri = folder, mlflow_uri
        self.log = folder / "agents.log"
        self.living = []
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])
        self._channel, far = context.Pipe()
        self._server = context.Process(
            target=serve, args=(folder, mlflow_uri, words, self.log, dict(environment), far)
        )
        self._server.start()
        far.close()

    def start(self):
        self._channel.send(None)
        self.living.append(self._channel.recv())
        return self.living[-1]

    def alive(self, agent):
        return psutil.Process(agent).status() != psutil.STATUS_ZOMBIE

    def finish(self, agent, seconds=400):
        """Waits for an agent; returns its exit code."""
        until(lambda: not self.alive(agent), seconds)
        self.living.remove(agent)
        self._channel.send(agent)
        return self._channel.recv()

    def kill(self, agent):
        os.kill(agent, signal.SIGKILL)
        assert self.finish(agent) == -signal.SIGKILL

    def freeze(self, agent):
        """Stops an agent that runs a trial and holds no lock; returns the trial's number."""
        databases = [self.folder / "outputs/mine/study.db", self.folder / "mlflow.db"]
        while True:
            os.kill(agent, signal.SIGSTOP)
            numbers = [number for number, owner in self.owners().items() if owner == agent]
            if numbers and not any(map(locked, databases)):
                return numbers[-1]
            os.kill(agent, signal.SIGCONT)
            time.sleep(0.1)

    def owners(self):
        """Process id of the agent that has each running trial."""
        if not (self.folder / "outputs/mine/study.db").exists():
            return {}
        try:
            trials = stored(self.folder).get_trials(states=[optuna.trial.TrialState.RUNNING])
        except (KeyError, optuna.exceptions.StorageInternalError):  # It is just being made.
            return {}
        owners = {trial.number: trial.user_attrs.get("owner") for trial in trials}
        return {number: owner["pid"] for number, owner in owners.items() if owner}

    def close(self):
        for agent in list(self.living):
            self.kill(agent)
        self._channel.close()
        self._server.join()

    def printed(self):
        return self.log.read_text() if self.log.exists() else ""

    def trials_begun(self):
        """Number of attempts at trials that all agents have begun."""
        return self.printed().count(" starts ")

    def workers(self):
        """The workers that live, of all agents of this folder."""
        found = []
        for process in psutil.process_iter():
            try:
                if FAKE in process.cmdline() and Path(process.cwd()) == self.folder:
                    found.append(process)
            except psutil.Error:
                continue
        return found


def stored(folder):
    """The study as it is in its database or journal."""
    journal = folder / "outputs/mine/study.journal"
    if journal.exists():
        file = optuna.storages.journal.JournalFileBackend(str(journal))
        return optuna.load_study(study_name="mine", storage=optuna.storages.JournalStorage(file))
    storage = optuna.storages.RDBStorage(
        f"sqlite:///{folder}/outputs/mine/study.db", skip_table_creation=True
    )
    return optuna.load_study(study_name="mine", storage=storage)


def locked(database):
    """True if a process writes a SQLite database now."""
    with closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
    return False


def until(condition, seconds=60):
    """Waits until something is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextmanager
def agents_maker(folder, mlflow_uri, usual):
    """Gives what makes agents in a folder; they are closed at the end.

    Args:
        folder: Folder of the test.
        mlflow_uri: Their tracking store, unless another one is named.
        usual: Checkpoint, unless another one is named.
    """
    made = []

    def make(*more, checkpoint=usual, uri=mlflow_uri, environment=MappingProxyType({})):
        write_folder(folder, checkpoint)
        made.append(Agents(folder, uri, arguments(checkpoint, *more), environment))
        return made[-1]

    yield make
    for agents in made:
        agents.close()
