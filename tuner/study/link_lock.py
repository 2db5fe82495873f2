"""A lock among machines that share a folder, whatever file system that lies on."""

import json
import os
import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tuner.study.owner import gone

LONGEST_HOLD = 30.0
"""Seconds that a holder may take; it is frozen, or its machine is gone, when it takes longer."""

PATIENCE = 10.0
"""Seconds that a lock is waited for at a time."""

FIRST_PAUSE, LONGEST_PAUSE = 0.001, 0.05


class LockLostError(OSError):
    """Others took the lock away, since we held it for too long."""


class LinkLock:
    """Held by who makes a symbolic link, whose text says who that is.

    Making a link is one step on every file system, NFS of all versions among them, and fails where
    there is one. Optuna's `JournalFileSymlinkLock` takes the same link, so that its dashboard may
    write beside us. A lock whose holder has ended is taken away at once on the holder's machine,
    and from others after `LONGEST_HOLD`.
    """

    def __init__(
        self,
        path: Path,
        me: Mapping[str, Any],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Takes nothing yet.

        Args:
            path: The link.
            me: Identity of this agent.
            clock: Seconds, monotonic.
            sleep: Waits for so many seconds.
        """
        self._path = path
        self._breaking = path.with_name(f"{path.name}.breaking")
        self._me = me
        self._clock = clock
        self._sleep = sleep
        self._held = 0
        self._mark = ""
        self._seen: dict[Path, tuple[str, float]] = {}

    def __enter__(self) -> None:
        """Takes the lock.

        Raises:
            TimeoutError: Others held it all the time; it may be tried again.
        """
        self._held += 1
        # Another one each time, so that it is seen when a holder changes.
        self._mark = json.dumps({**self._me, "held": self._held})
        until, pause = self._clock() + PATIENCE, FIRST_PAUSE
        while not _link(self._path, self._mark):
            if self._clock() > until:
                raise TimeoutError(f"{self._path} is held by {_read(self._path)}")
            if self._is_left(self._path):
                self._take_away()
            else:
                self._sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311
                pause = min(2 * pause, LONGEST_PAUSE)

    def __exit__(self, *_: object) -> None:
        """Lets go."""
        if _read(self._path) == self._mark:
            self._path.unlink(missing_ok=True)

    def check(self) -> None:
        """Raises LockLostError unless the lock is still ours."""
        if _read(self._path) != self._mark:
            raise LockLostError(f"{self._path} was taken away")

    def _is_left(self, path: Path) -> bool:
        """Whether the holder of a link is known to be gone, or has had it for too long."""
        mark = _read(path)
        if not mark:
            return False
        seen, since = self._seen.get(path, ("", 0.0))
        if seen != mark:
            self._seen[path] = mark, self._clock()
        elif self._clock() - since > LONGEST_HOLD:
            return True
        return _has_ended(mark, self._me)

    def _take_away(self) -> None:
        """Takes away a lock that is left, one process at a time."""
        mark = _read(self._path)
        if not _link(self._breaking, self._mark):
            if self._is_left(self._breaking):
                self._breaking.unlink(missing_ok=True)
            self._sleep(FIRST_PAUSE)
            return
        try:
            if mark == _read(self._path) and self._is_left(self._path):
                self._path.unlink(missing_ok=True)
        finally:
            self._breaking.unlink(missing_ok=True)


def _link(path: Path, mark: str) -> bool:
    """Makes a link; False where there is one."""
    try:
        path.symlink_to(mark)
    except FileExistsError:
        return False
    return True


def _read(path: Path) -> str:
    """The text of a link; empty where there is none."""
    try:
        return os.readlink(path)  # noqa: PTH115  (it names no path)
    except FileNotFoundError:
        return ""


def _has_ended(mark: str, me: Mapping[str, Any]) -> bool:
    """Whether a holder's process has ended; of another program's we can not know."""
    holder: Any = None
    with suppress(ValueError):
        holder = json.loads(mark)
    return isinstance(holder, dict) and holder["pid"] != me["pid"] and gone(holder, me)
