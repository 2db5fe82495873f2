"""The ledger of a study in a journal: a file for agents of several machines, without a server."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Self

from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import JournalStorage
from optuna.storages.journal._storage import JournalOperation, JournalStorageReplayResult
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from tuner.errors import InputError
from tuner.study.census import Census, Choice, Numbered, Origin, RunningTrial, choose
from tuner.study.journal_file import JournalFile
from tuner.study.ledger import (
    ATTEMPT,
    CONFIGURATION,
    CRASHES,
    FIXED,
    OWNER,
    Decide,
    Ledger,
    NotOursError,
    WaitingPoint,
    unseen,
)
from tuner.study.link_lock import LinkLock
from tuner.study.signs import Signs

_SCHEME = "journal:///"

Record = dict[str, Any]


def journal_url(path: Path) -> str:
    """The address of a journal."""
    return f"{_SCHEME}{path}"


def journal_path(url: str) -> Path:
    """The file that a journal's address names.

    Raises:
        InputError: It names none.
    """
    path = url.removeprefix(_SCHEME)
    if not url.startswith(_SCHEME) or not path:
        raise InputError(
            f"'{url}' names no file",
            where="storage.url",
            remedy="journal:///FILE, with four slashes for a path from the root",
        )
    return Path(path)


class OwnedJournal(JournalStorage):
    """Optuna's journal, in which only its owner writes a trial.

    Whether a trial is ours is looked up under the lock that the append needs, so an agent that was
    frozen while its trial went to another one can not write into it.
    """

    def __init__(self, file: JournalFile, signs: Signs, me: Mapping[str, Any]) -> None:
        """Reads what there is.

        Args:
            file: That is written.
            signs: Of the agents of all its studies.
            me: Identity of this agent.
        """
        self.me = me
        self.signs = signs
        self._file = file
        super().__init__(file)

    @classmethod
    def at(cls, url: str, me: Mapping[str, Any]) -> Self:
        """Opens the journal at an address, and makes it where it is missing.

        Raises:
            InputError: It can not be made, or a line in it is no record.
        """
        path = journal_path(url)
        try:
            if path.is_file():  # Before anything is made beside another program's file.
                next(JournalFile(path).read_logs(0), None)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.open("ab").close()
            signs = Signs(path.with_name(f"{path.name}.agents"), me["agent"])
        except OSError as error:
            raise InputError(
                f"the study can not be written: {error}",
                where=str(path),
                remedy="output=FOLDER or storage.url=journal:///FILE that can be written",
            ) from error
        lock = LinkLock(path.with_name(f"{path.name}.lock"), me)
        return cls(JournalFile(path, lock), signs, me)

    @contextmanager
    def reading(self) -> Iterator[JournalStorageReplayResult]:
        """All that is written so far."""
        with self._thread_lock:
            self._sync_with_backend()
            yield self._replay_result

    @contextmanager
    def transaction(self) -> Iterator[JournalStorageReplayResult]:
        """All that is written so far, and nobody else writes meanwhile."""
        with self._thread_lock, self._file.locked():
            self._sync_with_backend()
            yield self._replay_result

    def write(self, records: Sequence[Record]) -> None:
        """Writes inside a transaction; who is killed meanwhile may have written the first ones."""
        if records:
            worker = self._replay_result.worker_id
            self._file.append_logs([{**record, "worker_id": worker} for record in records])
            self._sync_with_backend()

    def _write_log(self, op_code: int, extra_fields: Record) -> None:
        """Called by every writing method of Optuna, with the thread's lock held.

        Raises:
            NotOursError: The trial belongs to another agent.
            UpdateFinishedTrialError: It has ended.
        """
        with self._file.locked():
            self._sync_with_backend()
            if "trial_id" in extra_fields:
                self.check_ours(extra_fields["trial_id"])
            super()._write_log(op_code, extra_fields)

    def check_ours(self, trial_id: int) -> None:
        """Raises unless a trial is ours and has not ended; see `_write_log`."""
        trial = self._replay_result.get_trial(trial_id)
        if trial.state.is_finished():
            raise UpdateFinishedTrialError(f"trial {trial.number} has ended")
        if trial.user_attrs.get(OWNER) != self.me:
            raise NotOursError(trial_id)


class JournalLedger(Ledger[OwnedJournal]):
    """See `Ledger`."""

    def enter(self, decide: Decide) -> None:
        """See `Ledger`."""
        with self._storage.transaction() as replay:
            stored = replay.get_study(self._study_id).user_attrs
            attributes, points = decide(stored, self._census(replay, (), judging=True))
            trials = self._trials(replay)
            known = [trial.system_attrs.get(FIXED) for trial in trials]
            held = [trial.user_attrs.get(CONFIGURATION) for trial in trials]
            new = unseen(points, known, held)
            self._storage.write(
                [_study_attribute(self._study_id, *item) for item in attributes.items()]
                + [_waiting_trial(self._study_id, point) for point in new]
            )

    def _trials(self, replay: JournalStorageReplayResult, begin: int = 0) -> list[FrozenTrial]:
        """The trials from a number on."""
        ids = replay._study_id_to_trial_ids[self._study_id]  # noqa: SLF001
        return [replay.get_trial(trial_id) for trial_id in ids[begin:]]

    # -- the trials ---------------------------------------------------------------------------

    def census(self, held: Collection[int], *, judging: bool) -> Census:
        """See `Ledger`."""
        with self._storage.reading() as replay:
            return self._census(replay, held, judging=judging)

    def _census(
        self, replay: JournalStorageReplayResult, held: Collection[int], *, judging: bool
    ) -> Census:
        trials = self._trials(replay, self._settled.trials)
        waiting = [
            _numbered(trial)
            for trial in trials
            if trial.state is OptunaState.WAITING and trial.number not in held
        ]
        return Census.of(
            counted=self._tally((_numbered(trial), trial.state) for trial in trials),
            waiting=waiting[0] if waiting else None,
            running=self._running(trials),
            is_abandoned=partial(self._is_abandoned, judging=judging),
        )

    def _running(self, trials: Sequence[FrozenTrial]) -> Iterator[RunningTrial]:
        now = self._storage.signs.give()
        for trial in trials:
            owner = trial.user_attrs.get(OWNER)  # Another program's trial has none.
            if trial.state is OptunaState.RUNNING and owner is not None:
                yield RunningTrial(
                    id=trial._trial_id,  # noqa: SLF001
                    number=trial.number,
                    owner=owner,
                    silent=now - self._storage.signs.last(owner["agent"]),
                )

    def claim(
        self, total: int | None, held: Collection[int], *, judging: bool, draws: bool
    ) -> Numbered | None:
        """See `Ledger`."""
        with self._storage.transaction() as replay:
            census = self._census(replay, held, judging=judging)
            choice = choose(census, self._me, total, held, draws=draws)
            if choice is None:
                return None
            if choice.trial is None:
                self._storage.write([_new_trial(self._study_id, self._me)])
                return _numbered(self._trials(replay)[-1])
            self._storage.write(self._taking(replay.get_trial(choice.trial.id), choice))
            return choice.trial

    def _taking(self, trial: FrozenTrial, choice: Choice) -> list[Record]:
        """What makes a trial ours; it becomes so with the last record."""
        if choice.origin is Origin.OURS:
            return []
        lost = [_counted(trial, CRASHES)] if choice.origin is Origin.LOST else []
        records = [*lost, _counted(trial, ATTEMPT), _attribute(trial, OWNER, self._me)]
        if trial.state is OptunaState.WAITING:
            records.append(_state(trial, OptunaState.RUNNING))
        return records

    def owns(self, trial_id: int) -> bool:
        """See `Ledger`."""
        with self._storage.reading() as replay:
            return bool(replay.get_trial(trial_id).user_attrs.get(OWNER) == self._me)

    def beat(self, ids: Collection[int]) -> set[int]:
        """See `Ledger`."""
        self._storage.signs.give()
        return {trial_id for trial_id in ids if self.owns(trial_id)}

    def note(self, trial_id: int, values: Mapping[str, Any]) -> None:
        """See `Ledger`."""
        with self._storage.transaction() as replay:
            self._storage.check_ours(trial_id)
            trial = replay.get_trial(trial_id)
            self._storage.write([_attribute(trial, *item) for item in values.items()])

    def forgive(self, trial_id: int) -> None:
        """See `Ledger`."""
        with self._storage.transaction() as replay:
            trial = replay.get_trial(trial_id)
            if not trial.state.is_finished():
                self._storage.write([_counted(trial, CRASHES, by=-1)])

    def reserve(self, trial_id: int, configuration: str) -> bool:
        """See `Ledger`."""
        with self._storage.transaction() as replay:
            self._storage.check_ours(trial_id)
            for trial in self._trials(replay, self._settled.trials):
                is_same = trial.user_attrs.get(CONFIGURATION) == configuration
                if is_same and trial._trial_id != trial_id:  # noqa: SLF001
                    return False
            own = replay.get_trial(trial_id)
            self._storage.write([_attribute(own, CONFIGURATION, configuration)])
        return True

    def put_back(self, trial_id: int) -> None:
        """See `Ledger`."""
        with self._storage.transaction() as replay:
            trial = replay.get_trial(trial_id)
            if trial.user_attrs.get(OWNER) == self._me and trial.state is OptunaState.RUNNING:
                self._storage.write(_letting_wait(trial))

    def put_back_orphans(self) -> list[int]:
        """See `Ledger`."""
        with self._storage.transaction() as replay:
            orphans = self._census(replay, (), judging=False).abandoned
            for orphan in orphans:
                trial = replay.get_trial(orphan.id)
                self._storage.write([_counted(trial, CRASHES), *_letting_wait(trial)])
        return [orphan.number for orphan in orphans]

    def close(self) -> None:
        """See `Ledger`."""
        self._storage.signs.end()


def _numbered(trial: FrozenTrial) -> Numbered:
    return Numbered(id=trial._trial_id, number=trial.number)  # noqa: SLF001


def _now() -> str:
    return datetime.now(tz=UTC).isoformat(timespec="microseconds")


def _study_attribute(study_id: int, key: str, value: Any) -> Record:
    operation = JournalOperation.SET_STUDY_USER_ATTR
    return {"op_code": operation, "study_id": study_id, "user_attr": {key: value}}


def _attribute(trial: FrozenTrial, key: str, value: Any) -> Record:
    operation, trial_id = JournalOperation.SET_TRIAL_USER_ATTR, trial._trial_id  # noqa: SLF001
    return {"op_code": operation, "trial_id": trial_id, "user_attr": {key: value}}


def _counted(trial: FrozenTrial, key: str, by: int = 1) -> Record:
    """Adds to a counting attribute of a trial, which is never below 0."""
    return _attribute(trial, key, max(0, by + trial.user_attrs.get(key, 0)))


def _state(trial: FrozenTrial, state: OptunaState) -> Record:
    operation, trial_id = JournalOperation.SET_TRIAL_STATE_VALUES, trial._trial_id  # noqa: SLF001
    record = {"op_code": operation, "trial_id": trial_id, "state": state, "values": None}
    return record | ({"datetime_start": _now()} if state is OptunaState.RUNNING else {})


def _letting_wait(trial: FrozenTrial) -> list[Record]:
    return [_state(trial, OptunaState.WAITING), _attribute(trial, OWNER, None)]


def _waiting_trial(study_id: int, point: WaitingPoint) -> Record:
    made = _trial(study_id, OptunaState.WAITING) | {"system_attrs": {FIXED: dict(point.values)}}
    name = point.configuration
    return made if name is None else made | {"user_attrs": {CONFIGURATION: name}}


def _new_trial(study_id: int, owner: Mapping[str, Any]) -> Record:
    made = _trial(study_id, OptunaState.RUNNING)
    return made | {"datetime_start": _now(), "user_attrs": {OWNER: owner, ATTEMPT: 1}}


def _trial(study_id: int, state: OptunaState) -> Record:
    operation = JournalOperation.CREATE_TRIAL
    return {"op_code": operation, "study_id": study_id, "state": state, "datetime_start": None}
