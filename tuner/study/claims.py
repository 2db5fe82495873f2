"""Which agent runs which trial of a study, whatever its storage.

Optuna knows states alone: its `ask` takes a trial from WAITING to RUNNING, and no two processes
take the same one. Everything else stands in attributes of the trials. An agent claims under a
lock that the agents of the study share, from the counts of what there is to the owner's name, so
that never more trials run than the study's total needs. An agent that dies in the middle leaves a
trial that waits, or one that runs without an owner, which the next one requeues.
"""

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
    unseen,
)
from tuner.study.coordination import Coordination
from tuner.study.owner import is_lost
from tuner.study.snapshot import Origin, RunningTrial, StudySnapshot, choose

Points = Sequence[WaitingPoint]
"""Trials that are to wait."""

Decide = Callable[[Mapping[str, Any], StudySnapshot], tuple[Mapping[str, Any], Points]]
"""From a study's user attributes and its trials to the attributes and trials that are added."""

_UNCLAIMED = "trial-"
"""Begin of the name under which the silence of a trial without an owner is measured."""


class NotOursError(Exception):
    """Another agent has taken the trial over."""


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
        """Claim nothing yet.

        Args:
            study: Optuna's study.
            storage: Storage of the study.
            coordination: Lock and heartbeats of the study's agents.
            me: Identity of this agent.
            heartbeat_timeout: Seconds of silence after which an owner is given up.
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
        """Set attributes of the study and add trials that wait, while no other agent does.

        Args:
            decide: Returns both, or raises; it sees the study as it is. Points that were added
                before, or whose configuration another trial has, are left out.
        """
        with self._coordination.locked():
            stored = self._study.user_attrs
            attributes, points = decide(stored, self.snapshot((), judging=True))
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
        for point in unseen(points, known, reserved):
            name = point.configuration
            attributes = {OWNER: None} | ({} if name is None else {CONFIGURATION: name})
            self._coordination.check()
            self._study.enqueue_trial(dict(point.values), user_attrs=attributes)

    def _trials(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)

    # -- the trials ---------------------------------------------------------------------------

    def snapshot(self, held: Collection[int], *, judging: bool) -> StudySnapshot:
        """Read what there is.

        Args:
            held: Numbers of the trials that this agent runs.
            judging: True if silence counts: not just after the storage was away, when the living
                were silent, too.
        """
        trials = self._trials()
        agents = {
            _agent(trial) for trial in trials if _is_running(trial) and trial.number not in held
        }
        silences = self._coordination.silences(agents) if agents else {}
        return StudySnapshot(
            counted=sum(trial.state in COUNTED for trial in trials),
            waiting=tuple(t.number for t in trials if t.state is OptunaState.WAITING),
            running=tuple(
                self._running(trial, silences.get(_agent(trial), 0.0), judging=judging)
                for trial in trials
                if _is_running(trial)
            ),
        )

    def _running(self, trial: FrozenTrial, silence: float, *, judging: bool) -> RunningTrial:
        owner, is_silent = trial.user_attrs.get(OWNER), judging and silence > self._timeout
        if owner is None:
            is_abandoned = is_silent or OWNER in trial.user_attrs
        else:
            is_abandoned = is_lost(owner, self._me, is_silent)
        return RunningTrial(
            number=trial.number, owner=owner, is_abandoned=is_abandoned, silence=silence
        )

    def claim(
        self, total: int | None, held: Collection[int], *, judging: bool, draws: bool
    ) -> optuna.Trial | None:
        """Claim a trial as `tuner.study.snapshot.choose` says.

        Returns:
            The trial, RUNNING and ours; None when there is none to claim.

        Raises:
            NotOursError: It ended meanwhile; there may be others.
        """
        with self._coordination.locked():
            snapshot = self.snapshot(held, judging=judging)
            claim = choose(snapshot, self._me, total, held, draws=draws)
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
            self._sign(trial)
            return trial

    def _sign(self, trial: optuna.Trial) -> None:
        """Write that a trial is ours; it is so with the last attribute."""
        trial.set_user_attr(ATTEMPT, trial.user_attrs.get(ATTEMPT, 0) + 1)
        trial.set_user_attr(OWNER, dict(self._me))

    def _requeue(self, number: int, *, is_crash: bool) -> None:
        """Let a running trial wait; the lock is held.

        Raises:
            NotOursError: It has ended.
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
            raise NotOursError(number) from error

    def put_back(self, number: int) -> None:
        """Let a trial wait for whoever claims it, if it is ours and has not ended."""
        with self._coordination.locked():
            trial = self._storage.get_trial(self.id_of(number))
            if self.owns(number) and trial.state is OptunaState.RUNNING:
                self._requeue(number, is_crash=False)

    def put_back_orphans(self) -> list[int]:
        """Let the trials of agents of this machine wait that are gone.

        Returns:
            Numbers of those trials.
        """
        numbers = []
        with self._coordination.locked():
            for trial in self.snapshot((), judging=False).claimable(()):
                with suppress(NotOursError):
                    self._requeue(trial.number, is_crash=True)
                    numbers.append(trial.number)
        return numbers

    # -- a trial of ours ----------------------------------------------------------------------

    def owns(self, number: int) -> bool:
        """True if a trial, running or ended, has this agent as its owner."""
        return self._storage.get_trial_user_attrs(self.id_of(number)).get(OWNER) == self._me

    @contextmanager
    def ours(self, number: int) -> Iterator[None]:
        """Keep a trial ours: no other agent claims it meanwhile.

        Raises:
            NotOursError: It is another agent's.
        """
        with self._coordination.locked():
            if not self.owns(number):
                raise NotOursError(number)
            self._coordination.check()
            yield

    def beat(self, numbers: Collection[int]) -> set[int]:
        """Write a heartbeat.

        Args:
            numbers: Trials that this agent believes to run.

        Returns:
            Those of them that are still ours.
        """
        self._coordination.touch()
        return {number for number in numbers if self.owns(number)}

    def forgive(self, number: int) -> None:
        """Take back one crash of a trial that went to another agent.

        Its former owner was silent, which counted as a crash, but lives.
        """
        with self._coordination.locked():
            trial_id = self.id_of(number)
            trial = self._storage.get_trial(trial_id)
            if not trial.state.is_finished():
                crashes = max(0, trial.user_attrs.get(CRASHES, 0) - 1)
                self._storage.set_trial_user_attr(trial_id, CRASHES, crashes)

    def reserve(self, number: int, configuration: str) -> bool:
        """Write the configuration of a trial of ours, unless another trial has it.

        Returns:
            True if it was written.
        """
        with self.ours(number):
            for trial in self._trials():
                is_same = trial.user_attrs.get(CONFIGURATION) == configuration
                if is_same and trial.number != number:
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
    """True if an agent runs a trial, or began to claim it; not if another program runs it."""
    is_known = OWNER in trial.user_attrs or FIXED in trial.system_attrs
    return trial.state is OptunaState.RUNNING and is_known


def _agent(trial: FrozenTrial) -> str:
    """Name under which a running trial's silence is measured."""
    owner = trial.user_attrs.get(OWNER)
    return str(owner["agent"]) if owner else f"{_UNCLAIMED}{trial.number}"


def _empty_trial() -> FrozenTrial:
    return create_trial(state=OptunaState.WAITING, user_attrs={OWNER: None})
