"""Claims on the trials of a study: which agent runs which trial, in any storage.

Optuna knows only states: its `ask` takes a trial from WAITING to RUNNING, and no two processes
take the same one. Everything else is in attributes of the trials. An agent claims under a
lock that all agents of the study share: it counts the trials, takes one and writes its name as
the owner, so that no more trials run than the study's total needs. An agent that dies in between
leaves a WAITING trial, or a RUNNING one without an owner, which the next agent requeues.
"""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, create_trial
from optuna.trial import TrialState as OptunaState

from tuner.study.attributes import (
    ATTEMPT,
    CONFIGURATION,
    COUNTED,
    CRASHES,
    FIXED,
    OPENED,
    OWNER,
    WaitingPoint,
    not_enqueued,
)
from tuner.study.coordination import Coordination
from tuner.study.owner import is_orphaned
from tuner.study.snapshot import Origin, RunningTrial, StudySnapshot, choose

_log = logging.getLogger(__name__)

Points = Sequence[WaitingPoint]
"""Trials to enqueue."""

Decide = Callable[
    [Mapping[str, Any], Callable[[], StudySnapshot]], tuple[Mapping[str, Any], Points]
]
"""Function of a study's user attributes and of what reads its trials; returns attributes to set
and trials to add."""


class NotOwnedError(Exception):
    """The trial belongs to another agent, or has ended."""


class TrialClaims:
    """The claims of one agent on the trials of one study.

    Attributes:
        study_id: Id of the study in its storage.
    """

    def __init__(
        self,
        study: optuna.Study,
        storage: BaseStorage,
        coordination: Coordination,
        me: Mapping[str, Any],
        heartbeat_timeout: float,
    ) -> None:
        """Bind the claims to a study without claiming anything.

        Args:
            study: Optuna's study.
            storage: Storage of the study.
            coordination: Lock and heartbeats of the study's agents.
            me: Identity of this agent.
            heartbeat_timeout: Seconds of silence after which a trial is requeued.
        """
        self._study = study
        self._storage = storage
        self.study_id = storage.get_study_id_from_name(study.study_name)
        self._coordination = coordination
        self._me = me
        self._timeout = heartbeat_timeout
        self._ids: dict[int, int] = {}

    # -- the study ----------------------------------------------------------------------------

    def update(self, decide: Decide) -> None:
        """Set attributes of the study and enqueue trials, under the agents' lock.

        Args:
            decide: Function that sees the study as it is and returns both, or raises.
                Points that were enqueued before, or whose configuration another trial has,
                are left out.
        """
        with self._coordination.locked():
            stored = self._study.user_attrs
            attributes, points = decide(stored, lambda: self.snapshot((), trust_silence=True))
            for key in sorted(attributes, key=OPENED.__eq__):  # It comes last.
                if key == OPENED:
                    self._enqueue(points)
                    points = ()
                if attributes[key] != stored.get(key):
                    self._coordination.check()
                    self._study.set_user_attr(key, attributes[key])
            self._enqueue(points)

    def _enqueue(self, points: Points) -> None:
        if not points:
            return
        trials = self._trials()
        known = [trial.system_attrs.get(FIXED) for trial in trials]
        reserved = [trial.user_attrs.get(CONFIGURATION) for trial in trials]
        for point in not_enqueued(points, known, reserved):
            name = point.configuration
            attributes = {OWNER: None} | ({} if name is None else {CONFIGURATION: name})
            self._coordination.check()
            self._study.enqueue_trial(dict(point.values), user_attrs=attributes)

    def _trials(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)

    # -- the trials ---------------------------------------------------------------------------

    def snapshot(self, leased: Collection[int], *, trust_silence: bool) -> StudySnapshot:
        """Count the trials of the study and read the running ones.

        Args:
            leased: Numbers of the trials that this agent runs.
            trust_silence: True if an agent that is silent for too long counts as gone; False right
                after the storage was unavailable, when living agents were silent, too.
        """
        trials = self._trials()
        agents = {
            self._agent(trial)
            for trial in trials
            if _is_running(trial) and trial.number not in leased
        }
        silences = self._coordination.silences(agents) if agents else {}
        if silences:
            _log.debug("seconds since the heartbeats of others: %s", silences)
        return StudySnapshot(
            counted=sum(trial.state in COUNTED for trial in trials),
            waiting=tuple(t.number for t in trials if t.state is OptunaState.WAITING),
            running=tuple(
                self._running(
                    trial, silences.get(self._agent(trial), 0.0), trust_silence=trust_silence
                )
                for trial in trials
                if _is_running(trial)
            ),
        )

    def _agent(self, trial: FrozenTrial) -> str:
        """Return the name under which a running trial's silence is measured.

        A trial without an owner has one of its own. Studies of one server share its heartbeats,
        and number their trials alike.
        """
        owner = trial.user_attrs.get(OWNER)
        return str(owner["agent"]) if owner else f"trial-{self.study_id}-{trial.number}"

    def _running(self, trial: FrozenTrial, silence: float, *, trust_silence: bool) -> RunningTrial:
        owner, is_silent = trial.user_attrs.get(OWNER), trust_silence and silence > self._timeout
        if owner is None:
            is_abandoned = is_silent or OWNER in trial.user_attrs
        else:
            is_abandoned = is_orphaned(owner, self._me, is_silent)
        return RunningTrial(
            number=trial.number, owner=owner, is_abandoned=is_abandoned, silence=silence
        )

    def claim(
        self, total: int | None, leased: Collection[int], *, trust_silence: bool, can_draw: bool
    ) -> optuna.Trial | None:
        """Claim the trial that `tuner.study.snapshot.choose` selects.

        Returns:
            The trial, RUNNING and owned by this agent; None if there is none to claim.

        Raises:
            NotOwnedError: The trial ended meanwhile; others may be left.
        """
        with self._coordination.locked():
            snapshot = self.snapshot(leased, trust_silence=trust_silence)
            claim = choose(snapshot, self._me, total, leased, can_draw=can_draw)
            if claim is None:
                return None
            self._coordination.touch()
            if claim.number is not None:
                self._requeue(claim.number, is_crash=claim.origin is Origin.LOST)
            self._coordination.check()
            if claim.origin is Origin.NEW:
                self._study.add_trial(_empty_trial())
            trial = self._study.ask()
            self._coordination.check()
            self._write_owner(trial)
            _log.info(
                "trial %d is claimed (%s); counted %d, running %d, waiting %d",
                trial.number,
                claim.origin.name.lower(),
                snapshot.counted,
                len(snapshot.running),
                len(snapshot.waiting),
            )
            return trial

    def _write_owner(self, trial: optuna.Trial) -> None:
        """Write that this agent owns a trial; the last attribute written decides."""
        trial.set_user_attr(ATTEMPT, trial.user_attrs.get(ATTEMPT, 0) + 1)
        trial.set_user_attr(OWNER, dict(self._me))

    def _requeue(self, number: int, *, is_crash: bool) -> None:
        """Set a running trial to WAITING; the lock is held.

        Raises:
            NotOwnedError: The trial has ended.
        """
        trial_id = self.id_of(number)
        attributes = self._storage.get_trial_user_attrs(trial_id)
        self._coordination.check()
        try:
            if is_crash and attributes.get(OWNER) is not None:
                crashes = attributes.get(CRASHES, 0) + 1
                self._storage.set_trial_user_attr(trial_id, CRASHES, crashes)
            self._storage.set_trial_user_attr(trial_id, OWNER, None)
            self._storage.set_trial_state_values(trial_id, OptunaState.WAITING)
        except UpdateFinishedTrialError as error:
            raise NotOwnedError(number) from error
        _log.info(
            "trial %d is requeued%s; its agent was %s",
            number,
            ", a crash" if is_crash else "",
            attributes.get(OWNER),
        )

    def requeue(self, number: int) -> None:
        """Set a trial to WAITING if this agent owns it and it has not ended."""
        with self._coordination.locked():
            trial = self._storage.get_trial(self.id_of(number))
            if self.owns(number) and trial.state is OptunaState.RUNNING:
                self._requeue(number, is_crash=False)

    def requeue_orphans(self) -> list[int]:
        """Set the trials of this machine's ended agents to WAITING.

        Returns:
            Numbers of the requeued trials.
        """
        numbers = []
        with self._coordination.locked():
            for trial in self.snapshot((), trust_silence=False).claimable(()):
                with suppress(NotOwnedError):
                    self._requeue(trial.number, is_crash=True)
                    numbers.append(trial.number)
        return numbers

    # -- trials that this agent owns ------------------------------------------------------------

    def owns(self, number: int) -> bool:
        """Return True if this agent owns a trial, running or ended."""
        return self._storage.get_trial_user_attrs(self.id_of(number)).get(OWNER) == self._me

    @contextmanager
    def owned(self, number: int) -> Iterator[None]:
        """Keep a trial ours while the context lasts: no other agent claims it.

        Raises:
            NotOwnedError: Another agent owns the trial.
        """
        with self._coordination.locked():
            if not self.owns(number):
                raise NotOwnedError(number)
            self._coordination.check()
            yield

    def heartbeat(self, numbers: Collection[int]) -> set[int]:
        """Write a heartbeat of this agent.

        Args:
            numbers: Numbers of the trials that this agent runs.

        Returns:
            Numbers of the trials that this agent still owns.
        """
        self._coordination.touch()
        return {number for number in numbers if self.owns(number)}

    def undo_crash(self, number: int) -> None:
        """Subtract one crash from a trial that another agent has taken over.

        Its former owner was silent, which counted as a crash, but is alive.
        """
        with self._coordination.locked():
            trial_id = self.id_of(number)
            trial = self._storage.get_trial(trial_id)
            if not trial.state.is_finished():
                _log.info("trial %d: our silence counted as a crash; it is undone", number)
                crashes = max(0, trial.user_attrs.get(CRASHES, 0) - 1)
                self._storage.set_trial_user_attr(trial_id, CRASHES, crashes)

    def reserve(self, number: int, configuration: str) -> bool:
        """Write the configuration of a trial that this agent owns, unless another trial has it.

        Returns:
            True if the configuration was written.
        """
        with self.owned(number):
            for trial in self._trials():
                is_same = trial.user_attrs.get(CONFIGURATION) == configuration
                if is_same and trial.number != number:
                    _log.debug("trial %d has the configuration of %d", trial.number, number)
                    return False
            self._storage.set_trial_user_attr(self.id_of(number), CONFIGURATION, configuration)
        return True

    def id_of(self, number: int) -> int:
        """Return the storage's id of a trial."""
        if number not in self._ids:
            found = self._storage.get_trial_id_from_study_id_trial_number(self.study_id, number)
            self._ids[number] = found
        return self._ids[number]


def _is_running(trial: FrozenTrial) -> bool:
    """Return True if one of our agents runs a trial or began to claim it."""
    is_known = OWNER in trial.user_attrs or FIXED in trial.system_attrs
    return trial.state is OptunaState.RUNNING and is_known


def _empty_trial() -> FrozenTrial:
    return create_trial(state=OptunaState.WAITING, user_attrs={OWNER: None})
