"""Address of a study's storage, and the function that opens it."""

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
from tuner.study.schema import is_of_schema, schema_refusal
from tuner.study.storage import OpenStorage, sqlite_url
from tuner.study.storage_retry import is_being_created, is_disk_full, is_transient
from tuner.trial.folder import StudyFolder


def study_url(storage: StorageSettings, folder: StudyFolder) -> str:
    """Return the address of a study; nothing is made there.

    Args:
        storage: Group `storage`.
        folder: Folder of the study; if it holds a journal and no database, the default storage is
            that journal.

    Returns:
        SQLAlchemy URL, or journal:///FILE.

    Raises:
        InputError: The address is missing or of another kind than the storage, or a journal is
            asked for beside the database that the study is in.
    """
    if not is_consistent(storage):
        raise InputError(
            f"storage={storage.name} does not fit its address, {storage.url or 'null'}",
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
            remedy="storage=sqlite to continue it; study=NAME for a new study in a journal",
        )
    in_journal = folder.journal.exists() and not folder.database.exists()
    if kind(storage) == JOURNAL or in_journal:
        return journal_url(folder.journal)
    return sqlite_address(folder.database)


def _refuse_memory(url: str) -> None:
    """Refuse SQLite without a file: it ends with the process, and no worker sees it."""
    named = sqlite_path(url)
    if backend(url) == SQLITE and (named is None or ":memory:" in str(named)):
        raise InputError(
            f"'{url}' keeps the study in memory, where it would be lost",
            where="storage.url",
            remedy="storage.url=sqlite:///FILE, or storage.url=null for one in the study's folder",
        )


def is_journal(url: str) -> bool:
    """Return True if an address is that of a journal file."""
    return backend(url) == JOURNAL


def lock_name(storage: StorageSettings, folder: StudyFolder) -> str:
    """Return the name of the lock over a study's storage, however its address is spelt.

    Args:
        storage: Group `storage`.
        folder: Folder of the study.
    """
    if storage.url is None:
        return str(folder.path.absolute())
    if backend(storage.url) == JOURNAL:
        return str(journal_path(storage.url).absolute())
    file = sqlite_path(storage.url)
    return storage.url if file is None else str(file.absolute())


def prepared_url(storage: StorageSettings, folder: StudyFolder) -> str:
    """Return the address of a study to run; make its SQLite file if it lies in the study's folder.

    Raises:
        InputError: The file cannot be made, or is no database; SQLite cannot be used there; or
            repeats of a removed study lie there.
        DiskFullError: The disk is full.
    """
    url = study_url(storage, folder)
    if storage.url is None:
        _refuse_orphaned_repeats(folder)
    file = sqlite_path(url)
    if file is not None:
        _refuse_network(file)
    return sqlite_url(folder.database) if storage.url is None and file else url


def _refuse_orphaned_repeats(folder: StudyFolder) -> None:
    """Refuse to begin a study beside the repeats of a removed one.

    They would pass for repeats of its own trials, which have the same numbers.
    """
    repeats = folder.confirmation
    has_study = folder.database.exists() or folder.journal.exists()
    if not has_study and (repeats.database.exists() or repeats.journal.exists()):
        raise InputError(
            "the study was removed, but the repeats of its trials were not",
            where=str(repeats.path),
            remedy=f"put the study's file back; or run `mv {shlex.quote(str(folder.path))} "
            f"{shlex.quote(f'{folder.path}.old')}`, then the same command begins anew",
        )


def _refuse_network(file: Path) -> None:
    found = file_system_of(file)
    if found in NETWORK:
        raise InputError(
            f"SQLite cannot be used on a network file system ({found}): its locks do not hold "
            "there, and two agents would damage the study",
            where=str(file),
            remedy="storage=journal, a file that several machines can share; storage=postgresql; "
            "or output=FOLDER on a local disk",
        )


def shown(url: str) -> str:
    """Return a storage's address without its password."""
    try:
        return make_url(url).render_as_string(hide_password=True)
    except SQLAlchemyError:
        return "the address cannot be read"


def connect(url: str, me: Mapping[str, Any], study: str) -> OpenStorage:
    """Open the storage at an address; its password never appears in a message.

    Transient errors are raised unchanged: a SQLite file that another process holds, or tables that
    another agent is making. A server must be reachable.

    Args:
        url: Address of the storage.
        me: Identity of this agent.
        study: Name of the study.

    Raises:
        InputError: The storage cannot be opened.
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
        if is_being_created(error) or (
            backend(url) == SQLITE and (is_disk_full(error) or _locked(error))
        ):
            raise
        raise InputError(
            f"the study's storage cannot be opened ({type(error).__name__})",
            where=f"storage.url: {shown(url)}",
            remedy=f"{_driver_remedy(url, error)}; storage.url=null for SQLite in the output "
            "folder",
        ) from error


def _driver_remedy(url: str, error: Exception) -> str:
    if not isinstance(error, ImportError):
        return "a SQLAlchemy URL of a running database"
    if backend(url) == POSTGRESQL:
        return install_extra("postgresql")
    return "install the database's Python driver and name it as SQLAlchemy does"


def _locked(error: Exception) -> bool:
    return is_transient(error) and "locked" in str(error.__cause__ or error)
