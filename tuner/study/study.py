"""Asks for parameters, reports, prunes, and keeps what a sweep must not lose.

A trial keeps its number for life. One that was interrupted goes back to WAITING with the
parameters that it had; one whose agent vanished stays RUNNING and changes its owner. Either way
it is the next that an agent takes up.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import optuna
from optuna.samplers import RandomSampler
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from tuner.errors import InputError
from tuner.settings.settings import StorageSettings
from tuner.study.asked import Asked
from tuner.study.census import Census, Numbered
from tuner.study.definition import Definition, made_with, opening, repeats_attributes
from tuner.study.first import First, untuned_point, waiting_point
from tuner.study.foreign import refuse_foreign_study
from tuner.study.held import HeldTrials
from tuner.study.importances import importances
from tuner.study.lease import Lease
from tuner.study.ledger import ATTEMPT, COUNTED, CRASHES, Decide, NotOursError, Points
from tuner.study.lost import StudyLostError
from tuner.study.owner import identity
from tuner.study.patience import Patience
from tuner.study.stores import connect, open_ledger, shown
from tuner.study.strategies import build_pruner, build_sampler
from tuner.study.trial_points import TrialPoints
from tuner.trial.records import Scalar, TrialOutcome, TrialState
from tuner.trial.serialization import from_plain
from tuner.trial.study_identity import StudyIdentity, identity_of, new_study_id

P = ParamSpec("P")
T = TypeVar("T")

optuna.logging.set_verbosity(optuna.logging.ERROR)


def patient(
    method: Callable[Concatenate["Study", P], T],
) -> Callable[Concatenate["Study", P], T]:
    """Makes a method wait for a database that is away; doing it twice has to do nothing more."""

    @wraps(method)
    def trying(self: "Study", /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return self._patience(lambda: method(self, *args, **kwargs))
        except KeyError:
            self._check_exists()
            raise

    return trying


class Study:
    """One Optuna study, opened for running it.

    Every method that reads or writes the study waits for a database that is away, as long as
    `storage.retry_timeout` allows.

    Attributes:
        notice: A warning for people about the versions that the study was made with; or empty.
        is_new: Whether it was made now.
        identity: Name and id of the study.
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
        first: First | None = None,
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
            first: What waits behind that default.
            settings: Group `storage`.
            clock: Seconds, monotonic.

        Raises:
            InputError: The existing study was made of something else, or an option is wrong.
        """
        self._space, self._goals = definition.space, definition.goals
        self._defaults = dict(defaults)
        settings = settings or StorageSettings()
        self._clock = clock
        self._identify = None if sampler is None else definition.identify
        self._where = shown(url)
        self._patience = Patience(settings.retry_timeout, self._where, clock)
        self._me = identity()
        self._storage = self._patience(lambda: connect(url, self._me))
        self._patience(
            lambda: refuse_foreign_study(
                self._storage, name, definition.goals.directions, self._where
            )
        )
        self._study = self._patience(
            lambda: optuna.create_study(
                study_name=name,
                storage=self._storage,
                sampler=RandomSampler(),
                directions=definition.goals.directions,
                pruner=build_pruner(pruner, definition.goals),
                load_if_exists=True,
            )
        )
        study_id = self._patience(lambda: self._storage.get_study_id_from_name(name))
        self._ledger = open_ledger(self._storage, study_id, self._me, settings.heartbeat_timeout)
        self._idle_since: float | None = None
        self.notice = ""
        self.identity = StudyIdentity(name=name)
        opened = self._open(name, definition, first or First())
        self.is_new = not opened
        self._points = TrialPoints(
            study=self._study,
            storage=self._storage,
            ledger=self._ledger,
            space=self._space,
            goals=self._goals,
            defaults=self._defaults,
        )
        if sampler is not None:
            self._points.draw_with(
                sampler, build_sampler(sampler, opened, name), definition.identify
            )
        self._ours = HeldTrials(
            self._ledger, self._patience, settings, self._storage.remove_session
        )

    @patient
    def _open(self, name: str, definition: Definition, first: First) -> int:
        """Compares, or writes down, what the study is made of.

        Args:
            name: The study's name.
            definition: What it is to be made of.
            first: Trials that are to wait.

        Returns:
            How often it was opened before.
        """
        wanted, now, new_id = definition.to_plain(), made_with(), new_study_id()
        opened = 0

        def decide(stored: Mapping[str, Any], census: Census) -> tuple[Mapping[str, Any], Points]:
            nonlocal opened
            opened = int(stored.get("opened") or 0)
            hosts = [trial.owner["host"] for trial in census.living]
            found, self.notice = opening(name, stored, wanted, now, hosts, new_id)
            found |= repeats_attributes(name, stored, definition.repeats_of)
            self.identity = identity_of(name, {**stored, **found})
            chosen = first.always if opened else [*first.always, *first.if_new]
            points = [waiting_point(self._space, each, self._identify) for each in chosen]
            if self._identify is None or not (opened and census.has_begun):
                points.insert(0, untuned_point(self._space, self._defaults, self._identify))
            return found | {"opened": opened + 1}, points

        self._ledger.enter(decide)
        return opened

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
        held = self._ours.numbers
        census = self._ledger.census(held, judging=self._ours.judging)
        draws = self._identify is not None and not self._points.exhausted
        at_hand = draws or census.waiting or census.free(held)
        if at_hand and census.room(total, held) > 0:
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
            draws = self._points.has_more()
            taken = self._ledger.claim(
                total, self._ours.numbers, judging=self._ours.judging, draws=draws
            )
            if taken is None:
                return None
            with suppress(NotOursError):  # Frozen in between: it is somebody else's by now.
                asked = self._begin(taken)
                if asked is not None:
                    return asked

    @property
    def exhausted(self) -> bool:
        """True once every configuration that could be drawn is a trial's."""
        return self._points.exhausted

    def _begin(self, taken: Numbered) -> Asked | None:
        try:
            begun = self._points.begin(taken.id)
        except ValueError as error:  # Optuna's, of a distribution that is another one.
            raise InputError(
                f"the study holds trials of another program, which do not fit its space: {error}",
                where=self._where,
                remedy="study=NAME for a study of its own",
            ) from error
        if begun is None:
            return None
        trial, parameters = begun
        self._ours.take(taken.number, trial)
        self._idle_since = None
        return Asked(
            number=taken.number,
            parameters=parameters,
            attempt=trial.attempt,
            crashes=trial.crashes,
        )

    # -- a trial of ours ----------------------------------------------------------------------

    @patient
    def owns(self, number: int) -> bool:
        """Whether a trial that was handed out here is still ours, or was until we finished it.

        False once another agent has it, because this one showed no sign of life for
        `storage.heartbeat_timeout`: what it still finds out about the trial counts for nothing.
        Only after such a silence the database is asked.
        """
        return self._ours.owns(number)

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
        self._ours.do(number, lambda trial: self._ledger.note(trial.id, known))

    @patient
    def report(self, number: int, point: int, values: Mapping[str, float]) -> None:
        """Tells what counts at an evaluation point; a point told before is left as it was."""
        self._ours.do(number, lambda trial: trial.report(point, values))

    @patient
    def should_prune(self, number: int) -> bool:
        """Whether the pruner would stop the trial after its last report."""
        return bool(self._ours.do(number, lambda trial: trial.should_prune()))

    @patient
    def finish(self, outcome: TrialOutcome) -> None:
        """Tells how a trial ended; an interrupted one goes back to be taken up again.

        One that is to be tried again by this agent stays RUNNING and ours. Of a trial that is no
        longer ours (see `owns`) nothing is told.
        """
        if outcome.state is TrialState.RETRIED:
            return
        with self._ours.ending(outcome.number):
            if outcome.state is TrialState.INTERRUPTED:
                self._ours.do(outcome.number, lambda trial: self._ledger.put_back(trial.id))
            else:
                self._ours.do(outcome.number, lambda trial: trial.finish(outcome))

    # -- the whole ----------------------------------------------------------------------------

    @patient
    def outcomes(self) -> list[TrialOutcome]:
        """How every finished trial of the study ended, by number, those of other agents too."""
        return [
            from_plain(TrialOutcome, trial.user_attrs["outcome"])
            for trial in self._study.get_trials(deepcopy=False)
            if trial.state.is_finished() and "outcome" in trial.user_attrs
        ]

    @patient
    def config(self, number: int) -> str | None:
        """Return a trial's configuration as YAML, as its last attempt ran it; None before one."""
        trials = self._study.get_trials(deepcopy=False)
        found = next((trial for trial in trials if trial.number == number), None)
        return found.user_attrs.get("config") if found else None

    @patient
    def attributes(self) -> dict[str, Any]:
        """Return the attributes of the study."""
        return dict(self._study.user_attrs)

    def lease(self, name: str) -> Lease:
        """Return a lease that this study's agents take in turn.

        Args:
            name: Attribute of the study that holds it.
        """

        def enter(decide: Decide) -> None:
            self._patience(lambda: self._ledger.enter(decide))

        return Lease(name, self._me, enter, self._storage.remove_session)

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
        """How much each searched key matters; see `tuner.study.importances`."""
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

    def _check_exists(self) -> None:
        """Raise StudyLostError where somebody has deleted the study from its storage."""
        known = self._patience(self._storage.get_all_studies)
        if self._study._study_id not in {each._study_id for each in known}:  # noqa: SLF001
            raise StudyLostError(
                f"the study '{self.identity.name}' was deleted while it was being run",
                self._where,
                "the same command begins it anew; a backup of the storage has what it held",
            )

    def hurry(self) -> None:
        """Waits no more for a database that is away, now and later; safe in a signal handler."""
        self._patience.hurry()

    def close(self) -> None:
        """Lets the database go; trials that were not finished wait for whoever takes them up."""
        self._ours.let_go()
        self._ledger.close()


def _is_usable(trial: FrozenTrial) -> bool:
    met = all(value <= 0.0 for value in trial.constraints.values())
    return trial.state is OptunaState.COMPLETE and met
