"""Plug-ins: classes that installed packages bring, found by entry points.

A package names its class in its own metadata, under the name that users choose it by:

    [project.entry-points."tuner.optimizers"]
    signsgd = "tuner_signsgd.optimizer:SignSgd"

Only metadata is read until the class is asked for; then its module is imported. No configuration
file names code.
"""

import socket
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, PackageNotFoundError, distribution, entry_points
from typing import Any

from tuner.errors import InputError
from tuner.installation.remedies import install, uninstall

OURS = "tuner"
"""Stands for the package of the classes that the project brings."""

_loaded: "set[PlugIn]" = set()
"""Plug-ins that this process has loaded."""


@dataclass(frozen=True, kw_only=True)
class PlugIn:
    """A class that a package declares; it need not have been imported yet."""

    entry: EntryPoint
    """Name, module and class."""

    package: str
    """Distribution that brings it; `OURS` for one of this project."""

    version: str = ""
    """Version of the distribution; empty for one of this project."""

    @property
    def name(self) -> str:
        """Name that users choose it by."""
        return self.entry.name

    @property
    def source(self) -> str:
        """Package with its version, as people read it."""
        return f"{self.package} {self.version}".strip()

    def load(self) -> Any:
        """Import the module and return the class.

        Raises:
            InputError: It cannot be imported.
        """
        if self.package == OURS:
            return self.entry.load()
        try:
            kind = self.entry.load()
        except Exception as error:
            text = " ".join(str(error).split())
            raise unusable(
                self.entry.value,
                self.source,
                f"its import fails with {type(error).__name__}: {text}",
                f"the requirements of {self.package}, or {uninstall(self.package)}",
            ) from error
        _loaded.add(self)
        return kind


def unusable(what: str, source: str, reason: str, remedy: str) -> InputError:
    """Return the refusal of a plug-in.

    Args:
        what: Class.
        source: Package that brings it.
        reason: Problem of the class.
        remedy: Correction.
    """
    return InputError(
        f"{what} of the package {source} cannot be used: {reason}",
        where=f"package {source}",
        remedy=remedy,
    )


def not_installed(what: str, package: str) -> InputError:
    """Return the refusal of a plug-in whose package this Python does not have.

    Args:
        what: Use of the plug-in.
        package: Package that brings it where the sweep was started.
    """
    return InputError(
        f"{what} of the package {package}, which is not installed here",
        where=f"{sys.executable} on {socket.gethostname()}",
        remedy=install(package),
    )


def check_installed(packages: Iterable[str]) -> None:
    """Check that packages of plug-ins are installed here.

    Raises:
        InputError: One is not.
    """
    for package in packages:
        try:
            distribution(package)
        except PackageNotFoundError as error:
            raise not_installed("the sweep uses plug-ins", package) from error


@cache
def plug_ins(group: str) -> tuple[PlugIn, ...]:
    """Return the plug-ins of a group in the order of their names; nothing is imported.

    Of a package that is installed in several folders of the search path, the first one counts.

    Args:
        group: Group of entry points, as `tuner.optimizers`.
    """
    found = (
        PlugIn(entry=entry, package=entry.dist.name, version=entry.dist.version)
        for entry in entry_points(group=group)
        if entry.dist is not None
    )
    return tuple(sorted(found, key=lambda each: (each.name, each.package)))


def loaded_packages(*without: str) -> dict[str, str]:
    """Return package and version of the plug-ins that this process has loaded.

    Args:
        without: Groups of entry points that do not count.
    """
    found = {each.package: each.version for each in _loaded if each.entry.group not in without}
    return dict(sorted(found.items()))
