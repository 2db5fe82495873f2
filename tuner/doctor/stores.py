"""Checks of the study's storage and of MLflow's, which leave both unchanged."""

import threading
from dataclasses import replace
from http.client import HTTPException
from pathlib import Path

from sqlalchemy import create_engine, inspect

from tuner.doctor.line import Level, Line, ok, wrong
from tuner.doctor.machine import inspect_folder
from tuner.doctor.resources import file_storage_line
from tuner.files.sqlite_address import sqlite_path
from tuner.installation.remedies import install_extra
from tuner.secrets import hidden
from tuner.settings.settings import JOURNAL, MISSING, AgentSettings, TrackingSettings
from tuner.settings.storage import backend
from tuner.study import journal_path, study_url
from tuner.study.reader import close_storage, open_stored
from tuner.study.stores import shown
from tuner.tracking.address import (
    check_file,
    check_file_system,
    check_reachable,
    check_uri,
    tracking_uri,
)
from tuner.tracking.causes import cause_of
from tuner.trial.folder import StudyFolder

CONNECT_SECONDS = 8.0


def storage_line(agent: AgentSettings) -> Line:
    """Return a line about the study's storage: it can be reached or created.

    Raises:
        InputError: The storage is a journal with an invalid line.
    """
    study = "STUDY" if agent.study_name == MISSING else agent.study_name
    url = study_url(agent.storage, StudyFolder(Path(agent.output), study))
    if backend(url) == JOURNAL:
        return _journal_line(url)
    path = sqlite_path(url)
    found = ok("storage", f"{shown(url)} answers")
    if path is not None:
        found = file_storage_line(shown(url), inspect_folder(path.parent))
        if found.level is Level.WRONG or not path.exists():
            return found
    if why := _connection_problem(url):
        return wrong("storage", f"{shown(url)} cannot be read: {why}", _storage_remedy(url, why))
    _open_and_close(url)
    return found


def _open_and_close(url: str) -> None:
    """Check that Optuna can read the storage.

    Raises:
        InputError: Optuna cannot read it.
    """
    storage = open_stored(url)
    if storage is not None:
        close_storage(storage)


def _journal_line(url: str) -> Line:
    _open_and_close(url)
    folder = inspect_folder(journal_path(url).parent)
    # A journal may be on a network file system.
    return file_storage_line(shown(url), replace(folder, file_system=""))


def tracking_line(settings: TrackingSettings) -> Line:
    """Return a line about MLflow's store: it can be reached or created.

    Args:
        settings: Group `tracking`.

    Raises:
        InputError: It is no address, or its file cannot be written or is in a folder where it must
            not be.
    """
    if not settings.send:
        return ok("tracking", "nothing is sent; `tuner report` does it later")
    uri = tracking_uri(settings.uri)
    check_uri(uri)
    check_file_system(uri)
    path = sqlite_path(uri)
    if path is not None:
        return _tracking_file(uri, path)
    try:
        answer = "answers" if check_reachable(uri) else "is left to MLflow"
    except (OSError, HTTPException) as error:
        cause = cause_of(error, hidden(uri))
        remedy = f"{cause.remedy}; or set tracking.on_outage=spool"
        return wrong("tracking", f"{hidden(uri)} cannot be used: {cause.problem}", remedy)
    return ok("tracking", f"{hidden(uri)} {answer}")


def _tracking_file(uri: str, path: Path) -> Line:
    if path.exists():
        try:
            check_file(uri)
        except TimeoutError as error:
            return wrong("tracking", str(error), "end that program, or set another tracking.uri")
    elif refusal := inspect_folder(path.parent).refusal:
        remedy = "set tracking.uri=sqlite:///FILE in a folder that can be written"
        return wrong("tracking", f"{uri} cannot be created: {refusal}", remedy)
    return ok("tracking", f"{uri} can be written")


def _connection_problem(url: str) -> str:
    """Return why a database does not answer within seconds; empty if it does."""
    reasons: list[str] = []
    answered = threading.Event()

    def visit() -> None:
        try:
            engine = create_engine(url)
            inspect(engine).get_table_names()
            engine.dispose()
        except Exception as error:  # Drivers raise exceptions of many types.
            reasons.append(_first_line(error))
        answered.set()

    # In a thread, since drivers have no common timeout.
    threading.Thread(target=visit, name="visit", daemon=True).start()
    if not answered.wait(CONNECT_SECONDS):
        return f"no answer within {CONNECT_SECONDS:.0f} s"
    return hidden(reasons[0]) if reasons else ""


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"


def _storage_remedy(url: str, why: str) -> str:
    if not why.startswith(("ModuleNotFoundError", "NoSuchModuleError")):
        return "start the database and check its access; or unset storage.url for SQLite in output"
    if url.startswith("postgres"):
        return install_extra("postgresql")
    return "install the database's Python driver, and name it in the URL as SQLAlchemy does"
