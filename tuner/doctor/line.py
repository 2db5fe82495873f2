"""One line of `tuner doctor`."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """Severity of a finding."""

    OK = "ok"
    WARNING = "warning"
    """A sweep runs, but worse than it could, or only for now."""
    WRONG = "wrong"
    """A sweep does not run with this configuration."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """Result of one check."""

    name: str
    """Subject of the check."""
    text: str
    """Finding."""
    level: Level = Level.OK
    """Severity."""
    remedy: str = ""
    """Remedy as a command; empty if nothing has to be changed."""


def ok(name: str, text: str) -> Line:
    """Return a line about something that is in order."""
    return Line(name=name, text=text)


def warning(name: str, text: str, remedy: str) -> Line:
    """Return a line about something that should be changed."""
    return Line(name=name, text=text, level=Level.WARNING, remedy=remedy)


def wrong(name: str, text: str, remedy: str) -> Line:
    """Return a line about something that has to be changed before a sweep runs."""
    return Line(name=name, text=text, level=Level.WRONG, remedy=remedy)


def exit_code(lines: Iterable[Line]) -> int:
    """Return 0 if nothing is wrong, else 1."""
    return int(any(line.level is Level.WRONG for line in lines))
