"""Reader of a stored study as plain values; it writes nothing and makes nothing."""

import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
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
from tuner.metrics import MetricRecord
from tuner.search.goals import Goals, goals_from_plain
from tuner.search.space import SearchSpace
from tuner.settings.settings import JOURNAL, SQLITE, AgentSettings, StorageSettings
from tuner.settings.storage import FILES, backend
from tuner.soup import SOUP, StoredSoup
from tuner.study import LOCK_TIMEOUT, JournalFile, journal_path, study_url
from tuner.study.attributes import NOT_RUN, PARAMETERS
from tuner.study.curves import points
from tuner.study.definition import DEFINITION, is_ours
from tuner.study.importances import importances
from tuner.study.schema import is_of_schema, schema_refusal
from tuner.study.storage_retry import STORAGE_ERRORS
from tuner.study.stored_metrics import stored_metrics, stored_scores
from tuner.study.stores import shown
from tuner.trial.folder import StudyFolder
from tuner.trial.records import Scalar, TrialOutcome, TrialState
from tuner.trial.serialization import from_plain
from tuner.trial.study_identity import StudyIdentity, identity_of

_TRIAL_STATES: Mapping[OptunaState, TrialState] = {
    OptunaState.COMPLETE: TrialState.COMPLETE,
    OptunaState.PRUNED: TrialState.PRUNED,
    OptunaState.FAIL: TrialState.FAILED,
}


class Phase(StrEnum):
    """Phase of a trial."""

    WAITING = "waiting"
    RUNNING = "running"
    ENDED = "ended"


@dataclass(frozen=True, kw_only=True)
class StoredTrial:
    """One trial of a study."""

    number: int
    """Number of the trial in the study."""
    phase: Phase
    """Phase of the trial."""
    parameters: Mapping[str, Scalar]
    """Override key to value; empty before the first attempt."""
    outcome: TrialOutcome | None
    """Outcome of the trial; None before its end."""
    begun: datetime | None
    """Local time at which its last attempt began."""
    ended: datetime | None
    """Local time at which it ended."""
    values: Mapping[int, Mapping[str, float]]
    """Watched metrics (see `Goals.watched`), by evaluation point and metric."""
    host: str
    """Host name of its agent; empty if unknown."""
    config: str
    """Configuration of the last attempt as YAML; empty before the first."""


@dataclass(frozen=True, kw_only=True)
class StoredStudy:
    """A study at one moment."""

    name: str
    """Name of the study."""
    goals: Goals
    """Goals of the study."""
    space: SearchSpace
    """Search space of the study."""
    epochs: float
    """Epochs of the untuned default."""
    trials: tuple[StoredTrial, ...]
    """Trials by number."""
    contents: Mapping[str, Any]
    """SHA-256 of its models and data."""
    made_with: Mapping[str, str]
    """Versions of the program and of the libraries that it was made with."""
    confirmation: Confirmation | None = None
    """Results of its leading configurations with new seeds; None if they were not repeated."""
    soup: StoredSoup | None = None
    """Last soup that was built; None if there was none."""

    @property
    def objective(self) -> str:
        """The first objective."""
        return self.goals.objective

    @property
    def outcomes(self) -> list[TrialOutcome]:
        """Outcomes of the ended trials, by number."""
        return [trial.outcome for trial in self.trials if trial.outcome is not None]

    @property
    def confirmed(self) -> list[int]:
        """Numbers of the trials that were confirmed, by rank."""
        return (
            [each.trial for each in self.confirmation.configurations] if self.confirmation else []
        )


class StudyReader:
    """A stored study, opened for repeated reading."""

    def __init__(self, name: str | None, settings: StorageSettings, output: Path) -> None:
        """Open the study.

        Args:
            name: Name of the study; None raises an error that lists the existing names.
            settings: Group `storage`.
            output: Folder of all studies.

        Raises:
            InputError: There is no such study, or its storage cannot be read.
        """
        where = "the study's storage" if settings.url else str(output)
        if name is None:
            raise _unknown("no study is named", "command line", study_names(settings, output))
        self.name = name
        storage = _open(settings, StudyFolder(output, name))
        try:
            if storage is None:
                raise KeyError(name)
            self._study = optuna.load_study(study_name=name, storage=storage)
        except KeyError:
            known = study_names(settings, output)
            raise _unknown(f"there is no study {name!r}", where, known, name) from None
        self._storage = storage

    def read(self) -> StoredStudy:
        """Return the study as it is now.

        Raises:
            InputError: Another program made the study.
        """
        attributes = self._study.user_attrs
        if not is_ours(attributes):
            raise InputError(
                f"the study {self.name!r} was not made by a sweep",
                where=f"study={self.name}",
                remedy="study=NAME, a study that `tuner sweep=...` made",
            )
        definition = attributes[DEFINITION]
        space = SearchSpace.from_plain(definition["space"])
        names = {dimension.name: dimension.key for dimension in space.dimensions}
        goals = goals_from_plain(definition, stored_scores(attributes))
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
            soup=stored_soup(self._study.user_attrs),
        )

    @property
    def attributes(self) -> Mapping[str, Any]:
        """Current user attributes of the study."""
        found: Mapping[str, Any] = self._study.user_attrs
        return found

    @property
    def identity(self) -> StudyIdentity:
        """Name and id of the study."""
        return identity_of(self.name, self._study.user_attrs)

    def importances(self, space: SearchSpace) -> dict[str, float]:
        """Return the importance of each searched key; see `tuner.study.importances`.

        Args:
            space: Search space of the study.
        """
        return importances(self._study, space)

    def close(self) -> None:
        """Close the database."""
        close_storage(self._storage)


def find_metrics(agent: AgentSettings) -> tuple[MetricRecord, ...]:
    """Return the users' metrics of a sweep's study; none if there is no such study yet."""
    return _metrics(agent.study_name, agent.storage, Path(agent.output))


def metrics_beside(file: Path) -> tuple[MetricRecord, ...]:
    """Return the users' metrics of the study in whose folder a file lies; none without one.

    Args:
        file: Path such as `outputs/lr_search/best.yaml`.
    """
    folder = file.absolute().parent
    found = StudyFolder(folder.parent, folder.name)
    name = JOURNAL if found.journal.is_file() and not found.database.is_file() else SQLITE
    return _metrics(folder.name, StorageSettings(name=name), folder.parent)


def _metrics(study: str, storage: StorageSettings, output: Path) -> tuple[MetricRecord, ...]:
    try:
        reader = StudyReader(study, storage, output)
    except InputError:
        return ()
    with closing(reader):
        return stored_metrics(reader.attributes)


def study_names(settings: StorageSettings, output: Path) -> list[str]:
    """Return the names of the existing studies.

    Args:
        settings: Group `storage`; without an address, each study has a file in its own folder.
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
        close_storage(storage)


def close_storage(storage: BaseStorage) -> None:
    """Close a storage that `open_stored` opened; its connections close after each use."""
    storage.remove_session()


def _unknown(problem: str, where: str, known: list[str], name: str = "") -> InputError:
    near = nearest(name, known)
    remedy = f"study={near}; " if near else ""
    remedy += "study=NAME, one of " + ", ".join(known) if known else "run one: tuner sweep=NAME"
    return InputError(problem, where=where, remedy=remedy)


def _open(settings: StorageSettings, folder: StudyFolder) -> BaseStorage | None:
    """Open a study's storage for reading; see `open_stored`."""
    if settings.url is None and settings.name == SQLITE and folder.database.is_file():
        return _open_file(folder.database)  # Its path may contain what an address may not.
    return open_stored(study_url(settings, folder))


def open_stored(url: str) -> BaseStorage | None:
    """Open a study's storage for reading; return None if it does not exist or holds no studies.

    Args:
        url: SQLAlchemy URL, or journal:///FILE.

    Raises:
        InputError: The storage cannot be read.
    """
    with _read_errors(url):
        if backend(url) == JOURNAL:
            path = journal_path(url)
            return JournalStorage(JournalFile(path)) if path.is_file() else None
        parsed = make_url(url)
        if parsed.get_backend_name() == SQLITE and "uri" not in parsed.query:
            return _open_file(Path(parsed.database or ""))
        return _connect(url)


def _open_file(path: Path) -> RDBStorage | None:
    """Open a SQLite file for reading; return None if it does not exist or holds no studies.

    Raises:
        InputError: The file cannot be read.
    """
    if not path.is_file():
        return None
    with _read_errors(str(path)):
        name = "file:" + quote(str(path.absolute()))  # SQLite's own quoting, SQLAlchemy's above it
        query = {"mode": "ro", "uri": "true"}
        if _is_static(path):
            query["immutable"] = "1"
        url = URL.create("sqlite", database=name, query=query)
        return _connect(url.render_as_string())


def _is_static(path: Path) -> bool:
    """Return True if we cannot write beside a database and nobody is writing it.

    SQLite then opens one in write-ahead mode only if it is declared immutable.
    """
    has_log = path.with_name(f"{path.name}-wal").exists()
    return not has_log and not os.access(path.parent, os.W_OK)


def _connect(url: str) -> RDBStorage | None:
    engine = create_engine(url)
    try:
        if not _has_optuna_tables(engine):
            return None
    finally:
        engine.dispose()
    timeout = {"timeout": LOCK_TIMEOUT} if url.startswith("sqlite") else {}
    arguments = {"connect_args": timeout, "poolclass": NullPool}
    return RDBStorage(optuna_address(url), engine_kwargs=arguments, skip_table_creation=True)


def _has_optuna_tables(engine: Engine) -> bool:
    """Return True if Optuna has made all its tables; it writes their version last."""
    tables = inspect(engine)
    if not tables.has_table("studies"):
        return False
    with engine.connect() as connection:
        if tables.has_table("alembic_version"):
            return connection.execute(text("SELECT 1 FROM alembic_version")).first() is not None
        # Versions of Optuna before that table.
        return connection.execute(text("SELECT 1 FROM studies")).first() is not None


@contextmanager
def _read_errors(where: str) -> Iterator[None]:
    """Turn a database's errors into an InputError."""
    try:
        yield
    except (*STORAGE_ERRORS, ImportError, RuntimeError, ValueError) as error:
        address = where if "://" in where else sqlite_address(Path(where))
        if is_of_schema(error):
            raise schema_refusal(error, _shown(where), shown(address)) from error
        raise InputError(
            f"the study's storage cannot be read ({type(error).__name__})",
            where=_shown(where),
            remedy="storage=NAME storage.url=ADDRESS, as the sweep ran with",
        ) from error


def _shown(where: str) -> str:
    """Return a file, or an address without its password."""
    if "://" not in where:
        return where
    try:
        return f"storage.url: {make_url(where).render_as_string(hide_password=True)}"
    except SQLAlchemyError:
        return "storage.url: the address cannot be read"


def stored_confirmation(attributes: Mapping[str, Any], goals: Goals) -> Confirmation | None:
    """Return the confirmation in a study's attributes; None if there is none that we can read."""
    with suppress(KeyError, cattrs.BaseValidationError):
        plain = dict(attributes[CONFIRMED])
        plain.pop("final_look", None)  # Earlier versions wrote it here, empty; it is stored apart.
        found = with_intervals(from_plain(Confirmation, plain), goals)
        evaluation = attributes.get(TESTED)
        return replace(
            found, final_evaluation=from_plain(FinalEvaluation, evaluation) if evaluation else None
        )
    return None


def stored_soup(attributes: Mapping[str, Any]) -> StoredSoup | None:
    """Return the soup in a study's attributes; None if there is none that we can read."""
    stored = attributes.get(SOUP)  # None after it was withdrawn.
    with suppress(cattrs.BaseValidationError):
        return None if stored is None else from_plain(StoredSoup, stored)
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
    """Return the outcome stored in the study, or as much as Optuna knows of it."""
    with suppress(KeyError, cattrs.BaseValidationError):
        return from_plain(TrialOutcome, trial.user_attrs["outcome"])
    state = _TRIAL_STATES[trial.state]
    return TrialOutcome(
        number=trial.number,
        state=state,
        parameters=parameters,
        value=trial.values[0] if state is TrialState.COMPLETE else None,
        measured=dict(zip(goals.objectives, trial.values or (), strict=False)),
        seconds=trial.duration.total_seconds() if trial.duration else 0.0,
    )
