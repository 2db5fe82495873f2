"""Where MLflow is: read, checked and knocked at before anything heavy is loaded."""

import importlib.metadata
import os
import shlex
import socket
import sqlite3
import ssl
import tempfile
import threading
import urllib.error
import urllib.request
from contextlib import closing
from urllib.parse import SplitResult, urlsplit

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from tuner.errors import InputError
from tuner.files.file_systems import NETWORK
from tuner.files.mounts import file_system_of
from tuner.files.sqlite_address import sqlite_path, without_encoding
from tuner.tracking.causes import GATEWAY, MovedError
from tuner.tracking.messages import one_line

REACH_SECONDS = 4.0
LOCK_SECONDS = 8.0

_SERVERS = ("http", "https")
_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
_OTHERS = ("sqlite",)
_DATABRICKS = ("databricks", "databricks-uc", "uc")
_WHERE = "tracking.uri or MLFLOW_TRACKING_URI"
_EXAMPLES = "http://HOST:5000 for a server, sqlite:///mlflow.db for a file"


def tracking_uri(configured: str | None) -> str:
    """The tracking URI as MLflow finds it.

    Args:
        configured: `tracking.uri`.
    """
    if named := named_uri(configured):
        return named
    import mlflow  # noqa: PLC0415  (seconds)

    return without_encoding(mlflow.get_tracking_uri())


def named_uri(configured: str | None) -> str:
    """The tracking URI that somebody named; empty where MLflow's own default holds.

    Args:
        configured: `tracking.uri`.
    """
    return without_encoding(configured or os.environ.get("MLFLOW_TRACKING_URI", ""))


def check_uri(uri: str) -> None:
    """Reads an address, without going there.

    Raises:
        InputError: It is none that MLflow knows.
    """
    try:
        parts = urlsplit(uri)
        scheme, host = parts.scheme.partition("+")[0], parts.hostname
        _ = parts.port
    except ValueError as error:
        raise _wrong(uri, one_line(error)) from error
    if uri.strip() != uri or not uri.isprintable() or (scheme in _SERVERS and " " in uri):
        raise _wrong(uri, "it holds blanks")
    if scheme in _DATABRICKS or uri in _DATABRICKS:
        raise InputError(
            f"'{uri}' is Databricks, where an experiment has the name of a folder of the "
            "workspace and none that a study could have",
            where=_WHERE,
            remedy="tracking.uri=sqlite:///mlflow.db, which goes before MLFLOW_TRACKING_URI; or "
            "tracking=offline",
        )
    if scheme in ("", "file"):
        raise InputError(
            f"'{uri}' is a folder, and MLflow keeps no runs in plain folders any more",
            where=_WHERE,
            remedy="tracking.uri=sqlite:///mlflow.db; `mlflow migrate-filestore --source "
            f"{shlex.quote(parts.path or uri)} --target sqlite:///mlflow.db` takes earlier runs "
            "there",
        )
    known = (*_SERVERS, *_PORTS, *_OTHERS, *_plugins())
    if scheme not in known:
        raise _wrong(uri, f"'{scheme}' is no kind of store: {', '.join(known)}")
    if scheme in _SERVERS and not host:
        raise _wrong(uri, "it names no host")
    if scheme in (*_PORTS, "sqlite"):
        _check_database(uri)


def _check_database(uri: str) -> None:
    try:
        url = make_url(uri)
        url.get_dialect().import_dbapi()
    except (ArgumentError, ImportError, ValueError, LookupError) as error:
        raise _wrong(uri, f"{type(error).__name__}: {one_line(error)}") from error
    if not url.database:
        raise _wrong(uri, "it names no database")


def check_file(uri: str) -> None:
    """Sees whether the file of a SQLite store can be written; other addresses have none.

    Raises:
        InputError: It can not.
        TimeoutError: Somebody else holds it locked.
    """
    path = sqlite_path(uri)
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():  # It is made whole, under another name: see `store_file`.
            tempfile.TemporaryFile(dir=path.parent).close()
            return
        with closing(sqlite3.connect(path, timeout=LOCK_SECONDS)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("SELECT count(*) FROM sqlite_master")
            connection.rollback()
    except (OSError, sqlite3.Error) as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
            raise TimeoutError(f"{path} is locked by another program") from error
        raise InputError(
            f"MLflow's tracking store can not be written: {one_line(error)}",
            where=f"{path} ({_WHERE})",
            remedy="a file in a folder that can be written, as sqlite:///mlflow.db",
        ) from error


def check_file_system(uri: str) -> None:
    """Sees whether a SQLite store lies where the locks of other machines do not reach.

    Raises:
        InputError: It does.
    """
    path = sqlite_path(uri)
    if path is None:
        return
    kind = file_system_of(path)
    if kind in NETWORK:
        raise InputError(
            f"MLflow's SQLite file would lie on a network file system ({kind}), whose locks fail: "
            "two machines that write it destroy it",
            where=f"{path.absolute()} ({_WHERE})",
            remedy="tracking=server tracking.uri=http://HOST:5000; tracking.uri=sqlite:///FILE on "
            "a local disk; or tracking=offline, and `tuner report` sends everything later",
        )


def check_reachable(uri: str) -> bool:
    """Sees within seconds whether a server is there; MLflow's own client tries for minutes.

    Returns:
        True; False for an address at which nobody can be asked.

    Raises:
        OSError: Nobody answers.
    """
    parts = urlsplit(uri)
    if parts.hostname is None or parts.scheme.partition("+")[0] not in (*_SERVERS, *_PORTS):
        return False
    errors: list[Exception] = []
    answered = threading.Event()

    def visit() -> None:
        try:
            _visit(parts)
        except Exception as error:
            errors.append(error)
        answered.set()

    # In a thread, since looking up a name knows no timeout.
    threading.Thread(target=visit, name="knock", daemon=True).start()
    if not answered.wait(REACH_SECONDS + 1.0):
        raise TimeoutError(f"no answer within {REACH_SECONDS:.0f} s")
    if errors:
        raise errors[0]
    return True


def _visit(parts: SplitResult) -> None:
    if parts.scheme not in _SERVERS:
        port = parts.port or _PORTS[parts.scheme.partition("+")[0]]
        socket.create_connection((parts.hostname or "", port), REACH_SECONDS).close()
        return
    # Without the login, which urllib would take for a part of the host's name.
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="")
    address = f"{bare.geturl().rstrip('/')}/health"
    try:
        with urllib.request.urlopen(address, timeout=REACH_SECONDS) as answer:  # noqa: S310
            reached = urlsplit(answer.geturl())
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in GATEWAY:
            raise
        return  # A server that answers anything else is there.
    except urllib.error.URLError as error:
        if not isinstance(error.reason, ssl.SSLCertVerificationError):
            raise
        return  # Whose certificate to trust is for MLflow's client to say.
    moved = (reached.scheme, reached.hostname) != (bare.scheme, bare.hostname)
    if moved and reached.path.endswith("/health"):  # Else a page where people log in.
        # Calls that write would arrive there without what they write.
        path = reached.path.removesuffix("/health")
        raise MovedError(reached._replace(path=path, query="", fragment="").geturl())


def _plugins() -> list[str]:
    points = importlib.metadata.entry_points(group="mlflow.tracking_store")
    return [point.name for point in points]


def _wrong(uri: str, why: str) -> InputError:
    return InputError(
        f"'{uri}' is no tracking store: {why}",
        where=_WHERE,
        remedy=_EXAMPLES,
    )
