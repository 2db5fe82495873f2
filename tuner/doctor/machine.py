"""Folders of the machine, and the packages installed on it."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement

from tuner.doctor.packages import Unmet
from tuner.doctor.resources import Folder
from tuner.files.home import expanded
from tuner.files.mounts import file_system_of
from tuner.installation.distribution import DISTRIBUTION


def inspect_folder(path: Path) -> Folder:
    """Try to write in a folder, or in the nearest existing one above; leave nothing there."""
    path = expanded(path).absolute()
    there = next(each for each in (path, *path.parents) if os.path.lexists(each))
    try:
        with tempfile.TemporaryFile(dir=there):
            free = shutil.disk_usage(there).free
    except OSError as error:
        place = "" if there == path else f"{there}: "
        return Folder(path=str(path), refusal=f"{place}{error.strerror or error}")
    return Folder(path=str(path), free=free, file_system=file_system_of(there))


def needed_packages() -> tuple[set[str] | None, list[Unmet]]:
    """Collect what our distribution needs, directly and indirectly, as far as it is installed.

    Returns:
        Names of the distributions, None if ours is not installed; and the unmet requirements.
    """
    if _installed(DISTRIBUTION) is None:
        return None, []
    seen: set[tuple[str, frozenset[str]]] = set()
    unmet: dict[Unmet, None] = {}
    waiting = [(DISTRIBUTION, frozenset[str]())]
    while waiting:
        if (asking := waiting.pop()) in seen:
            continue
        seen.add(asking)
        for requirement in _requirements(*asking):
            found = _installed(requirement.name)
            if found and requirement.specifier.contains(found.version, prereleases=True):
                waiting.append((_normal(requirement.name), frozenset(requirement.extras)))
            else:
                unmet[_unmet(asking[0], requirement, found)] = None
    return {name for name, _ in seen}, list(unmet)


def installed_names() -> set[str]:
    """Return the names of all installed distributions."""
    return {_normal(each.name) for each in distributions()}


def _unmet(by: str, requirement: Requirement, found: Distribution | None) -> Unmet:
    return Unmet(
        by=by,
        name=requirement.name,
        wanted=str(requirement.specifier),
        installed=found.version if found else None,
    )


def _requirements(name: str, extras: frozenset[str]) -> Iterator[Requirement]:
    """Yield the requirements of an installed distribution on this machine, with some extras."""
    found = _installed(name)
    for text in (found.requires or []) if found else []:
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield requirement


def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _normal(name: str) -> str:
    """Return the name in the spelling of the package index (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
