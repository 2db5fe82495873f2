"""The processes whose rounds and measurements `gpu.py` prints."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from gpu_trial import Case
from turns import Peer, here, in_turns, spread

from tuner.devices.host import usable_cores


def rounds_of(commands: Mapping[str, Sequence[str]], rounds: int) -> dict[str, list[float]]:
    """Seconds of every round of every peer, in turns on one device.

    Args:
        commands: The command line of each peer.
        rounds: Rounds of each side.
    """
    peers = [Peer(name, line, usable_cores(), gpu=True) for name, line in commands.items()]
    try:
        return in_turns(peers, rounds)
    finally:
        for peer in peers:
            peer.close()


def faster(taken: Mapping[str, Sequence[float]], other: str, ours_is: str = "ours") -> str:
    """Ratio of our speed to a peer's; a dash if the peer was left out."""
    if other not in taken:
        return "—"
    pairs = zip(taken[other], taken[ours_is], strict=True)
    return spread([theirs / own for theirs, own in pairs])


def missing(python: str) -> str:
    """Reason why the Trainer cannot be run; empty if it can."""
    tried = subprocess.run(
        [python, "-c", "import torch, transformers, accelerate"],
        capture_output=True,
        text=True,
        check=False,
    )
    return tried.stderr.strip().rpartition("\n")[2] if tried.returncode else ""


def measured(script: str, *arguments: str, asked: str = "", **environment: str) -> str:
    """Return the last line that a measurement in a separate process prints.

    Args:
        script: Beside this one; takes `--threads`.
        *arguments: Of it.
        asked: Value that the process reads.
        **environment: Variables beside ours.

    Raises:
        subprocess.CalledProcessError: It failed, and has said why.
    """
    told = subprocess.run(
        [sys.executable, here(script), *arguments, "--threads", str(usable_cores())],
        input=asked,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return told.stdout.splitlines()[-1]


def updates_of(case: Case, files: Sequence[Path]) -> list[str]:
    """The arguments of a peer that makes a case's updates: files of `write_case`, and batch."""
    return [*map(str, files), "--batch", str(case.batch)]
