"""Peers that are measured in turns: each a process of its own, told when to run a round.

Standard library alone, because peers may run in an environment of their own.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
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
            command: Command that starts it; `--threads N` is appended.
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
        with suppress(BrokenPipeError):  # It has ended, and so answers nothing.
            self._process.stdin.write(f"{number}\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended; its message stands above")
        return float(line)

    def close(self) -> None:
        """Ends the process."""
        self._process.communicate()


class RoundPipe:
    """The peer's side of the pipes: numbers of rounds on standard input, and the answers."""

    def __init__(self) -> None:
        self._answers = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)  # What libraries print goes elsewhere.

    def next(self) -> int | None:
        """Waits for the number of the next round; None: there is none any more."""
        line = sys.stdin.readline()
        return int(line) if line else None

    def answer(self, seconds: float) -> None:
        """Says how long the round took, as far as it counts."""
        self._answers.write(f"{seconds}\n")
        self._answers.flush()


def serve(run_round: Callable[[int], float]) -> None:
    """Runs a round whenever one is asked for.

    Args:
        run_round: Given the round's number; returns the seconds that count.
    """
    pipe = RoundPipe()
    while (number := pipe.next()) is not None:
        pipe.answer(run_round(number))


def in_turns(peers: Sequence[Peer], rounds: int) -> dict[str, list[float]]:
    """Seconds of every round of every peer, after a first round each that does not count.

    Args:
        peers: The first is what others are compared with; one of the others that ends in its
            first round is left out.
        rounds: Rounds of each side.

    Raises:
        RuntimeError: The first ended, or another one after its first round.
    """
    ready = [peer for peer in peers if _warmed_up(peer, needed=peer is peers[0])]
    taken: dict[str, list[float]] = {peer.name: [] for peer in ready}
    for number in range(1, rounds + 1):
        for peer in ready:
            taken[peer.name].append(peer.round(number))
        shown = ", ".join(f"{name} {seconds[-1]:.1f} s" for name, seconds in taken.items())
        _tell(f"round {number}: {shown}")
    return taken


def _warmed_up(peer: Peer, *, needed: bool) -> bool:
    try:
        seconds = peer.round(0)
    except RuntimeError as error:
        if needed:
            raise
        _tell(f"left out: {error}")
        return False
    _tell(f"warm-up {peer.name}: {seconds:.1f} s")
    return True


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Median, smallest and largest, as the tables have them."""
    low, high = min(values), max(values)
    return f"{median(values):.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def here(name: str) -> str:
    """Path of a script beside this one."""
    return str(Path(__file__).with_name(name))


def of_checkout(python: str, checkout: str) -> list[str]:
    """Beginning of a command that imports the package of an earlier commit.

    Args:
        python: A python with its requirements.
        checkout: Folder of the commit.
    """
    return ["env", f"PYTHONPATH={checkout}", python]
