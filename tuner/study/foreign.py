"""Refusal of databases and studies that another program made; nothing in them is changed."""

import sqlite3
from collections.abc import Collection, Sequence
from contextlib import closing
from pathlib import Path

from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from sqlalchemy import create_engine, inspect
from sqlalchemy.exc import SQLAlchemyError

from tuner.confirmation import searched_name
from tuner.errors import InputError
from tuner.study.definition import is_ours

_STUDIES = "studies"
_COLUMNS = {"study_id", "study_name"}
"""Columns of Optuna's table of studies."""

_MIGRATIONS, _VERSION = "alembic_version", "version_info"
"""Table in which Alembic keeps a program's schema version, and a table that only Optuna has."""

_OPTUNA = {_STUDIES, _VERSION}
"""Tables of Optuna that exist as soon as any of its tables does."""

_SHOWN = 5


def refuse_foreign_file(path: Path) -> None:
    """Refuse a SQLite file that holds another program's tables and none of Optuna's.

    A file that cannot be read is left to whoever opens it.

    Raises:
        InputError: The database belongs to another program.
    """
    try:
        if not path.is_file() or path.stat().st_size == 0:
            return
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as found:
            tables = _names(found, "SELECT name FROM sqlite_master WHERE type = 'table'")
            columns = _names(found, "SELECT name FROM pragma_table_info('studies')")
    except (OSError, sqlite3.Error):
        return
    tables = {name for name in tables if not name.startswith("sqlite_")}
    if tables and (not tables & _OPTUNA or _has_other_studies(tables, columns)):
        raise _foreign_database(str(path), tables)


def refuse_foreign_server(url: str, shown: str) -> None:
    """Refuse a server's database in which Optuna's tables would meet another program's.

    Other tables may exist beside Optuna's, but not another program's table of studies or of
    migrations. A database that cannot be reached is left to whoever opens it.

    Args:
        url: SQLAlchemy URL.
        shown: URL without its password, for messages.

    Raises:
        InputError: The database belongs to another program.
    """
    try:
        engine = create_engine(url)
    except (SQLAlchemyError, ImportError, ValueError):
        return
    try:
        inspector = inspect(engine)
        tables = set(inspector.get_table_names())
        columns = (
            {str(column["name"]) for column in inspector.get_columns(_STUDIES)}
            if _STUDIES in tables
            else set()
        )
    except SQLAlchemyError:
        return
    finally:
        engine.dispose()
    others_migrations = _MIGRATIONS in tables and _VERSION not in tables
    if others_migrations or _has_other_studies(tables, columns):
        raise _foreign_database(f"storage.url: {shown}", tables)


def refuse_foreign_study(
    storage: BaseStorage, name: str, directions: Sequence[str], where: str
) -> None:
    """Refuse a study of this name if another program made it.

    A study without attributes and trials that optimises in our directions may be ours: an agent is
    making it, or was killed while it did.

    Args:
        storage: Open storage.
        name: Name of the study.
        directions: Directions of our objectives, in Optuna's words.
        where: Address of the storage, without its password.

    Raises:
        InputError: The study belongs to another program.
    """
    try:
        study_id = storage.get_study_id_from_name(name)
    except KeyError:
        return
    if is_ours(storage.get_study_user_attrs(study_id)):
        return
    found = [_word(direction) for direction in storage.get_study_directions(study_id)]
    trials = len(storage.get_all_trials(study_id, deepcopy=False))
    attributes = storage.get_study_user_attrs(study_id)
    if is_ours(attributes) or (found == list(directions) and not trials and not attributes):
        return
    raise InputError(
        f"the study '{name}' was made by another program: {trials} trials, "
        f"{', '.join(found)}; nothing in it was changed",
        where=f"study={name}, {where}",
        remedy=f"study={searched_name(name)}-2 for a study of its own in the same storage, or "
        "another storage.url or output",
    )


def _word(direction: StudyDirection) -> str:
    return direction.name.lower()


def _names(connection: sqlite3.Connection, query: str) -> set[str]:
    return {str(row[0]) for row in connection.execute(query)}


def _has_other_studies(tables: Collection[str], columns: Collection[str]) -> bool:
    return _STUDIES in tables and not set(columns) >= _COLUMNS


def _foreign_database(where: str, tables: Collection[str]) -> InputError:
    shown = sorted(tables)
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return InputError(
        f"the database belongs to another program: it has {', '.join(shown[:_SHOWN])}{more}; "
        "nothing in it was changed",
        where=where,
        remedy="move that file away, or set output=FOLDER; with storage.url, the address of a "
        "database of its own",
    )
