"""Installed packages that do not go together."""

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
"""Distributions that bring the same import package: the one that came last overwrote the other."""

DISTRIBUTION = "encoder-tuner"
"""Ours; see `tuner.installation.distribution`, which this package does not import."""

_NAME = "packages"
_SHOWN = 4


@dataclass(frozen=True, kw_only=True)
class Unmet:
    """A requirement that what is installed does not meet."""

    by: str
    """Distribution that asks."""
    name: str
    """Distribution that it asks for."""
    wanted: str
    """The versions that would do, such as `>=5.0,<5.1`; empty: any."""
    installed: str | None
    """The version that there is; None: none."""


def package_lines(
    installed: Collection[str] | None,
    unmet: Sequence[Unmet],
    environment: Environment,
    *,
    install_ourselves: str,
    clashing: Collection[str] = (),
) -> list[Line]:
    """Says what does not go together.

    Args:
        installed: Names of the distributions that ours needs, itself included; None: it is not
            installed, so that nobody knows what it needs.
        unmet: Requirements among them that are not met.
        environment: The environment that they are in.
        install_ourselves: Command that installs our own distribution.
        clashing: Names of every distribution there is.
    """
    if installed is None:
        text = "tuner is not installed, so that nobody has checked the versions it needs"
        return [warning(_NAME, text, install_ourselves)]
    lines = [*_clashes(clashing, environment), *_unmet(unmet, environment)]
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
    """What we need ourselves is wrong; what others need of each other often works nevertheless."""
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
        yield warning(_NAME, text, f"{check_command(environment)} lists them")
