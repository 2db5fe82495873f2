"""Errors for databases whose tables another version of Optuna made."""

import re
import shlex

from tuner.errors import InputError
from tuner.installation.distribution import requirement
from tuner.installation.remedies import install

_MADE_BY = re.compile(r"set up by optuna (?P<version>[^)]+)\)")


def is_of_schema(error: Exception) -> bool:
    """Return True for Optuna's error about tables that another version of it made."""
    return isinstance(error, RuntimeError) and "compatible with the table schema" in str(error)


def schema_refusal(error: Exception, where: str, address: str) -> InputError:
    """Return our error for tables that the installed Optuna does not read.

    Args:
        error: Error that Optuna raised when it opened the storage.
        where: Storage, for messages.
        address: SQLAlchemy URL of the storage, without its password.
    """
    text = str(error)
    found = _MADE_BY.search(text)
    by = f"Optuna {found['version']}" if found else "another version of Optuna"
    command = f"optuna storage upgrade --storage {shlex.quote(address)}"
    if "storage upgrade" in text:
        remedy = f"copy the database, then run `{command}`"
    else:
        remedy = install(requirement("optuna"), options=("--upgrade",))
    return InputError(
        f"{by} made the tables of the study's storage, and the installed Optuna cannot read them",
        where=where,
        remedy=f"{remedy}; study=NAME in another storage for a new study",
    )
