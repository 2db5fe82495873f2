"""Asks for parameters, reports, prunes, and keeps what a sweep must not lose.

A trial keeps its number for life. One that was interrupted, or whose agent vanished, goes back to
WAITING with the parameters that it had, and is the next that an agent claims.
"""

import time
from collections.abc import Callable, Mapping
from functools import wraps
from threading import RLock
from typing import Any, Concatenate, ParamSpec, TypeVar

import optuna
from optuna.samplers import RandomSampler

from tuner.errors import InputError
from tuner.settings.settings import StorageSettings
from tuner.study import results
from tuner.study.attributes import ATTEMPT, CRASHES, OPENED
from tuner.study.claimed_trial import ClaimedTrial
from tuner.study.claims import Decide, NotOursError, Points, TrialClaims
from tuner.study.definition import Definition, made_with, opening, repeats_attributes
from tuner.study.first import First, untuned_point, waiting_point
from tuner.study.foreign import refuse_foreign_study
from tuner.study.handle import TrialHandle
from tuner.study.importances import importances
from tuner.study.lease import Lease
from tuner.study.lost import StudyLostError
from tuner.study.owner import identity
from tuner.study.patience import Patience
from tuner.study.snapshot import StudySnapshot
from tuner.study.stores import connect, shown
from tuner.study.strategies import build_pruner, build_sampler
from tuner.study.trial_leases import TrialLeases
from tuner.study.trial_points import TrialPoints
from tuner.trial.records import Scalar, TrialOutcome, TrialState
from tuner.trial.study_identity import StudyIdentity, identity_of, new_study_id

P = ParamSpec("P")
T = TypeVar("T")

optuna.logging.set_verbosity(optuna.logging.ERROR)


def patient(
    method: Callable[Concatenate["Study", P], T],
) -> Callable[Concatenate["Study", P], T]:
    """Make a method wait for a database that is away; doing it twice has to do nothing more."""

    @wraps(method)
    def trying(self: "Study", /, *args: P.args, **kwargs: P.kwargs) -> T:
        def once() -> T:
            # The journal's lock, and ours, are held by a process: its threads take turns.
            with self._turn:
                self._opened.check()
                return method(self, *args, **kwargs)

        try:
            return self._patience(once)
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
        self._turn = RLock()
        self._opened = self._patience(lambda: connect(url, self._me, name))
        self._storage = self._opened.optuna
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
        self._claims = self._patience(
            lambda: TrialClaims(
                self._study,
                self._storage,
                self._opened.coordination,
                self._me,
                settings.heartbeat_timeout,
            )
        )
        self._idle_since: float | None = None
        self.notice = ""
        self.identity = StudyIdentity(name=name)
        opened = self._open(name, definition, first or First())
        self.is_new = not opened
        self._points = TrialPoints(
            study=self._study,
            storage=self._storage,
            claims=self._claims,
            space=self._space,
            goals=self._goals,
            defaults=self._defaults,
        )
        if sampler is not None:
            self._points.draw_with(
                sampler, build_sampler(sampler, opened, name), definition.identify
            )
        self._leases = TrialLeases(
            self._claims, self._patience, settings, self._storage.remove_session
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

        def decide(
            stored: Mapping[str, Any], snapshot: StudySnapshot
        ) -> tuple[Mapping[str, Any], Points]:
            nonlocal opened
            opened = int(stored.get(OPENED) or 0)
            found, self.notice = opening(name, stored, wanted, now, snapshot.hosts, new_id)
            found |= repeats_attributes(name, stored, definition.repeats_of)
            self.identity = identity_of(name, {**stored, **found})
            chosen = first.always if opened else [*first.always, *first.if_new]
            points = [waiting_point(self._space, each, self._identify) for each in chosen]
            if self._identify is None or not (opened and snapshot.has_begun):
                points.insert(0, untuned_point(self._space, self._defaults, self._identify))
            return found | {OPENED: opened + 1}, points

        self._claims.update(decide)
        return opened

    # -- which trials -------------------------------------------------------------------------

    @patient
    def release_orphans(self) -> list[int]:
        """Let the trials of agents of this machine wait that are gone.

        Returns:
            Numbers of those trials.
        """
        return self._claims.put_back_orphans()

    @patient
    def awaiting(self, total: int) -> bool:
        """True if there is a trial to claim, or may be one soon.

        To be asked by an agent that runs none: when nothing is left to claim it stays true until
        every other agent has shown since then that it lives, has ended its trials, or has lost
        them to us. With living agents this takes `storage.heartbeat_interval`, else at most
        `storage.heartbeat_timeout`.
        """
        held = self._leases.numbers
        snapshot = self._claims.snapshot(held, judging=self._leases.judging)
        draws = self._identify is not None and not self._points.exhausted
        at_hand = draws or snapshot.waiting or snapshot.claimable(held)
        if at_hand and snapshot.remaining(total, held) > 0:
            self._idle_since = None
            return True
        if self._idle_since is None:
            self._idle_since = self._clock()
        idle = self._clock() - self._idle_since
        others = [trial for trial in snapshot.running if trial.owner != self._me]
        return snapshot.counted < total and any(trial.silence >= idle for trial in others)

    @patient
    def claim(self, total: int | None) -> ClaimedTrial | None:
        """Claim a trial, which is RUNNING and ours from here on.

        Args:
            total: Number of trials that are to be counted in the end, over all agents; never more
                are handed out. None: no limit.

        Returns:
            One whose agent vanished, else one that waits, else a new one; None when there is
            none to claim.
        """
        while True:
            draws = self._points.has_more()
            try:
                claimed = self._claims.claim(
                    total, self._leases.numbers, judging=self._leases.judging, draws=draws
                )
                trial = None if claimed is None else self._begin(claimed)
            except NotOursError:  # It ended, or is another agent's, by now.
                continue
            if claimed is None or trial is not None:
                return trial

    @property
    def exhausted(self) -> bool:
        """True once every configuration that could be drawn is a trial's."""
        return self._points.exhausted

    def _begin(self, claimed: optuna.Trial) -> ClaimedTrial | None:
        try:
            begun = self._points.begin(claimed)
        except ValueError as error:  # Optuna's, of a distribution that is another one.
            raise InputError(
                f"the study holds trials of another program, which do not fit its space: {error}",
                where=self._where,
                remedy="study=NAME for a study of its own",
            ) from error
        if begun is None:
            return None
        trial, parameters = begun
        self._leases.add(claimed.number, trial)
        self._idle_since = None
        return ClaimedTrial(
            number=claimed.number,
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
        return self._leases.owns(number)

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
        self._leases.do(number, lambda trial: trial.note(known))

    @patient
    def report(self, number: int, point: int, values: Mapping[str, float]) -> None:
        """Tells what counts at an evaluation point; a point told before is left as it was."""
        self._leases.do(number, lambda trial: trial.report(point, values))

    @patient
    def should_prune(self, number: int) -> bool:
        """Whether the pruner would stop the trial after its last report."""
        return bool(self._leases.do(number, lambda trial: trial.should_prune()))

    @patient
    def finish(self, outcome: TrialOutcome) -> None:
        """Tells how a trial ended; an interrupted one goes back to be taken up again.

        One that is to be tried again by this agent stays RUNNING and ours. Of a trial that is no
        longer ours (see `owns`) nothing is told.
        """
        if outcome.state is TrialState.RETRIED:
            return
        with self._leases.ending(outcome.number):
            if outcome.state is TrialState.INTERRUPTED:
                self._leases.do(outcome.number, lambda _: self._claims.put_back(outcome.number))
            else:
                self._leases.do(outcome.number, lambda trial: self._end(trial, outcome))

    def _end(self, trial: TrialHandle, outcome: TrialOutcome) -> None:
        with self._claims.ours(outcome.number):
            trial.finish(outcome)

    # -- the whole ----------------------------------------------------------------------------

    @patient
    def outcomes(self) -> list[TrialOutcome]:
        """Return the outcomes of all ended trials by number, those of other agents too."""
        return results.outcomes(self._study.get_trials(deepcopy=False))

    @patient
    def config(self, number: int) -> str | None:
        """Return a trial's configuration as YAML, as its last attempt ran it; None before one."""
        return results.config(self._study.get_trials(deepcopy=False), number)

    @patient
    def attributes(self) -> dict[str, Any]:
        """Return the attributes of the study."""
        return dict(self._study.user_attrs)

    def lease(self, name: str) -> Lease:
        """Return a lease that this study's agents take in turn.

        Args:
            name: Attribute of the study that holds it.
        """
        return Lease(name, self._me, self._update, self._storage.remove_session)

    @patient
    def _update(self, decide: Decide) -> None:
        self._claims.update(decide)

    @property
    def size(self) -> int:
        """How many trials there are, whatever their states."""
        return self._patience(lambda: len(self._study.get_trials(deepcopy=False)))

    @patient
    def values(self) -> list[tuple[float, ...] | None]:
        """Return the objectives of every trial that counts toward the total, by number.

        Returns:
            None for those that did not complete, or miss a constraint.
        """
        return results.values(self._study.get_trials(deepcopy=False))

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
        self._claims.update(lambda stored, snapshot: ({name: value}, ()))  # noqa: ARG005

    @patient
    def set_attr_once(self, name: str, value: Any) -> Any:
        """Set an attribute of the study unless one of its agents has set it.

        Args:
            name: Its name.
            value: A JSON value; None: it is only read.

        Returns:
            Value of the attribute then.
        """
        found = value

        def decide(
            stored: Mapping[str, Any],
            snapshot: StudySnapshot,  # noqa: ARG001
        ) -> tuple[Mapping[str, Any], Points]:
            nonlocal found
            found = stored.get(name) or value
            return ({} if found is None else {name: found}), ()

        self._claims.update(decide)
        return found

    def _check_exists(self) -> None:
        """Raise StudyLostError where somebody has deleted the study from its storage."""
        try:
            found = self._patience(
                lambda: self._storage.get_study_id_from_name(self.identity.name)
            )
        except KeyError:
            found = None
        if found != self._claims.study_id:
            raise StudyLostError(
                f"the study '{self.identity.name}' was deleted while it was being run",
                self._where,
                "the same command begins it anew; a backup of the storage has what it held",
            )

    def stop_retrying(self) -> None:
        """Wait no more for a database that is away, now and later; safe in a signal handler."""
        self._patience.stop_retrying()

    def close(self) -> None:
        """Close the storage; trials that were not finished wait for whoever claims them."""
        self._leases.release()
        self._opened.close()
