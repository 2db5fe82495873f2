"""Our distribution as it is installed, or as the checkout that we run from declares it.

Every process of ours asks for the version; what only requirements need is imported for them.
"""

from copy import copy
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from packaging.requirements import Requirement

DISTRIBUTION = "encoder-tuner"
"""Name of our distribution; the package and the command are called `tuner`."""

_ROOT = Path(__file__).parents[2]
"""Folder that holds the package; a checkout has pyproject.toml there."""

UNKNOWN = "0+unknown"
"""Version of a copy without metadata."""


def version() -> str:
    """Return our version; `UNKNOWN` for a copy that is neither installed nor a checkout."""
    try:
        return str(metadata(DISTRIBUTION)["Version"])
    except PackageNotFoundError:
        return str(_declared().get("version", UNKNOWN))


def requirements(extra: str = "") -> "list[Requirement]":
    """Return what we need, or what one of our extras adds to it.

    Args:
        extra: Name of the extra; empty: none.

    Returns:
        Requirements that apply on this machine, without markers; none for an unknown extra.
    """
    return _installed(extra) or _of_checkout(extra)


def requirement(name: str) -> str:
    """Return a package with the versions that we need; the name alone if we need none.

    Args:
        name: Name of a distribution that we, but no extra of ours, need.
    """
    from packaging.utils import canonicalize_name  # noqa: PLC0415

    wanted = (r for r in requirements() if canonicalize_name(r.name) == canonicalize_name(name))
    return str(next(wanted, name))


def checkout() -> Path | None:
    """Return the folder of the checkout that we run from; None where we were copied elsewhere."""
    return _ROOT if _declared() else None


def _installed(extra: str) -> "list[Requirement]":
    from packaging.requirements import Requirement  # noqa: PLC0415

    try:
        found = metadata(DISTRIBUTION).get_all("Requires-Dist") or []
    except PackageNotFoundError:
        return []
    return [
        _without_marker(each)
        for each in map(Requirement, found)
        if _applies(each, extra) and not (extra and _applies(each, ""))
    ]


def _of_checkout(extra: str) -> "list[Requirement]":
    from packaging.requirements import Requirement  # noqa: PLC0415

    declared = _declared()
    extras = declared.get("optional-dependencies", {})
    found = extras.get(extra, []) if extra else declared.get("dependencies", [])
    return [_without_marker(each) for each in map(Requirement, found) if _applies(each, "")]


def _applies(each: "Requirement", extra: str) -> bool:
    return each.marker is None or each.marker.evaluate({"extra": extra})


def _without_marker(each: "Requirement") -> "Requirement":
    plain = copy(each)
    plain.marker = None
    return plain


def _declared() -> dict[str, Any]:
    """Return the table `project` of the checkout's pyproject.toml; empty without a checkout."""
    import tomllib  # noqa: PLC0415

    try:
        text = (_ROOT / "pyproject.toml").read_text(encoding="utf-8")
        project: dict[str, Any] = tomllib.loads(text)["project"]
    except (OSError, ValueError, KeyError):
        return {}
    return project if project.get("name") == DISTRIBUTION else {}
