"""Reads a stored study as plain values; nothing here writes, or makes what is not there."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import quote

import cattrs
import optuna
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState
from sqlalchemy import NullPool, create_engine, inspect, text
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import SQLAlchemyError

from tuner.confirmation import (
    CONFIRMED,
    STUDY,
    TESTED,
    Confirmation,
    FinalEvaluation,
    with_intervals,
)
from tuner.errors import InputError
from tuner.files.sqlite_address import optuna_address, sqlite_address
from tuner.formatting.suggestion import nearest
from tuner.search.goals import Goals, goals_from_plain
from tuner.search.space import SearchSpace
from tuner.settings.objectives import Direction
from tuner.settings.settings import JOURNAL, SQLITE, StorageSettings
from tuner.settings.storage import FILES, backend
from tuner.study import LOCK_TIMEOUT, JournalFile, journal_path, study_url
from tuner.study.attributes import NOT_RUN, PARAMETERS
from tuner.study.curves import points
from tuner.study.definition import DEFINITION, is_ours
from tuner.study.importances import importances
from tuner.study.patience import AWAY
from tuner.study.schema import is_of_schema, schema_refusal
from tuner.study.stores import shown
from tuner.trial.folder import StudyFolder
from tuner.trial.records import Scalar, TrialOutcome, TrialState
from tuner.trial.serialization import from_plain
from tuner.trial.study_identity import StudyIdentity, identity_of

_ENDED: Mapping[OptunaState, TrialState] = {
    OptunaState.COMPLETE: TrialState.COMPLETE,
    OptunaState.PRUNED: TrialState.PRUNED,
    OptunaState.FAIL: TrialState.FAILED,
}


class Phase(StrEnum):
    """Where a trial stands in the study."""

    WAITING = "waiting"
    RUNNING = "running"
    ENDED = "ended"


@dataclass(frozen=True, kw_only=True)
class StoredTrial:
    """One trial of a study."""

    number: int
    """Its number."""
    phase: Phase
    """Where it stands."""
    parameters: Mapping[str, Scalar]
    """Override key to value; empty while it waits for its first attempt."""
    outcome: TrialOutcome | None
    """How it ended; None before that."""
    begun: datetime | None
    """When its last attempt began, local time."""
    ended: datetime | None
    """When it ended, local time."""
    values: Mapping[int, Mapping[str, float]]
    """What counts (see `Goals.watched`), by evaluation point and metric."""
    host: str
    """The machine that ran it; empty where nobody signed."""
    config: str
    """Its configuration as YAML, as the last attempt ran it; empty before the first."""


@dataclass(frozen=True, kw_only=True)
class StoredStudy:
    """A study at one moment."""

    name: str
    """Its name."""
    goals: Goals
    """What it is run for."""
    space: SearchSpace
    """What is searched."""
    epochs: float
    """Of the untuned default."""
    trials: tuple[StoredTrial, ...]
    """By number."""
    contents: Mapping[str, Any]
    """SHA-256 of its models and data."""
    made_with: Mapping[str, str]
    """Versions of the program and of the libraries that it was begun with."""
    confirmation: Confirmation | None = None
    """What its leading configurations reached with new seeds; None: not tried."""

    @property
    def objective(self) -> str:
        """The first objective."""
        return self.goals.objective

    @property
    def direction(self) -> Direction:
        """Which way the first objective gets better."""
        return self.goals.direction

    @property
    def outcomes(self) -> list[TrialOutcome]:
        """Outcomes of the trials that ended, by number."""
        return [trial.outcome for trial in self.trials if trial.outcome is not None]

    @property
    def confirmed(self) -> list[int]:
        """Numbers of the trials that were confirmed, by rank."""
        return (
            [each.trial for each in self.confirmation.configurations] if self.confirmation else []
        )


class StudyReader:
    """One stored study, opened for reading it again and again."""

    def __init__(self, name: str | None, settings: StorageSettings, output: Path) -> None:
        """Opens the study.

        Args:
            name: The study's name; None is refused with the names that there are.
            settings: Group `storage`.
            output: Folder of all studies.

        Raises:
            InputError: There is no such study, or its storage can not be read.
        """
        where = "the study's storage" if settings.url else str(output)
        if name is None:
            raise _unknown("no study is named", "command line", studies(settings, output))
        self.name = name
        storage = _open(settings, StudyFolder(output, name))
        try:
            if storage is None:
                raise KeyError(name)
            self._study = optuna.load_study(study_name=name, storage=storage)
        except KeyError:
            known = studies(settings, output)
            raise _unknown(f"there is no study {name!r}", where, known, name) from None
        self._storage = storage

    def read(self) -> StoredStudy:
        """The study as it is now.

        Raises:
            InputError: It is a study of another program.
        """
        attributes = self._study.user_attrs
        if not is_ours(attributes):
            raise InputError(
                f"the study {self.name!r} was not made by a sweep",
                where=f"study={self.name}",
                remedy="the name of a study that `tuner sweep=...` made",
            )
        definition = attributes[DEFINITION]
        space = SearchSpace.from_plain(definition["space"])
        names = {dimension.name: dimension.key for dimension in space.dimensions}
        goals = goals_from_plain(definition)
        return StoredStudy(
            name=self.name,
            goals=goals,
            space=space,
            epochs=definition["base"]["training"]["epochs"],
            trials=tuple(
                _trial(each, names, goals)
                for each in self._study.get_trials(deepcopy=False)
                if NOT_RUN not in each.user_attrs
            ),
            contents=definition.get("contents", {}),
            made_with=self._study.user_attrs.get("made_with", {}),
            confirmation=stored_confirmation(self._study.user_attrs, goals),
        )

    @property
    def attributes(self) -> Mapping[str, Any]:
        """User attributes of the study, as they are now."""
        found: Mapping[str, Any] = self._study.user_attrs
        return found

    @property
    def identity(self) -> StudyIdentity:
        """Name and id of the study."""
        return identity_of(self.name, self._study.user_attrs)

    def importances(self, space: SearchSpace) -> dict[str, float]:
        """How much each searched key matters; see `tuner.study.importances`.

        Args:
            space: What the study searches.
        """
        return importances(self._study, space)

    def close(self) -> None:
        """Lets the database go."""
        close_stored(self._storage)


def studies(settings: StorageSettings, output: Path) -> list[str]:
    """The names of the studies that there are.

    Args:
        settings: Group `storage`; without an address, each study's folder has a file of its own.
        output: Folder of all studies.
    """
    if settings.url is None and settings.name in FILES:
        folders = [StudyFolder(output, path.name) for path in output.glob("*")]
        return sorted(
            folder.path.name
            for folder in folders
            if folder.journal.is_file() or folder.database.is_file()
        )
    storage = open_stored(study_url(settings, StudyFolder(output, "")))
    if storage is None:
        return []
    try:
        names = optuna.get_all_study_names(storage)
        return sorted(name for name in names if not name.endswith(STUDY))
    finally:
        close_stored(storage)


def close_stored(storage: BaseStorage) -> None:
    """Close what `open_stored` opened; each of its connections is closed after its use."""
    storage.remove_session()


def _unknown(problem: str, where: str, known: list[str], name: str = "") -> InputError:
    near = nearest(name, known)
    remedy = f"study={near}; " if near else ""
    remedy += "study=NAME, one of " + ", ".join(known) if known else "run one: tuner sweep=NAME"
    return InputError(problem, where=where, remedy=remedy)


def _open(settings: StorageSettings, folder: StudyFolder) -> BaseStorage | None:
    """Opens a study's storage for reading; see `open_stored`."""
    if settings.url is None and settings.name == SQLITE and folder.database.is_file():
        return _open_file(folder.database)  # Whose path may have what an address may not.
    return open_stored(study_url(settings, folder))


def open_stored(url: str) -> BaseStorage | None:
    """Opens a study's storage for reading; None where there is none, or none that holds studies.

    Args:
        url: A SQLAlchemy URL, or journal:///FILE.

    Raises:
        InputError: It can not be read.
    """
    with _readable(url):
        if backend(url) == JOURNAL:
            path = journal_path(url)
            return JournalStorage(JournalFile(path)) if path.is_file() else None
        parsed = make_url(url)
        if parsed.get_backend_name() == SQLITE and "uri" not in parsed.query:
            return _open_file(Path(parsed.database or ""))
        return _connect(url)


def _open_file(path: Path) -> RDBStorage | None:
    """Opens a SQLite file for reading; None where there is none, or none that holds studies.

    Raises:
        InputError: It can not be read.
    """
    if not path.is_file():
        return None
    with _readable(str(path)):
        name = "file:" + quote(str(path.absolute()))  # SQLite's own quoting, SQLAlchemy's above it
        query = {"mode": "ro", "uri": "true"}
        if _stands_still(path):
            query["immutable"] = "1"
        url = URL.create("sqlite", database=name, query=query)
        return _connect(url.render_as_string())


def _stands_still(path: Path) -> bool:
    """Return True for a database that we cannot write beside and nobody writes just now.

    SQLite cannot open one in write-ahead mode there unless it is told that it does not change.
    """
    has_log = path.with_name(f"{path.name}-wal").exists()
    return not has_log and not os.access(path.parent, os.W_OK)


def _connect(url: str) -> RDBStorage | None:
    engine = create_engine(url)
    try:
        if not _is_made(engine):
            return None
    finally:
        engine.dispose()
    timeout = {"timeout": LOCK_TIMEOUT} if url.startswith("sqlite") else {}
    arguments = {"connect_args": timeout, "poolclass": NullPool}
    return RDBStorage(optuna_address(url), engine_kwargs=arguments, skip_table_creation=True)


def _is_made(engine: Engine) -> bool:
    """Whether Optuna has come to an end with its tables: the mark of their version comes last."""
    tables = inspect(engine)
    if not tables.has_table("studies"):
        return False
    with engine.connect() as connection:
        if tables.has_table("alembic_version"):
            return connection.execute(text("SELECT 1 FROM alembic_version")).first() is not None
        # Of a version before there was such a mark.
        return connection.execute(text("SELECT 1 FROM studies")).first() is not None


@contextmanager
def _readable(where: str) -> Iterator[None]:
    """Turns a database's refusals into one of ours."""
    try:
        yield
    except (*AWAY, ImportError, RuntimeError, ValueError) as error:
        address = where if "://" in where else sqlite_address(Path(where))
        if is_of_schema(error):
            raise schema_refusal(error, _shown(where), shown(address)) from error
        raise InputError(
            f"the study's storage can not be read ({type(error).__name__})",
            where=_shown(where),
            remedy="the storage and storage.url that the sweep ran with",
        ) from error


def _shown(where: str) -> str:
    """A file, or an address without its password."""
    if "://" not in where:
        return where
    try:
        return f"storage.url: {make_url(where).render_as_string(hide_password=True)}"
    except SQLAlchemyError:
        return "storage.url: the address can not be read"


def stored_confirmation(attributes: Mapping[str, Any], goals: Goals) -> Confirmation | None:
    """Return what a study's attributes say of it; None where nothing that this version reads."""
    with suppress(KeyError, cattrs.BaseValidationError):
        plain = dict(attributes[CONFIRMED])
        plain.pop("final_look", None)  # Of earlier versions, and empty: it is stored apart.
        found = with_intervals(from_plain(Confirmation, plain), goals.objective)
        look = attributes.get(TESTED)
        return replace(found, final_evaluation=from_plain(FinalEvaluation, look) if look else None)
    return None


def _trial(trial: FrozenTrial, names: Mapping[str, str], goals: Goals) -> StoredTrial:
    phase = Phase.ENDED
    if not trial.state.is_finished():
        phase = Phase.RUNNING if trial.state is OptunaState.RUNNING else Phase.WAITING
    stored = {names.get(name, name): value for name, value in trial.params.items()}
    parameters: Mapping[str, Scalar] = stored | trial.user_attrs.get(PARAMETERS, {})
    owner: Mapping[str, Any] = trial.user_attrs.get("owner") or {}
    return StoredTrial(
        number=trial.number,
        phase=phase,
        parameters=parameters,
        outcome=_outcome(trial, parameters, goals) if phase is Phase.ENDED else None,
        begun=trial.datetime_start,
        ended=trial.datetime_complete,
        values=points(trial, goals),
        host=str(owner.get("host", "")),
        config=str(trial.user_attrs.get("config", "")),
    )


def _outcome(trial: FrozenTrial, parameters: Mapping[str, Scalar], goals: Goals) -> TrialOutcome:
    """The outcome that stands in the study, or as much as Optuna knows of it."""
    with suppress(KeyError, cattrs.BaseValidationError):
        return from_plain(TrialOutcome, trial.user_attrs["outcome"])
    state = _ENDED[trial.state]
    return TrialOutcome(
        number=trial.number,
        state=state,
        parameters=parameters,
        value=trial.values[0] if state is TrialState.COMPLETE else None,
        measured=dict(zip(goals.objectives, trial.values or (), strict=False)),
        seconds=trial.duration.total_seconds() if trial.duration else 0.0,
    )
