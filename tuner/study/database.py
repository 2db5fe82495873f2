"""The ledger of a study in a database: each question and its answer in one transaction.

Who claims a trial holds the lock on the study's row (in SQLite: on the file).
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any

from optuna.storages._rdb import models
from optuna.trial import TrialState as OptunaState
from sqlalchemy import DateTime, func, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.functions import FunctionElement

from tuner.study.census import Census, Choice, Numbered, Origin, RunningTrial, choose
from tuner.study.ledger import (
    ATTEMPT,
    CONFIGURATION,
    CRASHES,
    FIXED,
    OWNER,
    Decide,
    Ledger,
    WaitingPoint,
    unseen,
)
from tuner.study.storage import OwnedStorage, owner_text


class DatabaseLedger(Ledger[OwnedStorage]):
    """See `Ledger`."""

    @contextmanager
    def _locked(self) -> Iterator[Session]:
        """A transaction that no other agent's runs beside."""
        with self._storage.transaction() as session:
            models.StudyModel.find_or_raise_by_id(self._study_id, session, for_update=True)
            yield session

    # -- the study ----------------------------------------------------------------------------

    def enter(self, decide: Decide) -> None:
        """See `Ledger`."""
        attributes = models.StudyUserAttributeModel
        with self._locked() as session:
            stored = session.execute(
                select(attributes.key, attributes.value_json).where(
                    attributes.study_id == self._study_id
                )
            )
            known = {key: json.loads(value) for key, value in stored}
            changes, points = decide(known, self._census(session, (), judging=True))
            for key, value in changes.items():
                _put(session, attributes, {"study_id": self._study_id}, key, value)
            self._enqueue(session, points)

    def _enqueue(self, session: Session, points: Sequence[WaitingPoint]) -> None:
        known = self._attributes(session, models.TrialSystemAttributeModel, FIXED)
        held = self._attributes(session, models.TrialUserAttributeModel, CONFIGURATION)
        for point in unseen(points, known, held):
            trial = self._new_trial(session, OptunaState.WAITING)
            where = {"trial_id": trial.trial_id}
            _put(session, models.TrialSystemAttributeModel, where, FIXED, dict(point.values))
            if point.configuration is not None:
                name = point.configuration
                _put(session, models.TrialUserAttributeModel, where, CONFIGURATION, name)

    def _attributes(self, session: Session, attributes: Any, key: str) -> list[Any]:
        """The values of an attribute of the study's trials."""
        trials = models.TrialModel
        known = session.scalars(
            select(attributes.value_json)
            .join(trials, trials.trial_id == attributes.trial_id)
            .where(trials.study_id == self._study_id, attributes.key == key)
        )
        return [json.loads(value) for value in known]

    def _new_trial(self, session: Session, state: OptunaState) -> Any:
        trials = models.TrialModel
        last = session.scalar(
            select(trials.number)
            .where(trials.study_id == self._study_id)
            .order_by(trials.trial_id.desc())
            .limit(1)
        )
        trial: Any = trials(
            study_id=self._study_id, number=0 if last is None else last + 1, state=state
        )
        session.add(trial)
        session.flush()
        return trial

    # -- the trials ---------------------------------------------------------------------------

    def census(self, held: Collection[int], *, judging: bool) -> Census:
        """See `Ledger`."""
        with self._storage.transaction() as session:
            return self._census(session, held, judging=judging)

    def _census(self, session: Session, held: Collection[int], *, judging: bool) -> Census:
        trials = models.TrialModel
        waiting = session.execute(
            self._unsettled(trials.trial_id, trials.number)
            .where(trials.state == OptunaState.WAITING, trials.number.not_in(held))
            .order_by(trials.trial_id)
            .limit(1)
        ).first()
        # One statement: a trial may end between two, and would be missed by both.
        begun = self._begun(session)
        return Census.of(
            counted=self._tally((_numbered(row), row.state) for row in begun),
            waiting=None if waiting is None else _numbered(waiting),
            running=map(_running, (row for row in begun if _is_agents(row))),
            is_abandoned=partial(self._is_abandoned, judging=judging),
        )

    def _unsettled(self, *columns: Any) -> Any:
        """A query for trials of the study among which every unfinished one is."""
        trials = models.TrialModel
        return select(*columns).where(
            trials.study_id == self._study_id, trials.trial_id > self._settled.last_id
        )

    def _begun(self, session: Session) -> Sequence[Any]:
        """Of the trials that somebody runs or has ended: id, number, state, owner, beat, now."""
        trials, beats = models.TrialModel, models.TrialHeartbeatModel
        owners = models.TrialUserAttributeModel
        now = self._clock().label("now")
        query = (
            self._unsettled(
                trials.trial_id, trials.number, trials.state,
                owners.value_json, beats.heartbeat, now,
            )
            .outerjoin(owners, (owners.trial_id == trials.trial_id) & (owners.key == OWNER))
            .outerjoin(beats, beats.trial_id == trials.trial_id)
            .where(trials.state != OptunaState.WAITING)
            .order_by(trials.trial_id)
        )  # fmt: skip
        return session.execute(query).all()

    def claim(
        self, total: int | None, held: Collection[int], *, judging: bool, draws: bool
    ) -> Numbered | None:
        """See `Ledger`."""
        with self._locked() as session:
            census = self._census(session, held, judging=judging)
            choice = choose(census, self._me, total, held, draws=draws)
            return None if choice is None else self._take(session, choice)

    def _take(self, session: Session, choice: Choice) -> Numbered:
        if choice.origin is Origin.OURS and choice.trial is not None:
            return choice.trial
        if choice.trial is None:
            trial = self._new_trial(session, OptunaState.RUNNING)
        else:
            trial = session.get_one(models.TrialModel, choice.trial.id, with_for_update=True)
        if choice.origin is Origin.LOST:
            _count(session, trial.trial_id, CRASHES)
        trial.state = OptunaState.RUNNING
        trial.datetime_start = datetime.now()  # noqa: DTZ005  (Optuna's own time)
        self._sign(session, trial.trial_id)
        return _numbered(trial)

    def _sign(self, session: Session, trial_id: int) -> None:
        """Marks a trial as ours: owner, attempt, first sign of life."""
        attributes, beats = models.TrialUserAttributeModel, models.TrialHeartbeatModel
        _put(session, attributes, {"trial_id": trial_id}, OWNER, self._me)
        _count(session, trial_id, ATTEMPT)
        beat = beats.where_trial_id(trial_id, session) or beats(trial_id=trial_id)
        beat.heartbeat = self._clock()
        session.add(beat)

    def owns(self, trial_id: int) -> bool:
        """See `Ledger`."""
        with self._storage.transaction() as session:
            return owner_text(session, trial_id) == self._storage.me

    def beat(self, ids: Collection[int]) -> set[int]:
        """See `Ledger`."""
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
        """See `Ledger`."""
        with self._storage.transaction() as session:
            self._storage.check_trial_is_updatable(trial_id, OptunaState.RUNNING)
            for key, value in values.items():
                _put(session, models.TrialUserAttributeModel, {"trial_id": trial_id}, key, value)

    def forgive(self, trial_id: int) -> None:
        """See `Ledger`."""
        with self._locked() as session:
            trial = session.get(models.TrialModel, trial_id)
            if trial is not None and not trial.state.is_finished():
                _count(session, trial_id, CRASHES, by=-1)

    def reserve(self, trial_id: int, configuration: str) -> bool:
        """See `Ledger`."""
        trials, attributes = models.TrialModel, models.TrialUserAttributeModel
        with self._locked() as session:
            self._storage.check_trial_is_updatable(trial_id, OptunaState.RUNNING)
            others = (
                self._unsettled(trials.trial_id)
                .join(attributes, attributes.trial_id == trials.trial_id)
                .where(
                    trials.trial_id != trial_id,
                    attributes.key == CONFIGURATION,
                    attributes.value_json == json.dumps(configuration),
                )
            )
            if session.scalar(others.limit(1)) is not None:
                return False
            _put(session, attributes, {"trial_id": trial_id}, CONFIGURATION, configuration)
        return True

    def put_back(self, trial_id: int) -> None:
        """See `Ledger`."""
        with self._locked() as session:
            if owner_text(session, trial_id) == self._storage.me:
                _let_wait(session, [trial_id])

    def put_back_orphans(self) -> list[int]:
        """See `Ledger`."""
        with self._locked() as session:
            orphans = self._census(session, (), judging=False).abandoned
            for trial in orphans:
                _count(session, trial.id, CRASHES)
            _let_wait(session, [trial.id for trial in orphans])
        return [trial.number for trial in orphans]

    def close(self) -> None:
        """See `Ledger`."""
        self._storage.close()

    def _clock(self) -> FunctionElement[Any]:
        """The database's time in UTC; machines' clocks differ, and some have summer time."""
        match self._storage.engine.dialect.name:
            case "sqlite":
                return func.strftime("%Y-%m-%d %H:%M:%f000", "now", type_=DateTime)
            case "postgresql":
                return func.timezone("UTC", func.clock_timestamp(), type_=DateTime)
            case _:
                return func.utc_timestamp(type_=DateTime)


def _numbered(row: Any) -> Numbered:
    return Numbered(id=row.trial_id, number=row.number)


def _is_agents(row: Any) -> bool:
    """Return True if an agent runs a trial; another program's has no owner."""
    return row.state is OptunaState.RUNNING and row.value_json is not None


def _running(row: Any) -> RunningTrial:
    return RunningTrial(
        id=row.trial_id,
        number=row.number,
        owner=json.loads(row.value_json),
        silent=(row.now - row.heartbeat).total_seconds(),
    )


def _let_wait(session: Session, ids: Sequence[int]) -> None:
    trials, owners = models.TrialModel, models.TrialUserAttributeModel
    running = trials.trial_id.in_(ids), trials.state == OptunaState.RUNNING
    session.execute(update(trials).where(*running).values(state=OptunaState.WAITING))
    session.execute(
        update(owners)
        .where(owners.trial_id.in_(ids), owners.key == OWNER)
        .values(value_json=json.dumps(None))
    )


def _count(session: Session, trial_id: int, key: str, by: int = 1) -> None:
    """Adds to a counting attribute of a trial, which is never below 0."""
    attributes, where = models.TrialUserAttributeModel, {"trial_id": trial_id}
    made = session.scalars(select(attributes.value_json).filter_by(**where, key=key)).one_or_none()
    count = by + (0 if made is None else int(json.loads(made)))
    _put(session, attributes, where, key, max(0, count))


def _put(
    session: Session, attributes: Any, where: Mapping[str, int], key: str, value: Any
) -> None:
    """Sets an attribute of a study or a trial; the study's lock keeps others from it."""
    found = session.scalars(select(attributes).filter_by(**where, key=key)).one_or_none()
    attribute = found or attributes(**where, key=key)
    attribute.value_json = json.dumps(value)
    session.add(attribute)
    session.flush()
