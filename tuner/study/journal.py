"""Addresses of journals: files that agents of several machines share without a server."""

from pathlib import Path

from tuner.errors import InputError

_SCHEME = "journal:///"


def journal_url(path: Path) -> str:
    """Return the address of a journal."""
    return f"{_SCHEME}{path}"


def journal_path(url: str) -> Path:
    """Return the file that a journal's address names.

    Raises:
        InputError: It names no file.
    """
    path = url.removeprefix(_SCHEME)
    if not url.startswith(_SCHEME) or not path:
        raise InputError(
            f"'{url}' does not name a file",
            where="storage.url",
            remedy="storage.url=journal:///FILE, with four slashes for an absolute path",
        )
    return Path(path)
