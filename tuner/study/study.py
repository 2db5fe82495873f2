"""Asks for parameters, reports, prunes, and keeps what a sweep must not lose.

A trial keeps its number for life. One that was interrupted goes back to WAITING with the
parameters that it had; one whose agent vanished stays RUNNING and changes its owner. Either way
it is the next that an agent takes up.
"""

import math
import random
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import wraps
from threading import Event, RLock, Thread
from typing import Any, Concatenate, ParamSpec, TypeVar

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import _CachedStorage
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from tuner.core.settings import StorageSettings
from tuner.core.trial import Convergence, Scalar, TrialOutcome, TrialState
from tuner.curves import tell
from tuner.importances import importances
from tuner.records import from_plain, to_plain
from tuner.search import build_pruner, build_sampler
from tuner.study.census import Census, Numbered
from tuner.study.definition import Definition, made_with, opening
from tuner.study.ledger import ATTEMPT, COUNTED, CRASHES, NotOursError, Points
from tuner.study.owner import identity
from tuner.study.parameters import ask, fixed
from tuner.study.patience import AWAY, Patience
from tuner.study.stores import connect, open_ledger, shown

P = ParamSpec("P")
T = TypeVar("T")

SIGNS = 2.0
"""After the database was away the living get so many heartbeat intervals to show themselves."""

optuna.logging.set_verbosity(optuna.logging.ERROR)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A trial to run.

    Attributes:
        number: Its number.
        parameters: For each searched key that is active, the value.
        attempt: Which try at it this is, counted from 1, those of other agents included.
        crashes: How many of them ended with a worker or an agent that died.
    """

    number: int
    parameters: dict[str, Scalar]
    attempt: int = 1
    crashes: int = 0


@dataclass(frozen=True, kw_only=True)
class First:
    """Values of some searched keys for the first trials; the others are drawn.

    Attributes:
        always: Also of a study that there is, unless they were added before.
        if_new: After those, where the study is made now.
    """

    always: Points = ()
    if_new: Points = ()


@dataclass(frozen=True, kw_only=True)
class Held:
    """A trial of ours.

    Attributes:
        id: In the database.
        trial: Optuna's handle.
    """

    id: int
    trial: optuna.Trial


def patient(
    method: Callable[Concatenate["Study", P], T],
) -> Callable[Concatenate["Study", P], T]:
    """Makes a method wait for a database that is away; doing it twice has to do nothing more."""

    @wraps(method)
    def trying(self: "Study", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._patience(lambda: method(self, *args, **kwargs))

    return trying


class Study:
    """One Optuna study, opened for running it.

    Every method that reads or writes the study waits for a database that is away, as long as
    `storage.retry_timeout` allows.

    Attributes:
        notice: A warning for people about the versions that the study was made with; or empty.
        is_new: Whether it was made now.
    """

    def __init__(
        self,
        *,
        name: str,
        url: str,
        definition: Definition,
        sampler: Mapping[str, Any] | None,
        pruner: Mapping[str, Any],
        defaults: Mapping[str, Scalar],
        first: First = First(),
        settings: StorageSettings | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Opens the study, or makes it when there is none of this name.

        Args:
            name: The study's name.
            url: SQLAlchemy URL of its database.
            definition: What it searches; an existing study must have the same.
            sampler: Group `sampler`; None: there are no trials but the first ones.
            pruner: Group `pruner`.
            defaults: Value of each searched key in the untuned default configuration.
            first: What waits behind it.
            settings: Group `storage`.
            clock: Seconds, monotonic.

        Raises:
            InputError: The existing study was made of something else, or an option is wrong.
        """
        self._space, self._goals = definition.space, definition.goals
        self._defaults = dict(defaults)
        self._settings = settings or StorageSettings()
        self._clock = clock
        self._draws = sampler is not None and sampler["name"] != "grid"
        self._patience = Patience(self._settings.retry_timeout, shown(url), clock)
        self._me = identity()
        self._storage = self._patience(lambda: connect(url, self._me))
        self._study = self._patience(
            lambda: optuna.create_study(
                study_name=name,
                storage=self._storage,
                directions=definition.goals.directions,
                pruner=build_pruner(pruner, definition.goals),
                load_if_exists=True,
            )
        )
        study_id = self._patience(lambda: self._storage.get_study_id_from_name(name))
        self._ledger = open_ledger(self._storage, study_id, self._settings.heartbeat_timeout)
        self._held: dict[int, Held] = {}
        self._lost: set[int] = set()
        self._idle_since: float | None = None
        self.notice = ""
        points, more = self._first_points(sampler, first.always), self._fixed(first.if_new)
        opened = self._open(name, definition, points, more)
        self.is_new = not opened
        self._study.sampler = build_sampler(sampler or {"name": "random"}, opened)
        self._beaten_at = time.time()
        self._beating = RLock()
        self._closed = Event()
        self._heart = Thread(target=self._beat, name="heartbeat", daemon=True)
        self._heart.start()

    @patient
    def _open(self, name: str, definition: Definition, points: Points, if_new: Points) -> int:
        """Compares, or writes down, what the study is made of.

        Args:
            name: The study's name.
            definition: What it is to be made of.
            points: That are to wait, unless they were added before.
            if_new: More of them, where it is made now.

        Returns:
            How often it was opened before.
        """
        wanted, now = definition.to_plain(), made_with()
        opened = 0

        def decide(stored: Mapping[str, Any], census: Census) -> tuple[Mapping[str, Any], Points]:
            nonlocal opened
            opened = int(stored.get("opened") or 0)
            hosts = [trial.owner["host"] for trial in census.living]
            found, self.notice = opening(name, stored, wanted, now, hosts)
            waiting = points if opened else [*points, *if_new]
            return found | {"opened": opened + 1}, waiting

        self._ledger.enter(decide)
        return opened

    def _first_points(
        self, sampler: Mapping[str, Any] | None, first: Sequence[Mapping[str, Scalar]]
    ) -> list[dict[str, Scalar]]:
        """Trial 0 is the untuned default; all points of a grid follow, shuffled."""
        points: list[Mapping[str, Scalar]] = [self._defaults, *first]
        if sampler is not None and sampler["name"] == "grid":
            grid = self._space.grid(sampler["points_per_interval"])
            random.Random(sampler["seed"]).shuffle(grid)  # noqa: S311
            points += [point for point in grid if point not in points]
        return self._fixed(points)

    def _fixed(self, points: Points) -> list[dict[str, Scalar]]:
        return [fixed(self._space, point) for point in points]

    # -- which trials -------------------------------------------------------------------------

    @patient
    def release_orphans(self) -> list[int]:
        """Lets the trials of agents of this machine wait that are gone.

        Returns:
            Their numbers.
        """
        return self._ledger.put_back_orphans()

    @patient
    def awaiting(self, total: int) -> bool:
        """Whether there is a trial to claim, or may be one soon.

        To be asked by an agent that runs none: when nothing is left to claim it stays true until
        every other agent has shown since then that it lives, has ended its trials, or has lost
        them to us. With living agents this takes `storage.heartbeat_interval`, else at most
        `storage.heartbeat_timeout`.
        """
        census = self._ledger.census(self._held, judging=self._judging)
        at_hand = self._draws or census.waiting or census.free(self._held)
        if at_hand and census.room(total, self._held) > 0:
            self._idle_since = None
            return True
        if self._idle_since is None:
            self._idle_since = self._clock()
        idle = self._clock() - self._idle_since
        others = [trial for trial in census.running if trial.owner != self._me]
        return census.counted < total and any(trial.silent >= idle for trial in others)

    @patient
    def claim(self, total: int | None) -> Asked | None:
        """Takes a trial that is RUNNING and ours from here on.

        Args:
            total: How many trials are to be counted in the end, over all agents; never more
                are handed out. None: no limit.

        Returns:
            One whose agent vanished, else one that waits, else a new one; None when there is
            none to take.
        """
        while True:
            taken = self._ledger.claim(
                total, set(self._held), judging=self._judging, draws=self._draws
            )
            if taken is None:
                return None
            with suppress(NotOursError):  # Frozen in between: it is somebody else's by now.
                return self._begin(taken)

    @property
    def _judging(self) -> bool:
        """Whether other agents' silence means that they are gone.

        Not just after the database was away, or we ourselves were frozen: they may have been, too.
        """
        steady = self._patience.steady >= SIGNS * self._settings.heartbeat_interval
        return steady and not self._frozen

    @property
    def _frozen(self) -> bool:
        """Whether this agent gave no sign of life for so long that others may have its trials."""
        return time.time() - self._beaten_at > self._settings.heartbeat_timeout

    def _begin(self, taken: Numbered) -> Asked:
        self._study._thread_local.cached_all_trials = None  # noqa: SLF001  (as its `ask` does)
        with warnings.catch_warnings():
            # An untuned default outside the searched interval is meant as it is.
            warnings.simplefilter("ignore", UserWarning)
            trial = optuna.Trial(self._study, taken.id)
            self._acquaint(trial)
            parameters = ask(trial, self._space, self._defaults)
        with self._beating:
            self._lost.discard(taken.number)
            self._held[taken.number] = Held(id=taken.id, trial=trial)
        self._idle_since = None
        return Asked(
            number=taken.number,
            parameters=parameters,
            attempt=trial.user_attrs[ATTEMPT],
            crashes=trial.user_attrs.get(CRASHES, 0),
        )

    def _acquaint(self, trial: optuna.Trial) -> None:
        """Lets Optuna's cache know a trial that was not made through it."""
        cache = self._study._storage  # noqa: SLF001
        if isinstance(cache, _CachedStorage):
            known = trial._cached_frozen_trial  # noqa: SLF001
            cache.get_study_name_from_id(self._study._study_id)  # noqa: SLF001  (it makes room)
            cache._add_trials_to_cache(self._study._study_id, [known])  # noqa: SLF001

    # -- a trial of ours ----------------------------------------------------------------------

    @patient
    def owns(self, number: int) -> bool:
        """Whether a trial that was handed out here is still ours, or was until we finished it.

        False once another agent has it, because this one showed no sign of life for
        `storage.heartbeat_timeout`: what it still finds out about the trial counts for nothing.
        Only after such a silence the database is asked.
        """
        if self._frozen:
            self._beat_once()
        return number not in self._lost

    @patient
    def started(self, number: int, config: str, *, attempt: int = 1, crashes: int = 0) -> None:
        """Keeps what another agent needs to go on with a trial.

        Args:
            number: The trial.
            config: Its configuration as YAML.
            attempt: Which try at it begins, counted from 1.
            crashes: How many before it ended with a worker or an agent that died.
        """
        known = {"config": config, ATTEMPT: attempt, CRASHES: crashes}
        self._with(number, lambda held: self._ledger.note(held.id, known))

    @patient
    def report(self, number: int, point: int, values: Mapping[str, float]) -> None:
        """Tells what counts at an evaluation point; a point told before is left as it was."""
        self._with(number, lambda held: self._report(held.trial, point, values))

    @patient
    def should_prune(self, number: int) -> bool:
        """Whether the pruner would stop the trial after its last report."""
        return bool(self._with(number, lambda held: self._judge(held.trial)))

    def _judge(self, trial: optuna.Trial) -> bool:
        """What the pruner says, which Optuna asks for studies of one objective alone."""
        if not self._goals.several:
            return trial.should_prune()
        return self._study.pruner.prune(self._study, self._storage.get_trial(trial._trial_id))  # noqa: SLF001

    def _report(self, trial: optuna.Trial, point: int, values: Mapping[str, float]) -> None:
        with _told_before():
            tell(trial, self._goals, point, values)

    @patient
    def finish(self, outcome: TrialOutcome) -> None:
        """Tells how a trial ended; an interrupted one goes back to be taken up again.

        One that is to be tried again by this agent stays RUNNING and ours. Of a trial that is no
        longer ours (see `owns`) nothing is told.
        """
        if outcome.state is TrialState.RETRIED:
            return
        with self._beating:
            if outcome.state is TrialState.INTERRUPTED:
                self._with(outcome.number, lambda held: self._ledger.put_back(held.id))
            else:
                self._with(outcome.number, lambda held: self._tell(held.trial, outcome))
            self._held.pop(outcome.number, None)

    def _with(self, number: int, action: Callable[[Held], T]) -> T | None:
        """Does something with a trial of ours; None where it is no longer ours."""
        held = self._held.get(number)
        if held is None:
            return None
        try:
            return action(held)
        except (NotOursError, UpdateFinishedTrialError):
            # One that we finished ourselves: it was told before, but the answer never came.
            if not self._ledger.owns(held.id):
                self._lose({number})
            return None

    def _tell(self, trial: optuna.Trial, outcome: TrialOutcome) -> None:
        trial.set_user_attr("outcome", to_plain(outcome))
        # Above 0 is infeasible: TPE then steers away; from FAIL no sampler learns.
        hopeless = _hopeless(outcome)
        missed = {hopeless: 1.0} if hopeless else {}
        with _told_before():
            for name, excess in (missed | self._goals.excesses(outcome.measured)).items():
                trial.set_constraint(name, excess if math.isfinite(excess) else 1.0)
        if outcome.state is TrialState.COMPLETE:
            self._hold(trial, outcome)
            values = self._goals.values(outcome)
            self._study.tell(trial, [values[name] for name in self._goals.objectives])
        elif outcome.state is TrialState.FAILED:
            self._study.tell(trial, state=OptunaState.FAIL)
        else:
            self._study.tell(trial, state=OptunaState.PRUNED)

    def _hold(self, trial: optuna.Trial, outcome: TrialOutcome) -> None:
        """Lets a trial that was ended as converged stand at the points that it did not need.

        Otherwise those that go on would meet nobody there, and be pruned by poorer ones only.
        """
        last = outcome.last
        if last is None:
            return
        values = self._goals.values(outcome)
        for point in range(last.point + 1, last.points + 1):
            self._report(trial, point, values)
            self._judge(trial)  # Successive halving notes a value only when asked.

    # -- the whole ----------------------------------------------------------------------------

    @patient
    def outcomes(self) -> list[TrialOutcome]:
        """How every finished trial of the study ended, by number, those of other agents too."""
        return [
            from_plain(TrialOutcome, trial.user_attrs["outcome"])
            for trial in self._study.get_trials(deepcopy=False)
            if trial.state.is_finished() and "outcome" in trial.user_attrs
        ]

    @property
    def size(self) -> int:
        """How many trials there are, whatever their states."""
        return self._patience(lambda: len(self._study.get_trials(deepcopy=False)))

    @patient
    def values(self) -> list[tuple[float, ...] | None]:
        """The objectives of every trial that counts toward the total, by number.

        Returns:
            None for those that did not complete, or miss a constraint.
        """
        return [
            tuple(trial.values) if _is_usable(trial) else None
            for trial in self._study.get_trials(deepcopy=False, states=COUNTED)
        ]

    @patient
    def importances(self) -> dict[str, float]:
        """How much each searched key matters; see `tuner.importances`."""
        return importances(self._study, self._space)

    @patient
    def note(self, name: str, value: Any) -> None:
        """Sets an attribute of the study.

        Args:
            name: Its name.
            value: A JSON value.
        """
        self._ledger.enter(lambda stored, census: ({name: value}, ()))  # noqa: ARG005

    @patient
    def settle(self, name: str, value: Any) -> Any:
        """Sets an attribute of the study unless one of its agents has set it.

        Args:
            name: Its name.
            value: A JSON value; None: it is only read.

        Returns:
            What it is then.
        """
        settled = value

        def decide(
            stored: Mapping[str, Any],
            census: Census,  # noqa: ARG001
        ) -> tuple[Mapping[str, Any], Points]:
            nonlocal settled
            settled = stored.get(name) or value
            return ({} if settled is None else {name: settled}), ()

        self._ledger.enter(decide)
        return settled

    def hurry(self) -> None:
        """Waits no more for a database that is away, now and later; safe in a signal handler."""
        self._patience.hurry()

    def close(self) -> None:
        """Lets the database go; trials that were not finished wait for whoever takes them up."""
        self._closed.set()
        self._heart.join()
        for held in self._held.values():
            # Where the database is away, the others see by our silence that we are gone.
            with suppress(*AWAY):
                self._ledger.put_back(held.id)
        self._ledger.close()

    def _beat(self) -> None:
        """The heartbeat's thread: signs of life for as long as the process lives."""
        while not self._closed.wait(self._settings.heartbeat_interval):
            with suppress(*AWAY):
                self._beat_once()
        self._storage.remove_session()

    def _beat_once(self) -> None:
        """Gives a sign of life for all that we have, and notices what others took meanwhile."""
        if self._frozen:
            self._patience.interrupted()
        with self._beating:
            held = {held.id: number for number, held in self._held.items()}
            try:
                ours = self._ledger.beat(held) if held else set()
            except AWAY:
                self._patience.interrupted()
                raise
            self._lose({number for id_, number in held.items() if id_ not in ours})
            self._beaten_at = time.time()

    def _lose(self, numbers: set[int]) -> None:
        """Other agents have these trials."""
        self._lost |= numbers
        for number in numbers:
            self._held.pop(number, None)


def _is_usable(trial: FrozenTrial) -> bool:
    met = all(value <= 0.0 for value in trial.constraints.values())
    return trial.state is OptunaState.COMPLETE and met


@contextmanager
def _told_before() -> Iterator[None]:
    """Without Optuna's warning about what was told before."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


def _hopeless(outcome: TrialOutcome) -> str:
    """Why no sampler should come near these parameters again; empty where nothing says so.

    What completed has a value that says it; and a Gaussian process takes as many constraints of
    each completed trial.
    """
    if outcome.state is TrialState.COMPLETE:
        return ""
    if outcome.state is TrialState.INFEASIBLE:
        return "infeasible"
    diagnosis = outcome.diagnosis
    if diagnosis is not None and diagnosis.status is Convergence.DIVERGED:
        return "diverged"
    return "not_learning" if outcome.stopped_by == "not_learning" else ""
