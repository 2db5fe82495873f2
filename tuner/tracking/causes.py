"""Causes why an MLflow store cannot be used, each with its own remedy."""

import re
import shlex
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from tuner.installation.distribution import requirement
from tuner.installation.remedies import install
from tuner.tracking.messages import one_line

_STATUS = re.compile(r"error code (\d{3})|too many (\d{3}) error|HTTP Error (\d{3})")
_SCHEMA = re.compile(r"found version (\w+), but")
GATEWAY = (502, 503, 504)
"""HTTP status of a proxy that cannot reach its server."""

_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _NOT_ALLOWED, _MOVED = 401, 403, 404, 405, range(300, 400)


class ExperimentDeletedError(Exception):
    """The experiment is in MLflow's trash."""

    def __init__(self, name: str, experiment: str) -> None:
        """Build the message.

        Args:
            name: Name of the experiment.
            experiment: MLflow's id of the experiment.
        """
        super().__init__(f"MLflow's experiment '{name}' was deleted, and its runs with it")
        self.experiment = experiment


class StoreReplacedError(Exception):
    """The store's file was removed or replaced while it was in use."""


class MovedError(OSError):
    """A server redirects to another address."""

    def __init__(self, address: str) -> None:
        """Build the message.

        Args:
            address: Address that it redirects to.
        """
        super().__init__(f"the server redirects to {address}")
        self.address = address


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Cause why a store cannot be used."""

    problem: str
    """Description of the problem, a clause."""
    remedy: str
    """Action that solves it."""
    is_input: bool = True
    """True if the user's settings are wrong; False if something else is unavailable or full."""


def cause_of(error: Exception, shown: str) -> Cause:
    """Return the cause why a store cannot be used.

    Args:
        error: Error of MLflow, a database or the network.
        shown: Address of the store, without its password.
    """
    return (
        _own_cause(error, shown)
        or _network_cause(error, shown)
        or _http_cause(error, shown)
        or _database_cause(error, shown)
        or Cause(
            problem=one_line(error),
            remedy="start the server, or tracking.uri of another store",
            is_input=False,
        )
    )


def _own_cause(error: Exception, shown: str) -> Cause | None:
    match error:
        case ExperimentDeletedError():
            command = (
                f"MLFLOW_TRACKING_URI={shlex.quote(shown)} "
                f"mlflow experiments restore --experiment-id {error.experiment}"
            )
            return Cause(
                problem=str(error),
                remedy=f"`{command}` restores it; study=NAME begins a study of another name",
            )
        case StoreReplacedError():
            remedy = "put the file back; without it the same command makes it anew and sends "
            return Cause(
                problem=str(error), remedy=f"{remedy}everything in the study's folder again"
            )
        case MovedError():
            return Cause(problem=str(error), remedy=f"tracking.uri={error.address}")
    return None


def _network_cause(error: Exception, shown: str) -> Cause | None:
    host = urlsplit(shown).hostname or shown
    found = list(_chain(error))
    if any(isinstance(each, socket.gaierror) for each in found):
        remedy = "set the right host in tracking.uri; or join the network or VPN that knows it"
        return Cause(problem=f"the host '{host}' is unknown", remedy=remedy)
    if any(isinstance(each, ssl.SSLCertVerificationError) for each in found):
        return Cause(
            problem=f"the certificate of '{host}' is not trusted: {_reason(found)}",
            remedy="MLFLOW_TRACKING_SERVER_CERT_PATH=FILE with the certificate of its authority; "
            "MLFLOW_TRACKING_INSECURE_TLS=true to trust any",
        )
    if any(isinstance(each, ssl.SSLError) for each in found):
        plain = shown.replace("https://", "http://", 1)
        return Cause(
            problem=f"'{host}' does not use TLS at this port: {_reason(found)}",
            remedy=f"tracking.uri={plain}, or the server's https port",
        )
    return _no_answer_cause(error, shown, found)


def _no_answer_cause(error: Exception, shown: str, found: list[BaseException]) -> Cause | None:
    if any(isinstance(each, ConnectionRefusedError) for each in found):
        return Cause(
            problem=f"nothing listens at {shown}",
            remedy="start the server: `mlflow server --host HOST --port PORT`; or set "
            "tracking.uri to a running one",
            is_input=False,
        )
    if shown.startswith("http") and any(isinstance(e, TimeoutError) for e in found):
        return Cause(
            problem=f"{shown} does not answer: {one_line(error)}",
            remedy="start the server, or check whether a firewall blocks it; or set tracking.uri "
            "to another one",
            is_input=False,
        )
    if "BadStatusLine" in _names(found) or "RemoteDisconnected" in _names(found):
        return Cause(
            problem=f"{shown} does not answer in HTTP: {one_line(error)}",
            remedy=f"tracking.uri={shown.replace('http://', 'https://', 1)} if it uses TLS; "
            "else the port of the MLflow server",
        )
    return None


def _http_cause(error: Exception, shown: str) -> Cause | None:
    if not shown.startswith("http"):
        return None
    status, text = http_status(error), str(error)
    if status in GATEWAY:
        return Cause(
            problem=f"the proxy at {shown} cannot reach an MLflow server ({status})",
            remedy="start the MLflow server behind it, or check where the proxy sends requests",
            is_input=False,
        )
    if status in (_NOT_FOUND, _NOT_ALLOWED) or _is_no_mlflow(text):
        return Cause(
            problem=f"{shown} is not the address of a compatible MLflow server: {one_line(error)}",
            remedy="set tracking.uri to the address of MLflow's page in a browser, up to the "
            "`#`; the server's `mlflow --version` should be close to the one on this machine",
        )
    return _login_cause(status, text, shown)


def _login_cause(status: int | None, text: str, shown: str) -> Cause | None:
    if status == _UNAUTHORIZED:
        return Cause(
            problem=f"{shown} does not accept the login (401)",
            remedy="set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or "
            "MLFLOW_TRACKING_TOKEN, in the environment",
        )
    if status == _FORBIDDEN:
        host = urlsplit(shown).netloc
        if "Host header" in text:
            return Cause(
                problem=f"the MLflow server does not accept requests to '{host}' (403)",
                remedy=f"run `mlflow server --allowed-hosts {host}` on its machine",
            )
        return Cause(
            problem=f"{shown} refuses access to this login (403)",
            remedy="give the user of MLFLOW_TRACKING_USERNAME or MLFLOW_TRACKING_TOKEN the right "
            "to write experiments, or use another login",
        )
    return None


def _database_cause(error: Exception, shown: str) -> Cause | None:
    text = " ".join(str(each) for each in _chain(error))
    if re.search("authentication failed|Access denied|no password supplied", text):
        return Cause(
            problem=f"the database at {shown} does not accept the login: {one_line(error)}",
            remedy="set tracking.uri with its user and password, with %40 for @ and %2F for /",
        )
    if re.search('database "[^"]*" does not exist|Unknown database', text):
        return Cause(
            problem=f"the database does not exist: {one_line(error)}",
            remedy="create it with the database's own `createdb NAME`, or name another one in "
            "tracking.uri",
        )
    if "Can't locate revision" in text:
        return Cause(
            problem="the store was made by a newer MLflow than the installed one",
            remedy=f"{_newer_mlflow()}; or tracking.uri of another store",
        )
    if (found := _SCHEMA.search(text)) is not None:
        return Cause(
            problem="the store's tables were made by another version of MLflow (revision "
            f"{found[1]})",
            remedy=f"copy the store, then run `mlflow db upgrade {shlex.quote(shown)}`; if that "
            f"does not know the revision: {_newer_mlflow()}",
        )
    if shown.startswith("sqlite") and ("no such table" in text or "already exists" in text):
        path = shown.removeprefix("sqlite:///")
        return Cause(
            problem=f"some of the store's tables are missing: {one_line(error)}",
            remedy=f"restore a backup of {path}; or move it away, and the same command sends "
            "everything in the study's folder again",
        )
    return None


def _newer_mlflow() -> str:
    return install(requirement("mlflow"), options=("--upgrade",))


def http_status(error: Exception) -> int | None:
    """Return the HTTP status that a server gave; None if there is none."""
    code = getattr(error, "code", None)
    if isinstance(code, int):
        return code
    if (found := _STATUS.search(str(error))) is not None:
        return int(next(filter(None, found.groups())))
    names = {"UNAUTHENTICATED": _UNAUTHORIZED, "PERMISSION_DENIED": _FORBIDDEN}
    return names.get(str(getattr(error, "error_code", "")))


def _is_no_mlflow(text: str) -> bool:
    return "not in a valid JSON format" in text or "{'detail': 'Not Found'}" in text


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and its causes, including those that are only an argument or a `reason`."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [each.__cause__, each.__context__, getattr(each, "reason", None)]
        waiting += [part for part in each.args if isinstance(part, BaseException)]
        waiting = [part for part in waiting if isinstance(part, BaseException)]


def _names(errors: list[BaseException]) -> set[str]:
    return {type(each).__name__ for each in errors}


def _reason(errors: list[BaseException]) -> str:
    found = next(each for each in errors if isinstance(each, ssl.SSLError))
    return str(getattr(found, "verify_message", "") or found.reason or type(found).__name__)
