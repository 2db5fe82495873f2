"""The Optuna adapter: asks for parameters, reports, prunes, and keeps what a sweep must not lose.

A trial keeps its number for life. One that was interrupted, or whose agent died, goes back to
WAITING with the parameters that it had, and the next `ask` of any agent takes it up again.
"""

import json
import os
import random
import socket
import sqlite3
import warnings
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import optuna
import psutil
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from optuna.trial import TrialState as OptunaState
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from tuner.core.settings import TrialSettings
from tuner.core.space import (
    Choice,
    Domain,
    FloatInterval,
    IntInterval,
    SearchSpace,
    contains,
)
from tuner.core.trial import Convergence, Scalar, TrialOutcome, TrialState
from tuner.errors import InputError
from tuner.importances import importances
from tuner.records import from_plain, to_plain
from tuner.search import build_pruner, build_sampler

LOCK_TIMEOUT = 60.0
"""Seconds that SQLite waits for another process's lock; its own default of 5 is soon reached."""

UNSIGNED = timedelta(seconds=60)
"""A RUNNING trial without an owner is somebody's for so long after its start."""

SAME_START = 1.0
"""Seconds between two readings of one process's start; a reused process id differs by more."""

COUNTED = (OptunaState.COMPLETE, OptunaState.PRUNED)

optuna.logging.set_verbosity(optuna.logging.ERROR)


@dataclass(frozen=True, kw_only=True)
class Definition:
    """What a study is made of; a study is never continued with another one.

    Attributes:
        space: The search space.
        base: The untuned default configuration.
        objective: Metric name.
        direction: Whether a smaller or a larger objective is better.
    """

    space: SearchSpace
    base: TrialSettings
    objective: str
    direction: Literal["minimize", "maximize"]

    def to_plain(self) -> dict[str, Any]:
        """As JSON values, for storing and comparing."""
        return {
            "space": self.space.to_plain(),
            "base": to_plain(self.base),
            "objective": self.objective,
        }


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A trial to run: its number and, for each searched key that is active, the value."""

    number: int
    parameters: dict[str, Scalar]


def sqlite_url(path: Path) -> str:
    """SQLAlchemy URL of the study's own database; the file is made, in write-ahead mode.

    Write-ahead mode lets readers (optuna-dashboard, `report`) look without stopping the sweep,
    and is kept in the file for every later connection.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path, timeout=LOCK_TIMEOUT)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
    except (OSError, sqlite3.Error) as error:
        raise InputError(
            f"the study can not be written: {error}",
            where=f"{path} (output={path.parent.parent})",
            remedy="output=FOLDER that can be written; a study.db that is no study moved away",
        ) from error
    return f"sqlite:///{path}"


class Study:
    """One Optuna study, opened for running it."""

    def __init__(
        self,
        *,
        name: str,
        url: str,
        definition: Definition,
        sampler: Mapping[str, Any],
        pruner: Mapping[str, Any],
        defaults: Mapping[str, Scalar],
    ) -> None:
        """Opens the study, or makes it when there is none of this name.

        Args:
            name: The study's name.
            url: SQLAlchemy URL of its database.
            definition: What it searches; an existing study must have the same.
            sampler: Group `sampler`.
            pruner: Group `pruner`.
            defaults: Value of each searched key in the untuned default configuration.

        Raises:
            InputError: The existing study was made of something else, or an option is wrong.
        """
        self._space = definition.space
        self._defaults = dict(defaults)
        self._running: dict[int, optuna.Trial] = {}
        self._is_grid = sampler.get("name") == "grid"
        self._storage = _connect(url)
        self._study = optuna.create_study(
            study_name=name,
            storage=self._storage,
            direction=definition.direction,
            pruner=build_pruner(pruner),
            load_if_exists=True,
        )
        self._check_definition(name, definition)
        existing = len(self._study.get_trials(deepcopy=False))
        self._study.sampler = build_sampler(sampler, existing)
        if existing == 0:
            self._enqueue_first(sampler)

    def _check_definition(self, name: str, definition: Definition) -> None:
        # Through JSON, so that tuples and lists compare alike.
        wanted = json.loads(json.dumps(definition.to_plain()))
        stored = self._study.user_attrs.get("definition")
        if stored is None:
            self._study.set_user_attr("definition", wanted)
        elif stored != wanted:
            raise InputError(
                f"the study '{name}' was made of something else:\n"
                + "\n".join(f"    {line}" for line in differences(stored, wanted)),
                where=f"study={name}",
                remedy=f"study={name}-2 for a new study, or take the changes back",
            )

    def _enqueue_first(self, sampler: Mapping[str, Any]) -> None:
        """Trial 0 is the untuned default; all points of a grid follow, shuffled."""
        self._enqueue(self._defaults)
        if self._is_grid:
            points = self._space.grid(sampler["points_per_interval"])
            random.Random(sampler["seed"]).shuffle(points)  # noqa: S311
            for point in points:
                if point != self._defaults:
                    self._enqueue(point)

    def _enqueue(self, values: Mapping[str, Scalar]) -> None:
        fixed = {
            dimension.name: values[dimension.key]
            for dimension in self._space.dimensions
            if dimension.key in values
            and self._space.active(dimension, values)
            and _takes(dimension.domain, values[dimension.key])
        }
        self._study.enqueue_trial(fixed)

    def release_orphans(self) -> list[int]:
        """Puts back the RUNNING trials of agents of this machine that are gone.

        Returns:
            Their numbers.
        """
        orphans = [
            trial
            for trial in self._study.get_trials(deepcopy=False, states=(OptunaState.RUNNING,))
            if not _alive(trial.user_attrs.get("owner"), trial.datetime_start)
        ]
        for trial in orphans:
            self._storage.set_trial_state_values(trial._trial_id, OptunaState.WAITING)  # noqa: SLF001
        return [trial.number for trial in orphans]

    def remaining(self, total: int) -> int:
        """How many trials may still be started so that `total` are counted in the end.

        A grid also ends with its last point.
        """
        left = total - self._count(*COUNTED, OptunaState.RUNNING)
        return min(left, self._count(OptunaState.WAITING)) if self._is_grid else left

    def _count(self, *states: OptunaState) -> int:
        return len(self._study.get_trials(deepcopy=False, states=states))

    def ask(self) -> Asked:
        """Takes up a waiting trial or draws a new one; it is RUNNING and ours from here on."""
        with warnings.catch_warnings():
            # An untuned default outside the searched interval is meant as it is.
            warnings.simplefilter("ignore", UserWarning)
            trial = self._study.ask()
            trial.set_user_attr("owner", _identity())
            # The first trial keeps the default of a key whose choices do not hold it.
            untuned = trial.number == 0
            parameters: dict[str, Scalar] = {}
            values = dict(self._defaults) if untuned else parameters
            for dimension in self._space.dimensions:
                if not self._space.active(dimension, values):
                    continue
                if untuned and not _takes(dimension.domain, self._defaults.get(dimension.key)):
                    continue
                value = _suggest(trial, dimension.name, dimension.domain)
                parameters[dimension.key] = values[dimension.key] = value
        self._running[trial.number] = trial
        return Asked(number=trial.number, parameters=parameters)

    def report(self, number: int, point: int, value: float) -> None:
        """Tells the objective at an evaluation point; a point told before is left as it was."""
        _report(self._running[number], point, value)

    def should_prune(self, number: int) -> bool:
        """Whether the pruner would stop the trial after its last report."""
        return self._running[number].should_prune()

    def finish(self, outcome: TrialOutcome) -> None:
        """Tells how a trial ended; an interrupted one goes back to be taken up again."""
        trial = self._running.pop(outcome.number)
        trial.set_user_attr("outcome", to_plain(outcome))
        if outcome.state is TrialState.INTERRUPTED:
            self._storage.set_trial_state_values(trial._trial_id, OptunaState.WAITING)  # noqa: SLF001
            return
        hopeless = _hopeless(outcome)
        if hopeless:
            # Above 0 is infeasible: TPE then steers away; from FAIL no sampler learns.
            trial.set_constraint(hopeless, 1.0)
        if outcome.state is TrialState.COMPLETE:
            self._hold(trial, outcome)
            self._study.tell(trial, outcome.value)
        elif outcome.state is TrialState.FAILED:
            self._study.tell(trial, state=OptunaState.FAIL)
        else:
            self._study.tell(trial, state=OptunaState.PRUNED)

    def _hold(self, trial: optuna.Trial, outcome: TrialOutcome) -> None:
        """Lets a trial that was ended as converged stand at the points that it did not need.

        Otherwise those that go on would meet nobody there, and be pruned by poorer ones only.
        """
        last = outcome.last
        if last is None or outcome.value is None:
            return
        for point in range(last.point + 1, last.points + 1):
            _report(trial, point, outcome.value)
            trial.should_prune()  # Successive halving notes a value only when asked.

    def outcomes(self) -> list[TrialOutcome]:
        """How every finished trial of the study ended, by number, those of other agents too."""
        return [
            from_plain(TrialOutcome, trial.user_attrs["outcome"])
            for trial in self._study.get_trials(deepcopy=False)
            if trial.state.is_finished() and "outcome" in trial.user_attrs
        ]

    def importances(self) -> dict[str, float]:
        """How much each searched key matters; see `tuner.importances`."""
        return importances(self._study, self._space)

    def close(self) -> None:
        """Lets the database go."""
        self._storage.remove_session()
        self._storage.engine.dispose()


def _report(trial: optuna.Trial, point: int, value: float) -> None:
    """Tells Optuna a value, without its warning about a point that was told before."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        trial.report(value, point)


def _hopeless(outcome: TrialOutcome) -> str:
    """Why no sampler should come near these parameters again; empty where nothing says so."""
    if outcome.state is TrialState.INFEASIBLE:
        return "infeasible"
    diagnosis = outcome.diagnosis
    if diagnosis is not None and diagnosis.status is Convergence.DIVERGED:
        return "diverged"
    return "not_learning" if outcome.stopped_by == "not_learning" else ""


def _connect(url: str) -> RDBStorage:
    """Opens the database; its password never stands in a message."""
    timeout = {"timeout": LOCK_TIMEOUT} if url.startswith("sqlite") else {}
    try:
        return RDBStorage(url, engine_kwargs={"connect_args": timeout})
    except (ImportError, ValueError, SQLAlchemyError, StorageInternalError) as error:
        try:
            shown = make_url(url).render_as_string(hide_password=True)
        except SQLAlchemyError:
            shown = "the address can not be read"
        raise InputError(
            f"the study's storage can not be opened ({type(error).__name__})",
            where=f"storage.url: {shown}",
            remedy="a SQLAlchemy URL of a database that runs, and its Python driver installed; "
            "storage.url=null for SQLite in the output folder",
        ) from error


def differences(stored: Any, wanted: Any, path: str = "") -> list[str]:
    """Lines `key: was → is` for every leaf in which two plain values differ."""
    if isinstance(stored, dict) and isinstance(wanted, dict):
        return [
            line
            for key in dict.fromkeys((*stored, *wanted))
            for line in differences(
                stored.get(key), wanted.get(key), f"{path}.{key}" if path else str(key)
            )
        ]
    return [] if stored == wanted else [f"{path}: {stored} → {wanted}"]


def _takes(domain: Domain, value: Scalar) -> bool:
    """Whether Optuna can store the value: any number for an interval, else one of the choices.

    A logarithmic interval takes what has a logarithm.
    """
    match domain:
        case Choice():
            return contains(domain, value)
        case IntInterval(log=log):
            return isinstance(value, int) and _has_place(value, log=log)
        case FloatInterval(log=log):
            return _has_place(value, log=log)


def _has_place(value: Scalar, *, log: bool) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return value > 0 or not log


def _suggest(trial: optuna.Trial, name: str, domain: Domain) -> Scalar:
    match domain:
        case Choice(values=values):
            return trial.suggest_categorical(name, values)
        case IntInterval(low=low, high=high, step=step, log=log):
            return trial.suggest_int(name, low, high, step=step, log=log)
        case FloatInterval(low=low, high=high, log=log):
            return trial.suggest_float(name, low, high, log=log)


def _identity() -> dict[str, Any]:
    """Who we are, so that another agent can see whether we still live."""
    process = psutil.Process()
    return {
        "host": socket.gethostname(),
        "pid": process.pid,
        "started": process.create_time(),
    }


def _alive(owner: Mapping[str, Any] | None, begun: datetime | None) -> bool:
    """Whether a trial's owner may still be running it; on other machines we can not know.

    A trial is RUNNING a moment before its owner has signed it.
    """
    if owner is None:
        return begun is not None and datetime.now() - begun < UNSIGNED  # noqa: DTZ005  (Optuna's)
    if owner["host"] != socket.gethostname():
        return True
    if owner["pid"] == os.getpid():
        return False
    try:
        started = float(owner["started"])
        return abs(psutil.Process(owner["pid"]).create_time() - started) < SAME_START
    except psutil.Error:
        return False
