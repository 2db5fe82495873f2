"""Addresses of journals: files for agents of several machines, without a server."""

from pathlib import Path

from tuner.errors import InputError

_SCHEME = "journal:///"


def journal_url(path: Path) -> str:
    """Return the address of a journal."""
    return f"{_SCHEME}{path}"


def journal_path(url: str) -> Path:
    """Return the file that a journal's address names.

    Raises:
        InputError: It names none.
    """
    path = url.removeprefix(_SCHEME)
    if not url.startswith(_SCHEME) or not path:
        raise InputError(
            f"'{url}' names no file",
            where="storage.url",
            remedy="journal:///FILE, with four slashes for a path from the root",
        )
    return Path(path)
