"""Where runs come from: the command, the code and the versions behind them, and their inputs."""

import getpass
import platform
import shlex
import shutil
import socket
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tuner import __version__
from tuner.secrets import hidden

PACKAGES = ("tensorflow", "keras", "keras-hub", "transformers", "optuna", "mlflow", "numpy")
GIT_SECONDS = 10.0
COMMIT = "mlflow.source.git.commit"
"""The tag, by MLflow's own name."""


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What is known of a trial's model and data.

    Attributes:
        tags: By name.
        texts: File name to text, logged as artifacts.
    """

    tags: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)


def origin(arguments: Sequence[str], folder: Path) -> dict[str, str]:
    """Tags that all runs of a command share, by MLflow's own names where it has some.

    Args:
        arguments: The command line behind `python -m tuner`.
        folder: Where it was given; its commit is named where it is a checkout.
    """
    command = ["python", "-m", "tuner", *map(hidden, arguments)]
    tags = {
        "mlflow.source.type": "LOCAL",
        "mlflow.source.name": shlex.join(command),
        "host": socket.gethostname(),
        "versions": ", ".join(f"{name} {found}" for name, found in versions().items()),
        **_commit(folder),
    }
    with suppress(KeyError, OSError):  # a container's user may have no name
        tags["mlflow.user"] = getpass.getuser()
    return tags


def versions() -> dict[str, str]:
    """Ours, Python's and those of the libraries, without loading any."""
    found = {"tuner": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _commit(folder: Path) -> dict[str, str]:
    """The commit that is checked out in a folder, and whether files differ from it."""
    commit = _git(folder, "rev-parse", "HEAD")
    if not commit:
        return {}
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return {
        COMMIT: commit,
        "mlflow.source.git.dirty": "true" if changed else "false",
    }


def _git(folder: Path, *command: str) -> str:
    """What git says; nothing where it is not installed, or the folder no checkout."""
    git = shutil.which("git")
    if git is None:
        return ""
    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(
            [git, "-C", str(folder), *command],
            capture_output=True,
            text=True,
            timeout=GIT_SECONDS,
            check=True,
        )
        return done.stdout.strip()
    return ""
