"""Many agents on one study: does the total hold, and how many trials a second come out.

    python -m benchmarks.agents [--agents 8] [--slots 2] [--trials 2000] [--kill 3] [--url URL]

Each agent is a process with the real loop (`tuner.execution.loop.Sweep`), study, claims and
heartbeats; its slots run a null objective of ten reports at once, in the agent itself, and
nothing goes to MLflow.
The study is in a PostgreSQL that is started for it, or in `--url`: postgresql://... of an empty
database, journal:///FILE or sqlite:///FILE. Each agent believes to be on a machine of its own, so
that another's death shows by its silence alone (10 s). With `--kill K` so many agents are ended by
SIGKILL, evenly over the run, and not replaced.

Checked, with exit code 1 where it does not hold: exactly the total is counted, no trial is left
running or waiting, no two sampled points are the same (each agent's sampler has a seed of its
own), every agent but the killed ones ended well, and each trial that a killed agent had was taken
up once. Printed are trials and reports a second, the transactions of the server for each trial,
and the share of them that failed.
"""

import argparse
import math
import multiprocessing
import signal
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import cast

import optuna
from optuna.trial import FrozenTrial, TrialState

import tuner.study.study
from benchmarks.overhead import BASE, KEY, POINTS, Quiet
from tests.engines.postgresql import PostgreSQL, missing
from tests.worker.fake import report
from tuner.devices.room import AvailableMemory
from tuner.devices.slots import Slot
from tuner.execution.interfaces import Plan
from tuner.execution.loop import Sweep
from tuner.launchers.launcher import Event, WorkerExited
from tuner.search.goals import goals
from tuner.search.space import Dimension, FloatInterval, SearchSpace
from tuner.settings.objectives import measured_scores
from tuner.settings.settings import POSTGRESQL, StorageSettings
from tuner.settings.storage import backend, with_driver
from tuner.study import Definition, Study
from tuner.study.attributes import ATTEMPT, CRASHES
from tuner.study.owner import identity
from tuner.study.reader import close_storage, open_stored
from tuner.tasks import Baseline, Classification
from tuner.tracking import Tracker
from tuner.trial.folder import StudyFolder
from tuner.trial.records import UNTUNED, Report, TrialOutcome, TrialSpec
from tuner.worker.protocol import (
    Answer,
    Finished,
    FromWorker,
    Ready,
    Reported,
    Run,
    Started,
    ToWorker,
)

NAME = "agents"
GOALS = goals(["val_accuracy"], {}, measured_scores(Classification))
SPACE = SearchSpace([Dimension(key=KEY, domain=FloatInterval(low=1e-6, high=1e-2, log=True))])
BRIEF = StorageSettings(heartbeat_interval=1.0, heartbeat_timeout=10.0)
COUNTED = (TrialState.COMPLETE, TrialState.PRUNED)


class NullLauncher:
    """Slots whose trials report at once, in this process."""

    def __init__(self, slots: int) -> None:
        self.slots = {
            index: Slot(index=index, environment={}, threads=1) for index in range(slots)
        }
        self._said: list[Event] = []
        self._trials: dict[int, Iterator[FromWorker]] = {}

    def room(self) -> AvailableMemory | None:
        """Not known."""
        return None

    def start(self, slot: int) -> None:
        """It is ready at once."""
        self._say(slot, Ready(device="none", versions={}))

    def send(self, slot: int, message: ToWorker) -> None:
        """A trial begins, or goes on after an answer."""
        if isinstance(message, Run):
            self._trials[slot] = trial(message.spec)
            self._say(slot, next(self._trials[slot]))
        if isinstance(message, Answer) and message.decision.ends:
            self._trials[slot] = ended(self._trials[slot])
        self._say(slot, next(self._trials[slot]))

    def poll(self, timeout: float) -> list[Event]:
        """Lines printed since the last call."""
        if not self._said:
            time.sleep(timeout)
        said, self._said = self._said, []
        return said

    def memory(self, slot: int) -> int:  # noqa: ARG002
        """Not known."""
        return 0

    def kill_slot(self, slot: int) -> None:
        """Its trial went to another agent."""
        self._say(slot, WorkerExited(code=-signal.SIGKILL, log=""))

    def kill(self) -> None:
        """Nothing runs between two calls."""

    def close(self, timeout: float) -> None:
        """Nothing runs between two calls."""

    def _say(self, slot: int, message: FromWorker | WorkerExited) -> None:
        self._said.append(Event(slot=slot, message=message))


def trial(spec: TrialSpec) -> Iterator[FromWorker]:
    """Messages of a worker about a trial; each report waits for an answer."""
    guess = Baseline(score=0.5, loss=math.log(2))
    yield Started(number=spec.number, constant_guess=guess, labels=("bad", "good"))
    for point in range(1, POINTS + 1):
        yield Reported(number=spec.number, report=report(spec.settings, point))
    yield Finished(number=spec.number, diverged="")


def ended(trial: Iterator[FromWorker]) -> Iterator[FromWorker]:
    """The end of a trial that is told to stop."""
    yield deque(trial, maxlen=1)[0]


class NoTracker:
    """Tells MLflow nothing."""

    def trial_started(self, spec: TrialSpec, role: str, config: str) -> None:
        """Nothing."""

    def training_started(self, number: int, **kept: object) -> None:
        """Nothing."""

    def reported(self, number: int, report: Report) -> None:
        """Nothing."""

    def trial_finished(self, outcome: TrialOutcome, *_: object) -> None:
        """Nothing."""

    def abandon(self, numbers: Sequence[int], *_: object) -> None:
        """Nothing."""

    def run_id(self, number: int) -> str:  # noqa: ARG002
        """None."""
        return ""


@dataclass(frozen=True, kw_only=True)
class Task:
    """Work of all agents.

    Attributes:
        url: Address of the study's storage.
        folder: Folder of the trials' files.
        slots: Slots of each agent.
        trials: The study's total.
    """

    url: str
    folder: StudyFolder
    slots: int
    trials: int


def run_agent(index: int, task: Task) -> None:
    """One agent from its start to its end."""
    machine = {"machine": f"of agent {index}"}
    tuner.study.study.identity = lambda: identity() | machine  # type: ignore[attr-defined]
    study = Study(
        name=NAME,
        url=task.url,
        definition=Definition(space=SPACE, base=BASE, goals=GOALS),
        sampler={"name": "random", "seed": 0},
        pruner={"name": "none"},
        defaults={KEY: 1e-4},
        settings=BRIEF,
    )
    launcher = NullLauncher(task.slots)
    for slot in launcher.slots:
        launcher.start(slot)
    sweep = Sweep(
        plan=Plan(
            goals=GOALS,
            compose=lambda p: replace(
                BASE, optimizer=replace(BASE.optimizer, learning_rate=p[KEY])
            ),
            render=lambda settings: f"{settings}\n",
            n_trials=task.trials,
        ),
        source=study,
        launcher=launcher,
        tracker=cast("Tracker", NoTracker()),
        folder=task.folder,
        watcher=Quiet(),
    )
    try:
        sweep.run()
    finally:
        study.close()


def run_agents(task: Task, agents: int, kill: int) -> tuple[float, list[str]]:
    """Runs all agents to their ends, and ends some of them on the way.

    Returns:
        Seconds until the last one ended, and what went wrong.
    """
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=run_agent, args=(n, task)) for n in range(agents)]
    begun = time.monotonic()
    for process in processes:
        process.start()
    for n in range(kill):
        _wait(task, (n + 1) * task.trials // (kill + 1), processes[n])
        processes[n].kill()
    for process in processes:
        process.join()
    codes = [process.exitcode for process in processes]
    expected = [-signal.SIGKILL] * kill + [0] * (agents - kill)
    wrong = [] if codes == expected else [f"the agents ended with {codes}"]
    return time.monotonic() - begun, wrong


def _wait(task: Task, trials: int, process: BaseProcess) -> None:
    """Until so many trials have begun."""
    while process.is_alive() and task.folder.next_number() < trials:
        time.sleep(0.02)


def faults(trials: Sequence[FrozenTrial], total: int, killed: int, slots: int) -> list[str]:
    """Problems of a study that has ended."""
    states = Counter(trial.state for trial in trials)
    counted = sum(states[state] for state in COUNTED)
    found = []
    if counted != total or len(trials) != total:
        found.append(f"{counted} trials are counted, {total} were to be: {dict(states)}")
    sampled = [trial.params[KEY] for trial in trials if trial.number != UNTUNED]
    if len(set(sampled)) != len(sampled):
        found.append(f"{len(sampled) - len(set(sampled))} points were sampled twice")
    taken_over = [trial.user_attrs.get(CRASHES, 0) for trial in trials]
    if sum(taken_over) > killed * slots:
        found.append(f"{sum(taken_over)} trials were taken over from {killed} agents")
    short = [t.number for t in trials if sorted(t.intermediate_values) != [*range(1, POINTS + 1)]]
    if short:
        found.append(f"these trials have not {POINTS} points: {short}")
    return found


def transactions(url: str) -> tuple[int, int]:
    """Committed and failed transactions of PostgreSQL; 0 for other storages."""
    if backend(url) != POSTGRESQL:
        return 0, 0
    import psycopg  # noqa: PLC0415

    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        found = connection.execute(
            "SELECT xact_commit, xact_rollback FROM pg_stat_database "
            "WHERE datname = current_database()"
        ).fetchone()
    return found or (0, 0)


@contextmanager
def storage(url: str | None) -> Iterator[str]:
    """The address of the study: the one that is given, or a server's that is started."""
    if url is not None:
        yield with_driver(url)
        return
    if why := missing():
        raise SystemExit(f"there is no PostgreSQL: {why}; or --url")
    server = PostgreSQL()
    try:
        server.start()
        yield with_driver(server.create(NAME))
    finally:
        server.close()


def measure(url: str, agents: int, slots: int, trials: int, kill: int) -> list[str]:
    """Runs the agents, prints the figures; returns what was wrong."""
    with tempfile.TemporaryDirectory() as place:
        task = Task(url=url, folder=StudyFolder(Path(place), NAME), slots=slots, trials=trials)
        seconds, wrong = run_agents(task, agents, kill)
    stored = open_stored(url)
    if stored is None:
        return [*wrong, "no study was made"]
    study = optuna.load_study(study_name=NAME, storage=stored)
    found = study.get_trials(deepcopy=False)
    attempts = sum(trial.user_attrs.get(ATTEMPT, 0) for trial in found)
    close_storage(stored)
    wrong += faults(found, trials, kill, slots)
    print(
        f"{agents} agents with {slots} slots, {kill} of them killed: {len(found)} trials in "
        f"{seconds:.1f} s, {len(found) / seconds:.1f} a second, "
        f"{len(found) * POINTS / seconds:.0f} reports a second; "
        f"{attempts - len(found)} trials were taken over"
    )
    committed, failed = transactions(url)
    if committed:
        print(
            f"{committed / len(found):.1f} transactions a trial, {committed / seconds:.0f} a "
            f"second; {failed / (committed + failed):.2%} of them failed"
        )
    return wrong


def main() -> int:
    """Prints the figures, and what does not hold."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--agents", type=int, default=8)
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--kill", type=int, default=0)
    parser.add_argument("--url")
    given = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with storage(given.url) as url:
        wrong = measure(url, given.agents, given.slots, given.trials, given.kill)
    for line in wrong:
        print(f"WRONG: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
