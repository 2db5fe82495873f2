"""Installed packages that do not go together."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from tuner.core.health.line import Line, ok, warning, wrong

OURS = "tuner"

CLASHES = (
    ("tensorflow", "tensorflow-cpu"),
    ("tensorflow", "tensorflow-gpu"),
    ("tensorflow", "tf-nightly"),
    ("keras", "keras-nightly"),
)
"""Distributions that bring the same import package: the one that came last overwrote the other."""

_NAME = "packages"
_SHOWN = 4


@dataclass(frozen=True, kw_only=True)
class Unmet:
    """A requirement that what is installed does not meet.

    Attributes:
        by: Distribution that asks.
        name: Distribution that it asks for.
        wanted: The versions that would do, such as `>=5.0,<5.1`; empty: any.
        installed: The version that there is; None: none.
    """

    by: str
    name: str
    wanted: str
    installed: str | None


def package_lines(
    installed: Collection[str] | None, unmet: Sequence[Unmet], clashing: Collection[str] = ()
) -> list[Line]:
    """Says what does not go together.

    Args:
        installed: Names of the distributions that ours needs, itself included; None: it is not
            installed, so that nobody knows what it needs.
        unmet: Requirements among them that are not met.
        clashing: Names of every distribution there is.
    """
    if installed is None:
        text = "tuner is not installed, so that nobody has checked the versions it needs"
        return [warning(_NAME, text, "pip install -e . in the checkout")]
    lines = [*_clashes(clashing), *_unmet(unmet)]
    return lines or [ok(_NAME, f"{len(installed)} that tuner needs, and they fit together")]


def _clashes(there: Collection[str]) -> Iterator[Line]:
    for ours, other in CLASHES:
        if ours in there and other in there:
            yield wrong(
                _NAME,
                f"{ours} and {other} are both installed, into the same folder",
                f"pip uninstall {other}; pip install --force-reinstall --no-deps {ours}",
            )


def _unmet(unmet: Sequence[Unmet]) -> Iterator[Line]:
    """What we need ourselves is wrong; what others need of each other often works nevertheless."""
    ordered = sorted(unmet, key=lambda each: each.by != OURS)
    for each in ordered[:_SHOWN]:
        there = f"is {each.installed}" if each.installed else "is not installed"
        version = each.wanted or "any version"
        make = wrong if each.by == OURS else warning
        yield make(
            _NAME,
            f"{each.name} {there}, and {each.by} needs {version}",
            f"pip install '{each.name}{each.wanted}'",
        )
    if len(ordered) > _SHOWN:
        text = f"{len(ordered) - _SHOWN} more requirements are not met"
        yield warning(_NAME, text, "pip check lists them")
