"""One line of `tuner doctor`."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    """A sweep runs, but not as well as it could, or only for now."""
    WRONG = "wrong"
    """A sweep does not run as it is configured."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One thing that was looked at."""

    name: str
    """What was looked at."""
    text: str
    """What was found."""
    level: Level = Level.OK
    """How bad it is."""
    mend: str = ""
    """What would mend it; empty where nothing has to be."""


def ok(name: str, text: str) -> Line:
    """A line about what is as it should be."""
    return Line(name=name, text=text)


def warning(name: str, text: str, mend: str) -> Line:
    """A line to mind."""
    return Line(name=name, text=text, level=Level.WARNING, mend=mend)


def wrong(name: str, text: str, mend: str) -> Line:
    """A line about what has to be mended first."""
    return Line(name=name, text=text, level=Level.WRONG, mend=mend)


def exit_code(lines: Iterable[Line]) -> int:
    """0 where nothing is wrong, else 1."""
    return int(any(line.level is Level.WRONG for line in lines))
