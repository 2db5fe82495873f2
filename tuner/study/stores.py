"""Where a study is kept: its address, and what of ours opens what stands there."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optuna.exceptions import StorageInternalError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from tuner.errors import InputError
from tuner.files.file_systems import NETWORK
from tuner.files.mounts import file_system_of
from tuner.files.sqlite_address import sqlite_address, sqlite_path
from tuner.installation.remedies import install_extra
from tuner.settings.settings import JOURNAL, POSTGRESQL, SQLITE, STORAGES, StorageSettings
from tuner.settings.storage import EXAMPLES, backend, is_consistent, kind, with_driver
from tuner.study.foreign import refuse_foreign_file, refuse_foreign_server
from tuner.study.journal import journal_path, journal_url
from tuner.study.patience import being_made, disk_full, passes
from tuner.study.schema import is_of_schema, schema_refusal
from tuner.study.storage import OpenStorage, sqlite_url
from tuner.trial.folder import StudyFolder


def study_url(storage: StorageSettings, folder: StudyFolder) -> str:
    """The address of a study; nothing is made there.

    Args:
        storage: Group `storage`.
        folder: The study's files; where they hold a journal and no database, the default storage
            is that journal.

    Returns:
        A SQLAlchemy URL, or journal:///FILE.

    Raises:
        InputError: It is missing, of another kind than the storage, or a journal beside the
            database that the study is in.
    """
    if not is_consistent(storage):
        raise InputError(
            f"storage={storage.name}, and its address is {storage.url or 'not said'}",
            where="storage.url",
            remedy=EXAMPLES.get(storage.name, f"storage.name: one of {', '.join(STORAGES)}"),
        )
    if storage.url is not None:
        _refuse_memory(storage.url)
        return with_driver(storage.url)
    if kind(storage) == JOURNAL and folder.database.exists() and not folder.journal.exists():
        raise InputError(
            "the study is in a database already",
            where=str(folder.database),
            remedy="storage=sqlite, where it is; study=NAME for a new study in a journal",
        )
    in_journal = folder.journal.exists() and not folder.database.exists()
    if kind(storage) == JOURNAL or in_journal:
        return journal_url(folder.journal)
    return sqlite_address(folder.database)


def _refuse_memory(url: str) -> None:
    """Refuse SQLite without a file, which ends with the process and which no worker sees."""
    named = sqlite_path(url)
    if backend(url) == SQLITE and (named is None or ":memory:" in str(named)):
        raise InputError(
            f"'{url}' keeps the study in memory, where it would be lost",
            where="storage.url",
            remedy="sqlite:///FILE, or null for a file in the study's folder",
        )


def is_journal(url: str) -> bool:
    """Return whether an address is that of a journal file."""
    return backend(url) == JOURNAL


def lock_name(storage: StorageSettings, folder: StudyFolder) -> str:
    """Name of the lock over a study's storage, the same however its address is spelt.

    Args:
        storage: Group `storage`.
        folder: The study's files.
    """
    if storage.url is None:
        return str(folder.path.absolute())
    if backend(storage.url) == JOURNAL:
        return str(journal_path(storage.url).absolute())
    file = sqlite_path(storage.url)
    return storage.url if file is None else str(file.absolute())


def prepared_url(storage: StorageSettings, folder: StudyFolder) -> str:
    """The address of a study that is to be run, its SQLite file made where the folder has it.

    Raises:
        InputError: The file can not be made, or is no database; or SQLite can not be used there;
            or repeats of a study that was removed lie there.
        DiskFullError: There is no room for it.
    """
    url = study_url(storage, folder)
    if storage.url is None:
        _refuse_left_repeats(folder)
    file = sqlite_path(url)
    if file is not None:
        _refuse_network(file)
    return sqlite_url(folder.database) if storage.url is None and file else url


def _refuse_left_repeats(folder: StudyFolder) -> None:
    """Refuse to begin a study beside the repeats of one that was removed.

    They would be taken for repeats of its own trials, which have the same numbers.
    """
    repeats = folder.confirmation
    has_study = folder.database.exists() or folder.journal.exists()
    if not has_study and (repeats.database.exists() or repeats.journal.exists()):
        raise InputError(
            "the study was removed, but the repeats of its trials were not",
            where=str(repeats.path),
            remedy=f"the study's file in its place again; or `mv {shlex.quote(str(folder.path))} "
            f"{shlex.quote(f'{folder.path}.old')}`, then the same command begins anew",
        )


def _refuse_network(file: Path) -> None:
    found = file_system_of(file)
    if found in NETWORK:
        raise InputError(
            f"SQLite can not be used on a network file system ({found}): its locks do not hold "
            "there, and two agents would damage the study",
            where=str(file),
            remedy="storage=journal, a file that several machines can share; storage=postgresql; "
            "or output=FOLDER on a local disk",
        )


def shown(url: str) -> str:
    """A storage's address without its password."""
    try:
        return make_url(url).render_as_string(hide_password=True)
    except SQLAlchemyError:
        return "the address can not be read"


def connect(url: str, me: Mapping[str, Any], study: str) -> OpenStorage:
    """Open the storage at an address; its password never stands in a message.

    What passes by waiting is raised as it is: a SQLite file that another process holds, tables
    that another agent makes. A server must be there.

    Args:
        url: Address of the storage.
        me: Identity of this agent.
        study: Name of the study.

    Raises:
        InputError: It cannot be opened.
    """
    if backend(url) == SQLITE and (file := sqlite_path(url)) is not None:
        refuse_foreign_file(file)
    elif backend(url) != JOURNAL:
        refuse_foreign_server(url, shown(url))
    try:
        if backend(url) == JOURNAL:
            return OpenStorage.journal(url, me)
        return OpenStorage.database(url, me, study)
    except RuntimeError as error:
        if not is_of_schema(error):
            raise
        raise schema_refusal(error, f"storage.url: {shown(url)}", shown(url)) from error
    except (ImportError, ValueError, SQLAlchemyError, StorageInternalError) as error:
        if being_made(error) or (backend(url) == SQLITE and (disk_full(error) or _locked(error))):
            raise
        raise InputError(
            f"the study's storage can not be opened ({type(error).__name__})",
            where=f"storage.url: {shown(url)}",
            remedy=f"{_driver_remedy(url, error)}; storage.url=null for SQLite in the output "
            "folder",
        ) from error


def _driver_remedy(url: str, error: Exception) -> str:
    if not isinstance(error, ImportError):
        return "a SQLAlchemy URL of a database that runs"
    if backend(url) == POSTGRESQL:
        return install_extra("postgresql")
    return "the database's Python driver installed, and named as SQLAlchemy does"


def _locked(error: Exception) -> bool:
    return passes(error) and "locked" in str(error.__cause__ or error)
