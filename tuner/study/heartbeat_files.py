"""Heartbeats as files, one for each agent, timed by the file server's clock."""

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path


class HeartbeatFiles:
    """The heartbeats of agents that share a folder.

    The times of files on a network come from its server, so that machines' clocks may differ.
    """

    def __init__(self, folder: Path, agent: str) -> None:
        """Name the files; none is made.

        Args:
            folder: Folder of the files, made with the first heartbeat.
            agent: Name of this agent and of its file.
        """
        self._folder = folder
        self._own = folder / agent

    def touch(self) -> float:
        """Write a heartbeat.

        Returns:
            Time of the file server in seconds.
        """
        return _touch(self._own)

    def silences(self, agents: Collection[str]) -> dict[str, float]:
        """Return the seconds since each agent's last heartbeat.

        The heartbeats of an agent without a file were written elsewhere by another version of this
        program: its silence begins now.
        """
        now = self.touch()
        return {agent: max(0.0, now - self._last(agent)) for agent in agents}

    def _last(self, agent: str) -> float:
        path = self._folder / agent
        try:
            # Opening asks the server; a stat may be answered from this machine's cache.
            with path.open("rb") as file:
                return os.fstat(file.fileno()).st_mtime
        except FileNotFoundError:
            return _touch(path)

    def remove(self) -> None:
        """Remove our own file, and the folder with the last one."""
        self._own.unlink(missing_ok=True)
        with suppress(OSError):
            self._folder.rmdir()


def _touch(path: Path) -> float:
    path.parent.mkdir(exist_ok=True)  # Another agent may have removed it as the last one.
    with path.open("ab") as file:
        os.utime(file.fileno())
        return os.fstat(file.fileno()).st_mtime
