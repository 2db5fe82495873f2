"""Removal of leftovers; a leftover that cannot be removed does not stop it."""

import os
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tuner.cleaning.leftover import Leftover, is_inside
from tuner.files.exclusive import remove_if_free


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Leftover that could not be removed."""

    leftover: Leftover
    """The leftover."""
    reason: str
    """Reason, as a clause."""


def remove_leftovers(
    leftovers: Iterable[Leftover], remove_model: Callable[[str], str]
) -> tuple[list[Leftover], list[Failure]]:
    """Remove leftovers.

    Args:
        leftovers: Leftovers as found; one that has vanished since counts as removed.
        remove_model: Function that removes a logged model from MLflow by its id and returns why it
            could not, or an empty text.

    Returns:
        The removed ones and the failures; locks held by a process are in neither, since they are
        in use.
    """
    removed: list[Leftover] = []
    failures: list[Failure] = []
    for leftover in leftovers:
        if leftover.kind == "locks":
            if remove_if_free(leftover.path):
                removed.append(leftover)
            continue
        if leftover.model_id is not None:
            reason = remove_model(leftover.model_id)
        else:
            reason = _reason(leftover)
        if reason:
            failures.append(Failure(leftover=leftover, reason=reason))
        else:
            removed.append(leftover)
    return removed, failures


def _reason(leftover: Leftover) -> str:
    """Remove a path; return why it still exists, or an empty text."""
    if not is_inside(leftover.path, leftover.root):
        return "a link leads elsewhere"
    try:
        _remove(leftover.path)
    except FileNotFoundError:
        return ""  # Another process was faster.
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _remove(path: Path) -> None:
    """Remove a file or a folder; a folder is renamed first so that nobody sees half of it."""
    if not path.is_dir():
        path.unlink()
        return
    if path.name.startswith("."):
        shutil.rmtree(path)
        return
    away = path.with_name(f".{path.name[:16]}-{os.getpid()}-{time.monotonic_ns()}")
    path.rename(away)
    shutil.rmtree(away)
