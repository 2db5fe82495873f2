"""Where runs come from: the command, the code and the versions behind them, and their inputs."""

import getpass
import os
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
from tuner.fields.plugins import loaded_packages
from tuner.secrets import hidden
from tuner.tracking.datasets import TrialDataset

PACKAGES = ("tensorflow", "keras", "keras-hub", "transformers", "optuna", "mlflow", "numpy")
GIT_SECONDS = 10.0

_HARMLESS = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
"""Switches off the programs that a folder's .git/config may name; see _DRIVERS."""

_DRIVERS = r"^filter\..*\.(clean|smudge|process|required)$"
"""Keys of programs through which git reads files."""

_STATUS = ("status", "--porcelain", "--untracked-files=no", "--ignore-submodules=all")

_NO_TRANSFER = {"GIT_ALLOW_PROTOCOL": "", "GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0"}
"""A partial clone would fetch what it lacks, by a command of its own configuration."""

COMMIT = "mlflow.source.git.commit"
"""The tag, by MLflow's own name."""


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What is known of a trial's model and data."""

    tags: Mapping[str, str] = field(default_factory=dict)
    """By name."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """File name to text, logged as artifacts."""
    datasets: tuple[TrialDataset, ...] = ()
    """The splits of the data."""


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
    """Ours, Python's, those of the libraries and of the plug-ins in use, without loading any."""
    found = {"tuner": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found | loaded_packages()


def _commit(folder: Path) -> dict[str, str]:
    """The commit that is checked out in a folder, and whether files differ from it."""
    commit = _git(folder, "rev-parse", "HEAD")
    if not commit:
        return {}
    changed = _git(folder, *_without_drivers(folder), *_STATUS)
    if changed is None:
        return {COMMIT: commit}
    return {COMMIT: commit, "mlflow.source.git.dirty": "true" if changed else "false"}


def _without_drivers(folder: Path) -> list[str]:
    """Return options that switch off the programs which the folder's own configuration names.

    Those of the user's configuration, Git LFS for instance, stay.
    """
    names = {
        name
        for scope in ("--local", "--worktree")
        for name in (
            _git(
                folder,
                "config",
                scope,
                "--includes",
                "-z",
                "--name-only",
                "--get-regexp",
                _DRIVERS,
            )
            or ""
        ).split("\0")
        if name
    }
    return [word for name in sorted(names) for word in ("-c", f"{name}={_off(name)}")]


def _off(name: str) -> str:
    return "false" if name.endswith(".required") else ""


def _git(folder: Path, *command: str) -> str | None:
    """Return what git says; None where it is not installed, fails, or the folder is no checkout.

    Nothing that the folder's own configuration names is run.
    """
    git = shutil.which("git")
    if git is None:
        return None
    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(
            [git, "-C", str(folder), *_HARMLESS, *command],
            env=os.environ | _NO_TRANSFER,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=GIT_SECONDS,
            check=True,
        )
        return done.stdout.strip()
    return None
