"""A lock among machines that share a folder, on any file system."""

import json
import os
import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tuner.study.owner import has_ended

LONGEST_HOLD = 30.0
"""Seconds after which a holder counts as frozen or gone."""

PATIENCE = 10.0
"""Seconds to wait for the lock at a time."""

FIRST_PAUSE, LONGEST_PAUSE = 0.001, 0.05


class LockLostError(OSError):
    """Others broke the lock because we held it for too long."""


class LinkLock:
    """A lock held by whoever makes a symbolic link, whose target text identifies the holder.

    Making a link is atomic on every file system, NFS of all versions included, and fails if the
    link exists. Optuna's `JournalFileSymlinkLock` uses the same link, so that its dashboard may
    write at the same time. A lock whose holder has ended is broken at once on the holder's
    machine, and on others after `LONGEST_HOLD`.
    """

    def __init__(
        self,
        path: Path,
        me: Mapping[str, Any],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Name the lock without taking it.

        Args:
            path: Path of the link.
            me: Identity of this agent.
            clock: Function that returns monotonic seconds.
            sleep: Function that waits for a number of seconds.
        """
        self._path = path
        self._breaking = path.with_name(f"{path.name}.breaking")
        self._me = me
        self._clock = clock
        self._sleep = sleep
        self._held = 0
        self._token = ""
        self._observed: dict[Path, tuple[str, float]] = {}

    def __enter__(self) -> None:
        """Take the lock.

        Raises:
            TimeoutError: Others held it all the time; it may be tried again.
        """
        self._held += 1
        # A new text each time shows other processes that the holder has changed.
        self._token = json.dumps({**self._me, "held": self._held})
        until, pause = self._clock() + PATIENCE, FIRST_PAUSE
        while not _make_link(self._path, self._token):
            if self._clock() > until:
                raise TimeoutError(f"{self._path} is held by {_read(self._path)}")
            if self._is_stale(self._path):
                self._break()
            else:
                self._sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311
                pause = min(2 * pause, LONGEST_PAUSE)

    def __exit__(self, *_: object) -> None:
        """Release the lock."""
        if _read(self._path) == self._token:
            self._path.unlink(missing_ok=True)

    def check(self) -> None:
        """Raise LockLostError unless the lock is still ours."""
        if _read(self._path) != self._token:
            raise LockLostError(f"another process has broken the lock {self._path}")

    def _is_stale(self, path: Path) -> bool:
        """Return True if the holder of a link is known to be gone, or has held it for too long."""
        token = _read(path)
        if not token:
            return False
        seen, since = self._observed.get(path, ("", 0.0))
        if seen != token:
            self._observed[path] = token, self._clock()
        elif self._clock() - since > LONGEST_HOLD:
            return True
        return _holder_has_ended(token, self._me)

    def _break(self) -> None:
        """Break a stale lock, one process at a time."""
        token = _read(self._path)
        if not _make_link(self._breaking, self._token):
            if self._is_stale(self._breaking):
                self._breaking.unlink(missing_ok=True)
            self._sleep(FIRST_PAUSE)
            return
        try:
            if token == _read(self._path) and self._is_stale(self._path):
                self._path.unlink(missing_ok=True)
        finally:
            self._breaking.unlink(missing_ok=True)


def _make_link(path: Path, token: str) -> bool:
    """Make a link; return False if it exists."""
    try:
        path.symlink_to(token)
    except FileExistsError:
        return False
    return True


def _read(path: Path) -> str:
    """Return the target text of a link; empty if there is no link."""
    try:
        return os.readlink(path)  # noqa: PTH115  (it names no path)
    except FileNotFoundError:
        return ""


def _holder_has_ended(token: str, me: Mapping[str, Any]) -> bool:
    """Return True if a holder's process has ended; False if another program holds it."""
    holder: Any = None
    with suppress(ValueError):
        holder = json.loads(token)
    return isinstance(holder, dict) and holder["pid"] != me["pid"] and has_ended(holder, me)
