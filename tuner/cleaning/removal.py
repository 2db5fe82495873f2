"""The removal of leftovers; what cannot be removed ends nothing."""

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
    """A leftover that is still there."""

    leftover: Leftover
    """What could not be removed."""
    reason: str
    """Why, as a clause."""


def removed(
    leftovers: Iterable[Leftover], remove_model: Callable[[str], str]
) -> tuple[list[Leftover], list[Failure]]:
    """Remove leftovers.

    Args:
        leftovers: As they were found; what has vanished since counts as removed.
        remove_model: Removes a logged model by its id from MLflow; returns why it could not, or
            nothing.

    Returns:
        Those that are gone, and those that are still there; locks that a process holds are in
        neither, since they are in use.
    """
    gone: list[Leftover] = []
    failures: list[Failure] = []
    for leftover in leftovers:
        if leftover.kind == "locks":
            if remove_if_free(leftover.path):
                gone.append(leftover)
            continue
        if leftover.model_id is not None:
            reason = remove_model(leftover.model_id)
        else:
            reason = _reason(leftover)
        if reason:
            failures.append(Failure(leftover=leftover, reason=reason))
        else:
            gone.append(leftover)
    return gone, failures


def _reason(leftover: Leftover) -> str:
    """Remove a path; return why it is still there, or nothing."""
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
    """Remove a file, or a folder, which is renamed first so that nobody sees half of it."""
    if not path.is_dir():
        path.unlink()
        return
    if path.name.startswith("."):
        shutil.rmtree(path)
        return
    away = path.with_name(f".{path.name[:16]}-{os.getpid()}-{time.monotonic_ns()}")
    path.rename(away)
    shutil.rmtree(away)
