"""Whether a request that failed may be tried again: what MLflow's errors mean."""

import errno

_CLIENT_ERRORS = range(400, 500)
_PASSING = (401, 403, 408, 429, 502, 503, 504)
"""What ends without our doing: a login, a time or rate limit, a proxy without its server, a
database that is locked, full or read-only."""
_FULL = (errno.ENOSPC, errno.EDQUOT)


class RefusedError(Exception):
    """MLflow will never take it."""


def is_passing(error: Exception) -> bool:
    """Whether the store takes nothing now, whatever it is."""
    return _status(error) in _PASSING or (isinstance(error, OSError) and error.errno in _FULL)


def is_final(error: Exception) -> bool:
    """Whether trying again can not help, though the store can be reached."""
    if _status(error) in _CLIENT_ERRORS:
        return True
    # An artifact folder of the server's machine that the client should write itself.
    unwritable = PermissionError | FileNotFoundError | NotADirectoryError
    return isinstance(error, RefusedError | unwritable)


def _status(error: Exception) -> int | None:
    """The HTTP status of an error of MLflow's, which has one also where no server is."""
    from mlflow.exceptions import MlflowException  # noqa: PLC0415

    if not isinstance(error, MlflowException):
        return None
    return int(error.get_http_status_code())  # type: ignore[no-untyped-call]
