"""Classification of MLflow's errors: may a failed request be sent again?"""

import errno

_CLIENT_ERRORS = range(400, 500)
_TRANSIENT = (401, 403, 408, 429, 502, 503, 504)
"""Statuses that may pass by themselves: a login, a time or rate limit, a proxy without its server,
a database that is locked, full or read-only."""
_FULL = (errno.ENOSPC, errno.EDQUOT)


class RefusedError(Exception):
    """MLflow will never accept the request."""


def is_transient(error: Exception) -> bool:
    """Return True if the store accepts no request at present."""
    return _status(error) in _TRANSIENT or (isinstance(error, OSError) and error.errno in _FULL)


def is_final(error: Exception) -> bool:
    """Return True if the same request will always fail."""
    if _status(error) in _CLIENT_ERRORS:
        return True
    # An artifact folder on the server's machine that the client would have to write itself.
    unwritable = PermissionError | FileNotFoundError | NotADirectoryError
    return isinstance(error, RefusedError | unwritable)


def _status(error: Exception) -> int | None:
    """Return the HTTP status of MLflow's error, which has one even without a server."""
    from mlflow.exceptions import MlflowException  # noqa: PLC0415

    if not isinstance(error, MlflowException):
        return None
    return int(error.get_http_status_code())  # type: ignore[no-untyped-call]
