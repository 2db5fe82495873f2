"""The study of a sweep: claims trials, reports values, prunes, and stores outcomes.

A trial keeps its number for life. If it is interrupted, or its agent vanishes, it returns to
WAITING with its parameters and is the next that an agent claims.
"""

import logging
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
from tuner.study.claims import Decide, NotOwnedError, Points, TrialClaims
from tuner.study.definition import Definition, made_with, opening_attributes, repeats_attributes
from tuner.study.foreign import refuse_foreign_study
from tuner.study.handle import TrialHandle
from tuner.study.importances import importances
from tuner.study.initial_points import InitialPoints, untuned_point, waiting_point
from tuner.study.lease import Lease
from tuner.study.lost import StudyLostError
from tuner.study.owner import identity
from tuner.study.snapshot import StudySnapshot
from tuner.study.storage_retry import StorageRetry
from tuner.study.stored_metrics import metrics_attributes, scores_attributes
from tuner.study.stores import connect, shown
from tuner.study.strategies import build_pruner, build_sampler
from tuner.study.trial_leases import TrialLeases
from tuner.study.trial_points import TrialPoints
from tuner.trial.records import ClaimedTrial, Scalar, TrialOutcome, TrialState
from tuner.trial.study_identity import StudyIdentity, identity_of, new_study_id

P = ParamSpec("P")
T = TypeVar("T")

optuna.logging.set_verbosity(optuna.logging.ERROR)

_log = logging.getLogger(__name__)


def retried(
    method: Callable[Concatenate["Study", P], T],
) -> Callable[Concatenate["Study", P], T]:
    """Make a method wait for an unavailable database; the method must be safe to repeat."""

    @wraps(method)
    def trying(self: "Study", /, *args: P.args, **kwargs: P.kwargs) -> T:
        def once() -> T:
            # The journal's lock and ours belong to a process, so its threads take turns.
            with self._thread_lock:
                self._open_storage.check()
                return method(self, *args, **kwargs)

        try:
            return self._retry(once)
        except KeyError:
            self._check_exists()
            raise

    return trying


class Study:
    """An Optuna study, opened for running it.

    Every method that reads or writes the study waits for an unavailable database, as long as
    `storage.retry_timeout` allows.

    Attributes:
        notice: Warning about the versions that the study was made with; or empty.
        is_new: True if the study was made now.
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
        first: InitialPoints | None = None,
        settings: StorageSettings | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open the study; make it if there is none of this name.

        Args:
            name: Name of the study.
            url: Address of its storage.
            definition: Definition of the study; an existing one must have the same.
            sampler: Group `sampler`; None if there are no trials but the initial ones.
            pruner: Group `pruner`.
            defaults: Value of each searched key in the untuned default configuration.
            first: Initial points behind that default.
            settings: Group `storage`.
            clock: Function that returns monotonic seconds.

        Raises:
            InputError: The existing study has another definition, or an option is wrong.
        """
        self._space, self._goals = definition.space, definition.goals
        self._defaults = dict(defaults)
        settings = settings or StorageSettings()
        self._clock = clock
        self._identify = None if sampler is None else definition.identify
        self._where = shown(url)
        self._retry = StorageRetry(settings.retry_timeout, self._where, clock)
        self._me = identity()
        _log.info("study %s in %s; this agent is %s", name, self._where, self._me)
        self._thread_lock = RLock()
        self._open_storage = self._retry(lambda: connect(url, self._me, name))
        self._storage = self._open_storage.optuna
        self._retry(
            lambda: refuse_foreign_study(
                self._storage, name, definition.goals.directions, self._where
            )
        )
        self._study = self._retry(
            lambda: optuna.create_study(
                study_name=name,
                storage=self._storage,
                sampler=RandomSampler(),
                directions=definition.goals.directions,
                pruner=build_pruner(pruner, definition.goals),
                load_if_exists=True,
            )
        )
        self._claims = self._retry(
            lambda: TrialClaims(
                self._study,
                self._storage,
                self._open_storage.coordination,
                self._me,
                settings.heartbeat_timeout,
            )
        )
        self._idle_since: float | None = None
        self.notice = ""
        self.identity = StudyIdentity(name=name)
        opened = self._open(name, definition, first or InitialPoints())
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
            self._points.use_sampler(
                sampler, build_sampler(sampler, opened, name), definition.identify
            )
        self._leases = TrialLeases(
            self._claims, self._retry, settings, self._storage.remove_session
        )

    @retried
    def _open(self, name: str, definition: Definition, first: InitialPoints) -> int:
        """Write the study's definition, or compare it with the stored one.

        Args:
            name: Name of the study.
            definition: Definition that it is opened with.
            first: Initial points.

        Returns:
            Number of times that it was opened before.
        """
        wanted, now, new_id = definition.to_plain(), made_with(definition.metrics), new_study_id()
        opened = 0

        def decide(
            stored: Mapping[str, Any], read: Callable[[], StudySnapshot]
        ) -> tuple[Mapping[str, Any], Points]:
            nonlocal opened
            opened = int(stored.get(OPENED) or 0)
            snapshot = read()
            found, self.notice = opening_attributes(
                name, stored, wanted, now, snapshot.hosts, new_id
            )
            found |= repeats_attributes(name, stored, definition.repeats_of)
            found |= metrics_attributes(name, stored, definition.metrics)
            found |= scores_attributes(stored, definition.goals.scores)
            self.identity = identity_of(name, {**stored, **found})
            chosen = first.always if opened else [*first.always, *first.if_new]
            points = [waiting_point(self._space, each, self._identify) for each in chosen]
            if self._identify is None or not (opened and snapshot.has_begun):
                points.insert(0, untuned_point(self._space, self._defaults, self._identify))
            return found | {OPENED: opened + 1}, points

        self._claims.update(decide)
        return opened

    # -- claims -------------------------------------------------------------------------------

    @retried
    def requeue_orphans(self) -> list[int]:
        """Requeue the trials of this machine's ended agents.

        Returns:
            Numbers of the requeued trials.
        """
        return self._claims.requeue_orphans()

    @retried
    def may_claim(self, total: int) -> bool:
        """Return True if there is a trial to claim, or may be one soon.

        For an agent that runs none: when nothing is left to claim, it stays True until every other
        agent has since written a heartbeat, ended its trials, or lost them to us. With living
        agents this takes `storage.heartbeat_interval`, else at most `storage.heartbeat_timeout`.
        """
        leased = self._leases.numbers
        snapshot = self._claims.snapshot(leased, trust_silence=self._leases.trust_silence)
        can_draw = self._identify is not None and not self._points.exhausted
        at_hand = can_draw or snapshot.waiting or snapshot.claimable(leased)
        if at_hand and snapshot.remaining(total, leased) > 0:
            self._idle_since = None
            return True
        if self._idle_since is None:
            self._idle_since = self._clock()
        idle = self._clock() - self._idle_since
        others = [trial for trial in snapshot.running if trial.owner != self._me]
        return snapshot.counted < total and any(trial.silence >= idle for trial in others)

    @retried
    def claim(self, total: int | None) -> ClaimedTrial | None:
        """Claim a trial, which is then RUNNING and owned by this agent.

        Args:
            total: Number of trials that count in the end, over all agents; never more are claimed.
                None for no limit.

        Returns:
            An abandoned trial, else a waiting one, else a new one; None if there is none to claim.
        """
        while True:
            can_draw = self._points.has_more()
            try:
                claimed = self._claims.claim(
                    total,
                    self._leases.numbers,
                    trust_silence=self._leases.trust_silence,
                    can_draw=can_draw,
                )
                trial = None if claimed is None else self._assign(claimed)
            except NotOwnedError:  # It ended, or another agent owns it by now.
                continue
            if claimed is None or trial is not None:
                return trial

    @property
    def exhausted(self) -> bool:
        """True once every configuration that could be drawn belongs to a trial."""
        return self._points.exhausted

    def _assign(self, claimed: optuna.Trial) -> ClaimedTrial | None:
        try:
            assigned = self._points.assign(claimed)
        except ValueError as error:  # Optuna's, about a different distribution.
            raise InputError(
                f"the study holds trials of another program, which do not fit its space: {error}",
                where=self._where,
                remedy="study=NAME for a study of its own",
            ) from error
        if assigned is None:
            return None
        trial, parameters = assigned
        self._leases.add(claimed.number, trial)
        self._idle_since = None
        return ClaimedTrial(
            number=claimed.number,
            parameters=parameters,
            attempt=trial.attempt,
            crashes=trial.crashes,
        )

    # -- trials that this agent owns ------------------------------------------------------------

    @retried
    def owns(self, number: int) -> bool:
        """Return True if a trial that was claimed here is still ours, or was until we finished it.

        False once another agent has it, because this one wrote no heartbeat for
        `storage.heartbeat_timeout`: later results of this agent do not count. The database is read
        only after such a silence.
        """
        return self._leases.owns(number)

    @retried
    def started(self, number: int, config: str, *, attempt: int = 1, crashes: int = 0) -> None:
        """Store what another agent needs to resume a trial.

        Args:
            number: Number of the trial.
            config: Its configuration as YAML.
            attempt: Number of the attempt that begins, counted from 1.
            crashes: Number of earlier attempts that ended with a worker or an agent that died.
        """
        known = {"config": config, ATTEMPT: attempt, CRASHES: crashes}
        self._leases.do(number, lambda trial: trial.set_attrs(known))

    @retried
    def report(self, number: int, point: int, values: Mapping[str, float]) -> None:
        """Report the watched metrics of an evaluation point; a point reported before is kept."""
        self._leases.do(number, lambda trial: trial.report(point, values))

    @retried
    def should_prune(self, number: int) -> bool:
        """Return True if the pruner would stop the trial after its last report."""
        return bool(self._leases.do(number, lambda trial: trial.should_prune()))

    @retried
    def finish(self, outcome: TrialOutcome) -> None:
        """Store how a trial ended; an interrupted one is requeued.

        A trial that this agent will retry stays RUNNING and ours. Nothing is stored for a trial
        that is no longer ours (see `owns`).
        """
        if outcome.state is TrialState.RETRIED:
            return
        with self._leases.ending(outcome.number):
            if outcome.state is TrialState.INTERRUPTED:
                self._leases.do(outcome.number, lambda _: self._claims.requeue(outcome.number))
            else:
                self._leases.do(outcome.number, lambda trial: self._end(trial, outcome))

    def _end(self, trial: TrialHandle, outcome: TrialOutcome) -> None:
        with self._claims.owned(outcome.number):
            trial.finish(outcome)

    # -- the whole study ----------------------------------------------------------------------

    @retried
    def outcomes(self) -> list[TrialOutcome]:
        """Return the outcomes of all ended trials by number, those of other agents too."""
        return results.outcomes(self._study.get_trials(deepcopy=False))

    @retried
    def config(self, number: int) -> str | None:
        """Return a trial's configuration as YAML, as its last attempt ran it; None before one."""
        return results.config(self._study.get_trials(deepcopy=False), number)

    @retried
    def attributes(self) -> dict[str, Any]:
        """Return the attributes of the study."""
        return dict(self._study.user_attrs)

    def lease(self, name: str) -> Lease:
        """Return a lease that this study's agents take in turn.

        Args:
            name: Attribute of the study that holds it.
        """
        return Lease(name, self._me, self._update, self._storage.remove_session)

    @retried
    def _update(self, decide: Decide) -> None:
        self._claims.update(decide)

    @property
    def size(self) -> int:
        """Number of trials in any state."""
        return self._retry(lambda: len(self._study.get_trials(deepcopy=False)))

    @retried
    def values(self) -> list[tuple[float, ...] | None]:
        """Return the objectives of every trial that counts toward the total, by number.

        Returns:
            None for trials that did not complete or miss a constraint.
        """
        return results.values(self._study.get_trials(deepcopy=False))

    @retried
    def importances(self) -> dict[str, float]:
        """Return the importance of each searched key; see `tuner.study.importances`."""
        return importances(self._study, self._space)

    @retried
    def set_attr(self, name: str, value: Any) -> None:
        """Set an attribute of the study.

        Args:
            name: Name of the attribute.
            value: A JSON value.
        """
        self._claims.update(lambda stored, read: ({name: value}, ()))  # noqa: ARG005

    @retried
    def set_attr_once(self, name: str, value: Any) -> Any:
        """Set an attribute of the study unless another agent has set it.

        Args:
            name: Name of the attribute.
            value: A JSON value; None to read it only.

        Returns:
            Value of the attribute afterwards.
        """
        found = value

        def decide(
            stored: Mapping[str, Any],
            read: Callable[[], StudySnapshot],  # noqa: ARG001
        ) -> tuple[Mapping[str, Any], Points]:
            nonlocal found
            found = stored.get(name) or value
            return ({} if found is None else {name: found}), ()

        self._claims.update(decide)
        return found

    def _check_exists(self) -> None:
        """Raise StudyLostError if the study was deleted from its storage."""
        try:
            found = self._retry(lambda: self._storage.get_study_id_from_name(self.identity.name))
        except KeyError:
            found = None
        if found != self._claims.study_id:
            raise StudyLostError(
                f"the study '{self.identity.name}' was deleted while it was running",
                self._where,
                "the same command begins it anew; a backup of the storage has its former trials",
            )

    def stop_retrying(self) -> None:
        """Stop waiting for an unavailable database, now and later; safe in a signal handler."""
        self._retry.stop_retrying()

    def close(self) -> None:
        """Close the storage; unfinished trials are requeued."""
        self._leases.release()
        self._open_storage.close()
