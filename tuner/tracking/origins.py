"""Origin of runs: command, code, versions and inputs."""

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

PACKAGES = ("tensorflow", "keras", "transformers", "optuna", "mlflow", "numpy")
GIT_SECONDS = 10.0

_HARMLESS = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
"""Options that switch off the programs which a folder's .git/config may name; see _DRIVERS."""

_DRIVERS = r"^filter\..*\.(clean|smudge|process|required)$"
"""Keys of programs through which git reads files."""

_STATUS = ("status", "--porcelain", "--untracked-files=no", "--ignore-submodules=all")

_NO_TRANSFER = {"GIT_ALLOW_PROTOCOL": "", "GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0"}
"""A partial clone would otherwise fetch missing objects, with a command of its own configuration.
"""

COMMIT = "mlflow.source.git.commit"
"""Tag of the commit, named by MLflow."""


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Known facts about a trial's model and data."""

    tags: Mapping[str, str] = field(default_factory=dict)
    """Tag name to value."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """File name to text, logged as artifacts."""
    datasets: tuple[TrialDataset, ...] = ()
    """Splits of the data."""


def origin(arguments: Sequence[str], folder: Path) -> dict[str, str]:
    """Return the tags that all runs of a command share, with MLflow's own names where they exist.

    Args:
        arguments: Command-line arguments behind `python -m tuner`.
        folder: Working folder; its commit is added if it is a git checkout.
    """
    command = ["python", "-m", "tuner", *map(hidden, arguments)]
    tags = {
        "mlflow.source.type": "LOCAL",
        "mlflow.source.name": shlex.join(command),
        "host": socket.gethostname(),
        "versions": ", ".join(f"{name} {found}" for name, found in versions().items()),
        **_commit(folder),
    }
    with suppress(KeyError, OSError):  # A container's user may have no name.
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
    """Return the commit that is checked out in a folder, and whether files differ from it."""
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
    """Return git's output; None if git is missing, fails, or the folder is no checkout.

    Programs named by the folder's own configuration are not run.
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
