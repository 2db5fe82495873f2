"""Peers that are measured in turns: each a process of its own, told when to run a round.

Standard library alone, because peers may run in an environment of their own.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median


class Peer:
    """A process that runs rounds when asked and says how many seconds each took."""

    def __init__(
        self, name: str, command: Sequence[str], threads: int, *, gpu: bool = False
    ) -> None:
        """Starts the process; it gets ready while others do.

        Args:
            name: In tables.
            command: What starts it; `--threads N` is appended.
            threads: CPU threads.
            gpu: It may use the machine's GPUs.
        """
        self.name = name
        environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
        if not gpu:
            environment["CUDA_VISIBLE_DEVICES"] = "-1"
        environment.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        self._process = subprocess.Popen(
            [*command, "--threads", str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def round(self, number: int) -> float:
        """Seconds of one round.

        Raises:
            RuntimeError: The process ended.
        """
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the pipes of a peer are closed")
        self._process.stdin.write(f"{number}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended; its message stands above")
        return float(line)

    def close(self) -> None:
        """Ends the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()


def serve(run_round: Callable[[int], float]) -> None:
    """The peer's side: runs a round for every number on standard input.

    Args:
        run_round: Given the round's number; returns the seconds that count.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # What libraries print goes elsewhere.
    for line in sys.stdin:
        answers.write(f"{run_round(int(line))}\n")
        answers.flush()


def in_turns(peers: Sequence[Peer], rounds: int) -> dict[str, list[float]]:
    """Seconds of every round of every peer, after a first round each that does not count."""
    for peer in peers:
        seconds = peer.round(0)
        print(f"warm-up {peer.name}: {seconds:.1f} s", file=sys.stderr, flush=True)
    taken: dict[str, list[float]] = {peer.name: [] for peer in peers}
    for number in range(1, rounds + 1):
        for peer in peers:
            taken[peer.name].append(peer.round(number))
        shown = ", ".join(f"{name} {seconds[-1]:.1f} s" for name, seconds in taken.items())
        print(f"round {number}: {shown}", file=sys.stderr, flush=True)
    return taken


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Median, smallest and largest, as the tables have them."""
    low, high = min(values), max(values)
    return f"{median(values):.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def here(name: str) -> str:
    """Path of a script beside this one."""
    return str(Path(__file__).with_name(name))
