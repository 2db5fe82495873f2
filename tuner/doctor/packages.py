"""Conflicts among installed packages."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from tuner.doctor.line import Line, ok, warning, wrong
from tuner.installation.environment import (
    Environment,
    check_command,
    install_command,
    replace_command,
)

CLASHES = (
    ("tensorflow", "tensorflow-cpu"),
    ("tensorflow", "tensorflow-gpu"),
    ("tensorflow", "tf-nightly"),
    ("keras", "keras-nightly"),
)
"""Distributions that bring the same import package: the one installed last overwrites the other.
"""

DISTRIBUTION = "encoder-tuner"
"""Name of our distribution; see `tuner.installation.distribution`, not imported by this package.
"""

_NAME = "packages"
_SHOWN = 4


@dataclass(frozen=True, kw_only=True)
class Unmet:
    """Requirement that the installed packages do not meet."""

    by: str
    """Distribution that has the requirement."""
    name: str
    """Distribution that is required."""
    wanted: str
    """Accepted versions such as `>=5.0,<5.1`; empty for any."""
    installed: str | None
    """Installed version; None if there is none."""


def package_lines(
    installed: Collection[str] | None,
    unmet: Sequence[Unmet],
    environment: Environment,
    *,
    install_ourselves: str,
    all_installed: Collection[str] = (),
) -> list[Line]:
    """Return lines about requirements that are not met, or one line if all are.

    Args:
        installed: Names of the distributions that ours needs, itself included; None if ours is not
            installed, so that its requirements are unknown.
        unmet: Requirements among them that are not met.
        environment: Environment of the packages.
        install_ourselves: Command that installs our own distribution.
        all_installed: Names of all installed distributions.
    """
    if installed is None:
        text = "tuner is not installed, so the versions that it needs cannot be checked"
        return [warning(_NAME, text, install_ourselves)]
    lines = [*_clashes(all_installed, environment), *_unmet(unmet, environment)]
    return lines or [ok(_NAME, f"{len(installed)} that tuner needs, and they fit together")]


def _clashes(there: Collection[str], environment: Environment) -> Iterator[Line]:
    for ours, other in CLASHES:
        if ours in there and other in there:
            yield wrong(
                _NAME,
                f"{ours} and {other} are both installed, into the same folder",
                replace_command(other, ours, environment),
            )


def _unmet(unmet: Sequence[Unmet], environment: Environment) -> Iterator[Line]:
    """Yield our unmet requirements as errors, those of others as warnings: they often work."""
    ordered = sorted(unmet, key=lambda each: each.by != DISTRIBUTION)
    for each in ordered[:_SHOWN]:
        there = f"is {each.installed}" if each.installed else "is not installed"
        version = each.wanted or "any version"
        make = wrong if each.by == DISTRIBUTION else warning
        yield make(
            _NAME,
            f"{each.name} {there}, and {each.by} needs {version}",
            install_command([f"{each.name}{each.wanted}"], environment),
        )
    if len(ordered) > _SHOWN:
        text = f"{len(ordered) - _SHOWN} more requirements are not met"
        yield warning(_NAME, text, f"list them: {check_command(environment)}")
