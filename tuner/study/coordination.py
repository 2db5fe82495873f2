"""Coordination of a study's agents beside Optuna's storage: one lock, and their heartbeats."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from tuner.study.heartbeat_files import HeartbeatFiles
from tuner.study.link_lock import LinkLock


class Coordination(Protocol):
    """One lock among the agents of a study, and the heartbeat of each."""

    def locked(self) -> AbstractContextManager[None]:
        """Hold the lock.

        A holder that shows no change for too long, for example a suspended one, loses it.
        """

    def check(self) -> None:
        """Check that the lock is still ours; called before every write that needs it.

        Raises:
            OSError: Others have it, or may have it.
            SQLAlchemyError: Likewise, in a database.
        """

    def touch(self) -> None:
        """Write a heartbeat of this agent."""

    def silences(self, agents: Collection[str]) -> dict[str, float]:
        """Return the seconds since the last heartbeat of each agent, by one clock for all."""

    def close(self) -> None:
        """Remove this agent's heartbeat."""


class FileCoordination:
    """Lock and heartbeats as files beside the study's file."""

    def __init__(
        self,
        path: Path,
        me: Mapping[str, Any],
        locked: Callable[[], AbstractContextManager[None]] | None = None,
        check: Callable[[], None] | None = None,
    ) -> None:
        """Name the files.

        Args:
            path: File of the study.
            me: Identity of this agent.
            locked: Context manager of the lock that writing the file needs anyway; None: no such
                lock.
            check: Function that checks that lock.
        """
        self._lock = file_lock(path, me)
        self._locked = locked or self._hold
        self._check = check or self._lock.check
        self._heartbeats = HeartbeatFiles(path.with_name(f"{path.name}.agents"), me["agent"])

    @contextmanager
    def _hold(self) -> Iterator[None]:
        with self._lock:
            yield

    def locked(self) -> AbstractContextManager[None]:
        """See `Coordination`."""
        return self._locked()

    def check(self) -> None:
        """See `Coordination`."""
        self._check()

    def touch(self) -> None:
        """See `Coordination`."""
        self._heartbeats.touch()

    def silences(self, agents: Collection[str]) -> dict[str, float]:
        """See `Coordination`."""
        return self._heartbeats.silences(agents)

    def close(self) -> None:
        """See `Coordination`."""
        self._heartbeats.remove()


def file_lock(path: Path, me: Mapping[str, Any]) -> LinkLock:
    """Return the lock of the agents that share a file.

    Args:
        path: File of the study.
        me: Identity of this agent.
    """
    return LinkLock(path.with_name(f"{path.name}.lock"), me)
