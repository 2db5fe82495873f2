"""Address of MLflow, checked before anything heavy is loaded."""

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
_EXAMPLES = (
    "tracking.uri=http://HOST:5000 for a server, tracking.uri=sqlite:///mlflow.db for a file"
)


def tracking_uri(configured: str | None) -> str:
    """Return the tracking URI as MLflow finds it.

    Args:
        configured: `tracking.uri`.
    """
    if named := named_uri(configured):
        return named
    import mlflow  # noqa: PLC0415  (seconds)

    return without_encoding(mlflow.get_tracking_uri())


def named_uri(configured: str | None) -> str:
    """Return the tracking URI that the user named; empty if MLflow's own default applies.

    Args:
        configured: `tracking.uri`.
    """
    return without_encoding(configured or os.environ.get("MLFLOW_TRACKING_URI", ""))


def check_uri(uri: str) -> None:
    """Check an address without connecting to it.

    Raises:
        InputError: MLflow does not know such an address.
    """
    try:
        parts = urlsplit(uri)
        scheme, host = parts.scheme.partition("+")[0], parts.hostname
        _ = parts.port
    except ValueError as error:
        raise _invalid(uri, one_line(error)) from error
    if uri.strip() != uri or not uri.isprintable() or (scheme in _SERVERS and " " in uri):
        raise _invalid(uri, "it contains blanks")
    if scheme in _DATABRICKS or uri in _DATABRICKS:
        raise InputError(
            f"'{uri}' is a Databricks address, where an experiment needs the name of a workspace "
            "folder, which a study cannot have",
            where=_WHERE,
            remedy="tracking.uri=sqlite:///mlflow.db, which overrides MLFLOW_TRACKING_URI; or "
            "tracking=offline",
        )
    if scheme in ("", "file"):
        raise InputError(
            f"'{uri}' is a folder, and MLflow no longer keeps runs in plain folders",
            where=_WHERE,
            remedy="tracking.uri=sqlite:///mlflow.db; `mlflow migrate-filestore --source "
            f"{shlex.quote(parts.path or uri)} --target sqlite:///mlflow.db` copies earlier runs "
            "there",
        )
    known = (*_SERVERS, *_PORTS, *_OTHERS, *_plugins())
    if scheme not in known:
        raise _invalid(uri, f"'{scheme}' is not a kind of store: {', '.join(known)}")
    if scheme in _SERVERS and not host:
        raise _invalid(uri, "it names no host")
    if scheme in (*_PORTS, "sqlite"):
        _check_database(uri)


def _check_database(uri: str) -> None:
    try:
        url = make_url(uri)
        url.get_dialect().import_dbapi()
    except (ArgumentError, ImportError, ValueError, LookupError) as error:
        raise _invalid(uri, f"{type(error).__name__}: {one_line(error)}") from error
    if not url.database:
        raise _invalid(uri, "it names no database")


def check_file(uri: str) -> None:
    """Check that the file of a SQLite store can be written; other addresses have none.

    Raises:
        InputError: The file cannot be written.
        TimeoutError: Another program holds it locked.
    """
    path = sqlite_path(uri)
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():  # `store_file` makes it under another name first.
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
            f"MLflow's tracking store cannot be written: {one_line(error)}",
            where=f"{path} ({_WHERE})",
            remedy="tracking.uri=sqlite:///FILE in a writable folder",
        ) from error


def check_file_system(uri: str) -> None:
    """Check that a SQLite store does not lie on a network file system, where locks fail.

    Raises:
        InputError: It lies on one.
    """
    path = sqlite_path(uri)
    if path is None:
        return
    kind = file_system_of(path)
    if kind in NETWORK:
        raise InputError(
            f"MLflow's SQLite file would be on a network file system ({kind}), where locks fail: "
            "two machines that write it destroy it",
            where=f"{path.absolute()} ({_WHERE})",
            remedy="tracking=server tracking.uri=http://HOST:5000; tracking.uri=sqlite:///FILE on "
            "a local disk; or tracking=offline, after which `tuner report` sends everything",
        )


def check_reachable(uri: str) -> bool:
    """Check within seconds that a server answers; MLflow's own client tries for minutes.

    Returns:
        True; False for an address without a host.

    Raises:
        OSError: There is no answer.
    """
    parts = urlsplit(uri)
    if parts.hostname is None or parts.scheme.partition("+")[0] not in (*_SERVERS, *_PORTS):
        return False
    errors: list[Exception] = []
    answered = threading.Event()

    def visit() -> None:
        try:
            _contact(parts)
        except Exception as error:
            errors.append(error)
        answered.set()

    # In a thread, because looking up a host name has no timeout.
    threading.Thread(target=visit, name="reachability", daemon=True).start()
    if not answered.wait(REACH_SECONDS + 1.0):
        raise TimeoutError(f"no answer within {REACH_SECONDS:.0f} s")
    if errors:
        raise errors[0]
    return True


def _contact(parts: SplitResult) -> None:
    if parts.scheme not in _SERVERS:
        port = parts.port or _PORTS[parts.scheme.partition("+")[0]]
        socket.create_connection((parts.hostname or "", port), REACH_SECONDS).close()
        return
    # Without the login, which urllib would take for part of the host name.
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="")
    address = f"{bare.geturl().rstrip('/')}/health"
    try:
        with urllib.request.urlopen(address, timeout=REACH_SECONDS) as answer:  # noqa: S310
            reached = urlsplit(answer.geturl())
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in GATEWAY:
            raise
        return  # Any other status shows that a server is there.
    except urllib.error.URLError as error:
        if not isinstance(error.reason, ssl.SSLCertVerificationError):
            raise
        return  # MLflow's client decides which certificates to trust.
    moved = (reached.scheme, reached.hostname) != (bare.scheme, bare.hostname)
    if moved and reached.path.endswith("/health"):  # Otherwise it is a login page.
        # Requests that write would arrive there without their content.
        path = reached.path.removesuffix("/health")
        raise MovedError(reached._replace(path=path, query="", fragment="").geturl())


def _plugins() -> list[str]:
    points = importlib.metadata.entry_points(group="mlflow.tracking_store")
    return [point.name for point in points]


def _invalid(uri: str, why: str) -> InputError:
    return InputError(
        f"'{uri}' is not a tracking store: {why}",
        where=_WHERE,
        remedy=_EXAMPLES,
    )
