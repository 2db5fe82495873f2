"""Signs of life by files: one for each agent, and the file server's clock for all of them."""

import math
import os
from pathlib import Path


class Signs:
    """The signs of life of agents that share a folder.

    The times of files on a network come from its server. Machines' own clocks are not asked.
    """

    def __init__(self, folder: Path, agent: str) -> None:
        """Makes the folder.

        Args:
            folder: Of the files.
            agent: Who we are; a file's name.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._own = folder / agent

    def give(self) -> float:
        """Gives a sign of life.

        Returns:
            The server's time, in seconds.
        """
        with self._own.open("ab") as file:
            os.utime(file.fileno())
            return os.fstat(file.fileno()).st_mtime

    def last(self, agent: str) -> float:
        """The server's time of an agent's last sign; minus infinity where there is none."""
        try:
            # Opening asks the server; a bare look might be answered from this machine's memory.
            with (self._folder / agent).open("rb") as file:
                return os.fstat(file.fileno()).st_mtime
        except FileNotFoundError:
            return -math.inf

    def end(self) -> None:
        """Takes our own file away."""
        self._own.unlink(missing_ok=True)
