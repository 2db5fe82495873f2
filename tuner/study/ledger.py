"""Which agent has which trial: each question and its answer in one transaction.

Agents share nothing but the database. Who claims a trial holds the lock on the study's row (in
SQLite: on the file) from the count of what there is to the mark of who has it, so that no trial
is handed out twice and none too many.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from optuna.storages._rdb import models
from optuna.trial import TrialState as OptunaState
from sqlalchemy import DateTime, func, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.functions import FunctionElement

from tuner.core.trial import Scalar
from tuner.study.owner import gone
from tuner.study.storage import OWNER, OwnedStorage, owner_text

COUNTED = (OptunaState.COMPLETE, OptunaState.PRUNED)
ATTEMPT = "attempt"
"""User attribute of a trial: which try at it is running, or was the last."""

CRASHES = "crashes"
"""User attribute of a trial: how many tries at it ended with a worker or an agent that died."""

FIXED = "fixed_params"
"""System attribute in which Optuna keeps the values of an enqueued trial."""


@dataclass(frozen=True, kw_only=True)
class RunningTrial:
    """A trial that somebody runs.

    Attributes:
        id: In the database.
        number: In the study.
        owner: Whose it is, as stored.
        silent: Seconds since its owner's last sign of life, by the database's clock.
    """

    id: int
    number: int
    owner: str
    silent: float


@dataclass(frozen=True, kw_only=True)
class Census:
    """The trials of a study at one moment.

    Attributes:
        counted: Completed or pruned.
        waiting: Numbers of those that wait to be taken up.
        running: Those that somebody runs.
        abandoned: Of them, those whose owner is gone, or silent for too long.
    """

    counted: int
    waiting: tuple[int, ...]
    running: tuple[RunningTrial, ...]
    abandoned: tuple[RunningTrial, ...]

    def free(self, held: Collection[int]) -> list[RunningTrial]:
        """Abandoned trials but those with these numbers, which we are still at."""
        return [trial for trial in self.abandoned if trial.number not in held]

    def room(self, total: int, held: Collection[int]) -> int:
        """How many trials may be started so that `total` are counted in the end."""
        return total - self.counted - len(self.running) + len(self.free(held))


class Ledger:
    """The transactions of one agent on one study."""

    def __init__(self, storage: OwnedStorage, study_id: int, heartbeat_timeout: float) -> None:
        """Does nothing yet.

        Args:
            storage: Open.
            study_id: Of the study in it.
            heartbeat_timeout: Seconds of silence after which an owner is given up.
        """
        self._storage = storage
        self._study_id = study_id
        self._timeout = heartbeat_timeout
        self._me: Mapping[str, Any] = json.loads(storage.me)

    @contextmanager
    def locked(self) -> Iterator[Session]:
        """A transaction that no other agent's runs beside."""
        with self._storage.transaction() as session:
            models.StudyModel.find_or_raise_by_id(self._study_id, session, for_update=True)
            yield session

    # -- the study ----------------------------------------------------------------------------

    def attribute(self, session: Session, key: str) -> Any:
        """A user attribute of the study; None where there is none."""
        attributes = models.StudyUserAttributeModel
        found = session.scalar(
            select(attributes.value_json).where(
                attributes.study_id == self._study_id, attributes.key == key
            )
        )
        return None if found is None else json.loads(found)

    def set_attribute(self, session: Session, key: str, value: Any) -> None:
        """Sets a user attribute of the study."""
        _put(session, models.StudyUserAttributeModel, {"study_id": self._study_id}, key, value)

    def enqueue(self, session: Session, points: Sequence[Mapping[str, Scalar]]) -> None:
        """Adds waiting trials with these values, those left out that were added before."""
        trials, attributes = models.TrialModel, models.TrialSystemAttributeModel
        known = session.scalars(
            select(attributes.value_json)
            .join(trials, trials.trial_id == attributes.trial_id)
            .where(trials.study_id == self._study_id, attributes.key == FIXED)
        )
        seen = [json.loads(value) for value in known]
        for point in points:
            if point not in seen:
                seen.append(dict(point))
                trial = self._new_trial(session, OptunaState.WAITING)
                session.add(
                    attributes(trial_id=trial.trial_id, key=FIXED, value_json=json.dumps(point))
                )

    def _new_trial(self, session: Session, state: OptunaState) -> Any:
        trial: Any = models.TrialModel(study_id=self._study_id, number=None, state=state)
        session.add(trial)
        session.flush()
        trial.number = trial.count_past_trials(session)
        return trial

    # -- the trials ---------------------------------------------------------------------------

    def census(self, session: Session, *, judging: bool) -> Census:
        """What there is.

        Args:
            session: A transaction.
            judging: Whether silence counts: not just after the database was away, when the
                living were silent, too.
        """
        trials = models.TrialModel
        counted = session.scalar(
            select(func.count()).where(
                trials.study_id == self._study_id, trials.state.in_(COUNTED)
            )
        )
        waiting = session.scalars(
            select(trials.number)
            .where(trials.study_id == self._study_id, trials.state == OptunaState.WAITING)
            .order_by(trials.number)
        )
        running = self._running(session)
        return Census(
            counted=counted or 0,
            waiting=tuple(waiting),
            running=running,
            abandoned=tuple(t for t in running if self._abandoned(t, judging=judging)),
        )

    def _running(self, session: Session) -> tuple[RunningTrial, ...]:
        trials, beats = models.TrialModel, models.TrialHeartbeatModel
        owners = models.TrialUserAttributeModel
        now = session.scalar(select(self._clock()))
        rows = session.execute(
            select(trials.trial_id, trials.number, owners.value_json, beats.heartbeat)
            .join(owners, (owners.trial_id == trials.trial_id) & (owners.key == OWNER))
            .join(beats, beats.trial_id == trials.trial_id)
            .where(trials.study_id == self._study_id, trials.state == OptunaState.RUNNING)
            .order_by(trials.number)
        )
        return tuple(
            RunningTrial(
                id=trial_id, number=number, owner=owner, silent=(now - beat).total_seconds()
            )
            for trial_id, number, owner, beat in rows
        )

    def _abandoned(self, trial: RunningTrial, *, judging: bool) -> bool:
        if judging and trial.silent > self._timeout and trial.owner != self._storage.me:
            return True
        return gone(json.loads(trial.owner), self._me)

    def claim(
        self, total: int | None, held: Collection[int], *, judging: bool, draws: bool
    ) -> RunningTrial | None:
        """Takes a trial: one whose owner is gone, else one that waits, else a new one.

        Args:
            total: How many trials are to be counted in the end; None: no limit.
            held: Numbers of those that this agent has already.
            judging: Whether silence counts; see `census`.
            draws: Whether there may be new trials.

        Returns:
            The trial, RUNNING and ours; None when there is none to take.
        """
        with self.locked() as session:
            census = self.census(session, judging=judging)
            for trial in census.running:
                if trial.owner == self._storage.me and trial.number not in held:
                    return trial  # Claimed before, but the answer never came.
            if total is not None and census.room(total, held) <= 0:
                return None
            for trial in census.free(held):
                _count(session, trial.id, CRASHES)
                return self._take(session, trial.number)
            number = next((number for number in census.waiting if number not in held), None)
            return None if number is None and not draws else self._take(session, number)

    def _take(self, session: Session, number: int | None) -> RunningTrial:
        if number is None:
            trial = self._new_trial(session, OptunaState.RUNNING)
        else:
            trial = session.scalars(
                select(models.TrialModel)
                .where(
                    models.TrialModel.study_id == self._study_id,
                    models.TrialModel.number == number,
                )
                .with_for_update()
            ).one()
        trial.state = OptunaState.RUNNING
        trial.datetime_start = datetime.now()  # noqa: DTZ005  (Optuna's own time)
        session.flush()
        self._sign(session, trial.trial_id)
        return RunningTrial(
            id=trial.trial_id, number=trial.number, owner=self._storage.me, silent=0.0
        )

    def _sign(self, session: Session, trial_id: int) -> None:
        """Marks a trial as ours: owner, attempt, first sign of life."""
        attributes, beats = models.TrialUserAttributeModel, models.TrialHeartbeatModel
        _put(session, attributes, {"trial_id": trial_id}, OWNER, self._me)
        _count(session, trial_id, ATTEMPT)
        beat = beats.where_trial_id(trial_id, session) or beats(trial_id=trial_id)
        beat.heartbeat = self._clock()
        session.add(beat)

    def beat(self, ids: Collection[int]) -> set[int]:
        """Gives a sign of life for trials.

        Args:
            ids: Those that this agent believes to have, by their ids in the database.

        Returns:
            Those of them that are still ours.
        """
        attributes, beats = models.TrialUserAttributeModel, models.TrialHeartbeatModel
        with self._storage.transaction() as session:
            ours = set(
                session.scalars(
                    select(attributes.trial_id).where(
                        attributes.trial_id.in_(ids),
                        attributes.key == OWNER,
                        attributes.value_json == self._storage.me,
                    )
                )
            )
            session.execute(
                update(beats).where(beats.trial_id.in_(ours)).values(heartbeat=self._clock())
            )
        return ours

    def note(self, trial_id: int, values: Mapping[str, Any]) -> None:
        """Sets user attributes of a trial of ours.

        Raises:
            NotOursError: It is another agent's.
        """
        with self._storage.transaction() as session:
            self._storage.check_trial_is_updatable(trial_id, OptunaState.RUNNING)
            for key, value in values.items():
                _put(session, models.TrialUserAttributeModel, {"trial_id": trial_id}, key, value)

    def put_back(self, trial_id: int) -> None:
        """Lets a trial of ours wait for whoever takes it up."""
        with self.locked() as session:
            if owner_text(session, trial_id) == self._storage.me:
                _let_wait(session, [trial_id])

    def put_back_orphans(self) -> list[int]:
        """Lets the trials of agents of this machine wait that are gone.

        Returns:
            Their numbers.
        """
        with self.locked() as session:
            orphans = self.census(session, judging=False).abandoned
            for trial in orphans:
                _count(session, trial.id, CRASHES)
            _let_wait(session, [trial.id for trial in orphans])
        return [trial.number for trial in orphans]

    def _clock(self) -> FunctionElement[Any]:
        """The database's time in UTC; machines' clocks differ, and some have summer time."""
        match self._storage.engine.dialect.name:
            case "sqlite":
                return func.strftime("%Y-%m-%d %H:%M:%f000", "now", type_=DateTime)
            case "postgresql":
                return func.timezone("UTC", func.clock_timestamp(), type_=DateTime)
            case _:
                return func.utc_timestamp(type_=DateTime)


def _let_wait(session: Session, ids: Sequence[int]) -> None:
    trials, owners = models.TrialModel, models.TrialUserAttributeModel
    running = trials.trial_id.in_(ids), trials.state == OptunaState.RUNNING
    session.execute(update(trials).where(*running).values(state=OptunaState.WAITING))
    session.execute(
        update(owners)
        .where(owners.trial_id.in_(ids), owners.key == OWNER)
        .values(value_json=json.dumps(None))
    )


def _count(session: Session, trial_id: int, key: str) -> None:
    """Adds one to an attribute of a trial."""
    attributes, where = models.TrialUserAttributeModel, {"trial_id": trial_id}
    made = session.scalars(select(attributes.value_json).filter_by(**where, key=key)).one_or_none()
    _put(session, attributes, where, key, 1 + (0 if made is None else int(json.loads(made))))


def _put(
    session: Session, attributes: Any, where: Mapping[str, int], key: str, value: Any
) -> None:
    """Sets an attribute of a study or a trial; the study's lock keeps others from it."""
    found = session.scalars(select(attributes).filter_by(**where, key=key)).one_or_none()
    attribute = found or attributes(**where, key=key)
    attribute.value_json = json.dumps(value)
    session.add(attribute)
    session.flush()
