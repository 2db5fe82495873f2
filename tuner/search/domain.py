"""Domains of searched keys, and membership of values from elsewhere."""

import math
import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from typing import TypeGuard

from tuner.trial.records import Scalar

_NUMBER = re.compile(r"[+-]?(?:0|[1-9]\d*)(?:\.\d*)?(?:[eE][+-]?\d+)?")
"""Numbers as YAML writes them; a leading zero makes a text, as in `01`."""

_WORDS = {"true": True, "false": False, "null": None}

LONG_CHOICE = 16
"""Number of values of a choice from which only its ends are composed before the first trial."""

RELATIVE_TOLERANCE = 1e-9
"""Relative difference below which two real numbers are equal up to rounding."""


class Outside(Enum):
    """Result for a value that is not in a domain; None would be a value."""

    OUTSIDE = "outside"


OUTSIDE = Outside.OUTSIDE


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One of some values without an order."""

    values: tuple[Scalar, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError("the choice has no values")
        seen: set[Scalar] = set()
        for value in self.values:
            if value in seen:
                raise ValueError(f"the choice lists {value!r} twice")
            seen.add(value)


@dataclass(frozen=True, kw_only=True)
class FloatInterval:
    """A real number from `low` to `high`, both included; uniform, or uniform in its logarithm."""

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            raise ValueError(f"the interval from {self.low!r} to {self.high!r} is not finite")
        _check_bounds(self.low, self.high, log=self.log)


@dataclass(frozen=True, kw_only=True)
class IntInterval:
    """A whole number from `low` to `high`, both included, in steps from `low`."""

    low: int
    high: int
    step: int = 1
    log: bool = False

    def __post_init__(self) -> None:
        _check_bounds(self.low, self.high, log=self.log)
        if self.step < 1:
            raise ValueError(f"the step {self.step} is below 1")
        if self.log and self.step != 1:
            raise ValueError(f"a logarithmic range has no step, this one has {self.step}")
        if (self.high - self.low) % self.step:
            raise ValueError(f"steps of {self.step} from {self.low} do not meet {self.high}")


Domain = Choice | FloatInterval | IntInterval


def _check_bounds(low: float, high: float, *, log: bool) -> None:
    if low >= high:
        raise ValueError(f"low ({low!r}) is not below high ({high!r})")
    if log and low <= 0:
        raise ValueError(f"a logarithmic interval starts above 0, this one at {low!r}")


def member(domain: Domain, value: Scalar) -> Scalar | Outside:
    """Return the domain's own form of a value.

    All tests of membership use this function. A number is the same in any form (4, 4.0, "4") and
    up to rounding; a boolean is no number, and null is a value of choices only.

    Args:
        domain: Domain to search.
        value: Value from a file, a command line or another study.

    Returns:
        Value as the domain has it, or `OUTSIDE`.
    """
    if isinstance(domain, Choice):
        return find_equal(domain.values, value)
    number = _read(value) if isinstance(value, str) else value
    return _in_interval(domain, number) if _is_number(number) else OUTSIDE


def _in_interval(domain: FloatInterval | IntInterval, number: float) -> Scalar | Outside:
    is_real = isinstance(domain, FloatInterval) or not isinstance(number, int)
    for bound in (domain.low, domain.high):
        if number == bound or (
            is_real and math.isclose(number, bound, rel_tol=RELATIVE_TOLERANCE)
        ):
            return bound
    if not domain.low <= number <= domain.high:
        return OUTSIDE
    if isinstance(domain, FloatInterval):
        return float(number)
    if number != int(number) or (int(number) - domain.low) % domain.step:
        return OUTSIDE
    return int(number)


def contains(domain: Domain, value: Scalar) -> bool:
    """Return True if the value is in the domain; see `member`."""
    return member(domain, value) is not OUTSIDE


def find_equal(values: Collection[Scalar], value: Scalar) -> Scalar | Outside:
    """Return the value in a collection that a value equals, or `OUTSIDE`; see `member`.

    A value of the same type is preferred, and an equal value to one that is equal up to rounding.
    """
    for is_same in (_is_identical, _is_equal, _is_close, _has_same_text):
        for each in values:
            if is_same(each, value):
                return each
    return OUTSIDE


def _is_identical(one: Scalar, other: Scalar) -> bool:
    return type(one) is type(other) and one == other


def _is_equal(one: Scalar, other: Scalar) -> bool:
    return _is_number(one) and _is_number(other) and one == other


def _is_close(one: Scalar, other: Scalar) -> bool:
    return (
        _is_number(one)
        and _is_number(other)
        and float in (type(one), type(other))
        and math.isclose(one, other, rel_tol=RELATIVE_TOLERANCE)
    )


def _has_same_text(one: Scalar, other: Scalar) -> bool:
    """Return True if one of them is the text of the other."""
    if isinstance(one, str) == isinstance(other, str):
        return False
    text, value = (one, other) if isinstance(one, str) else (other, one)
    read = _read(str(text))
    return _is_identical(read, value) or _is_equal(read, value)


def _is_number(value: Scalar) -> TypeGuard[int | float]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value)


def _read(text: str) -> Scalar:
    """Return the value that YAML reads in a text; the text itself if it is no other value."""
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if not _NUMBER.fullmatch(text):
        return text
    try:
        return int(text)
    except ValueError:
        return float(text)


def corners(domain: Domain) -> tuple[Scalar, ...]:
    """Return all values of a choice, or both ends of an interval.

    For a long choice of numbers, the smallest and the largest of each type suffice, because
    values are refused for being beyond a bound or of a wrong type.
    """
    if not isinstance(domain, Choice):
        return domain.low, domain.high
    if len(domain.values) <= LONG_CHOICE:
        return domain.values
    kinds: dict[type, list[float]] = {}
    for value in domain.values:
        if not _is_number(value):
            return domain.values
        kinds.setdefault(type(value), []).append(value)
    return tuple(end for numbers in kinds.values() for end in sorted({min(numbers), max(numbers)}))


def points(domain: Domain, count: int) -> tuple[Scalar, ...]:
    """Return the values of a domain in a grid.

    Args:
        domain: Domain of the values.
        count: Number of points of an interval, ends included. A choice gives all its values, and
            so does a whole-number interval that is not logarithmic.
    """
    if isinstance(domain, Choice):
        return domain.values
    if isinstance(domain, IntInterval):
        if not domain.log:
            return tuple(range(domain.low, domain.high + 1, domain.step))
        spread = _spread(domain.low, domain.high, count, log=True)
        return tuple(dict.fromkeys(round(value) for value in spread))
    return tuple(_spread(domain.low, domain.high, count, log=domain.log))


def _spread(low: float, high: float, count: int, *, log: bool) -> list[float]:
    if count == 1:
        return [math.sqrt(low * high) if log else (low + high) / 2]
    shares = [i / (count - 1) for i in range(1, count - 1)]
    if log:
        return [low, *(low * (high / low) ** share for share in shares), high]
    return [low, *(low + (high - low) * share for share in shares), high]
