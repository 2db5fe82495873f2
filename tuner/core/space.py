"""The search space: which values each key may take, and under which conditions."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from tuner.core.trial import Scalar

Values = Mapping[str, Scalar]
"""Override key to value."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One of some values that have no order."""

    values: tuple[Scalar, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError("the choice has no values")
        for one, other in combinations(self.values, 2):
            if one == other:
                raise ValueError(f"the choice lists {other!r} twice")


@dataclass(frozen=True, kw_only=True)
class FloatInterval:
    """A real number from `low` to `high`, both included; drawn evenly, or evenly in its log."""

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


@dataclass(frozen=True, kw_only=True)
class Dimension:
    """One searched key.

    Attributes:
        key: Override key, as `optimizer.learning_rate`, or a group, as `optimizer`.
        domain: The values it may take.
        when: Other searched key to the values that it must have one of; all must hold.
        name: Unique in the space: the key, with the condition behind it where several
            dimensions share the key. Empty stands for the key.
    """

    key: str
    domain: Domain
    when: Mapping[str, tuple[Scalar, ...]] = field(default_factory=dict)
    name: str = ""

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", self.key)


def contains(domain: Domain, value: Scalar) -> bool:
    """Whether the domain has this value; an int counts as the float it equals, a bool does not."""
    if isinstance(domain, Choice):
        return any(
            v == value and isinstance(v, bool) == isinstance(value, bool) for v in domain.values
        )
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if not domain.low <= value <= domain.high:
        return False
    return isinstance(domain, FloatInterval) or (value - domain.low) % domain.step == 0


def corners(domain: Domain) -> tuple[Scalar, ...]:
    """All values of a choice, both ends of an interval."""
    return domain.values if isinstance(domain, Choice) else (domain.low, domain.high)


def points(domain: Domain, count: int) -> tuple[Scalar, ...]:
    """Values for a grid.

    Args:
        domain: Where they come from.
        count: How many an interval gets, ends included. A choice gives all its values, and so
            does a whole-number range that is not logarithmic.
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


@dataclass(frozen=True, kw_only=True, init=False)
class SearchSpace:
    """All searched dimensions, each after those that its conditions name.

    Attributes:
        dimensions: In the order in which values are to be asked.
    """

    dimensions: tuple[Dimension, ...]

    def __init__(self, dimensions: Iterable[Dimension] = ()) -> None:
        """Checks and orders the dimensions.

        Raises:
            ValueError: Conditions that go round in a circle or name a key that is not
                searched, equal names, or dimensions of one key that could both be active.
        """
        given = tuple(dimensions)
        _check_names(given)
        _check_disjoint(given)
        object.__setattr__(self, "dimensions", _ordered(given))

    @property
    def keys(self) -> tuple[str, ...]:
        """The searched keys, each once, in order."""
        return tuple(dict.fromkeys(dimension.key for dimension in self.dimensions))

    def of(self, key: str) -> tuple[Dimension, ...]:
        """The dimensions of this key; more than one under disjoint conditions."""
        return tuple(dimension for dimension in self.dimensions if dimension.key == key)

    @staticmethod
    def active(dimension: Dimension, values: Values) -> bool:
        """Whether the dimension's conditions hold.

        Args:
            dimension: The dimension in question.
            values: What was asked so far; a key that is missing satisfies no condition.
        """
        return all(
            key in values and contains(Choice(values=allowed), values[key])
            for key, allowed in dimension.when.items()
        )

    def admits(self, values: Values) -> bool:
        """Whether these are exactly the values of one point of the space."""
        asked = [dimension for dimension in self.dimensions if self.active(dimension, values)]
        return {dimension.key for dimension in asked} == set(values) and all(
            contains(dimension.domain, values[dimension.key]) for dimension in asked
        )

    def within(self, values: Values) -> dict[str, Scalar]:
        """The part of some values that this space can take.

        Args:
            values: Of a configuration that may come from elsewhere.

        Returns:
            Key to value for the dimensions that are active there and have the value.
        """
        taken: dict[str, Scalar] = {}
        for dimension in self.dimensions:
            known = dimension.key in values and self.active(dimension, taken)
            if known and contains(dimension.domain, values[dimension.key]):
                taken[dimension.key] = values[dimension.key]
        return taken

    def grid(self, points_per_interval: int) -> list[dict[str, Scalar]]:
        """Every point of the conditional grid.

        Args:
            points_per_interval: Points of each interval, ends included, evenly spaced in its
                scale; at least 1.
        """
        if points_per_interval < 1:
            raise ValueError(f"{points_per_interval} points per interval: give 1 or more")
        return list(self._expand({}, self.dimensions, points_per_interval))

    def _expand(
        self, values: dict[str, Scalar], rest: Sequence[Dimension], count: int
    ) -> Iterator[dict[str, Scalar]]:
        if not rest:
            yield values
        elif not self.active(rest[0], values):
            yield from self._expand(values, rest[1:], count)
        else:
            for value in points(rest[0].domain, count):
                yield from self._expand({**values, rest[0].key: value}, rest[1:], count)

    def to_plain(self) -> dict[str, dict[str, Any]]:
        """The space as JSON values, by the dimensions' names."""
        return {
            dimension.name: {
                "key": dimension.key,
                "domain": _domain_to_plain(dimension.domain),
                "when": {key: list(allowed) for key, allowed in dimension.when.items()},
            }
            for dimension in self.dimensions
        }

    @classmethod
    def from_plain(cls, data: Mapping[str, Mapping[str, Any]]) -> "SearchSpace":
        """Reads what `to_plain` gave."""
        return cls(
            Dimension(
                key=entry["key"],
                name=name,
                domain=_domain_from_plain(entry["domain"]),
                when={key: tuple(allowed) for key, allowed in entry["when"].items()},
            )
            for name, entry in data.items()
        )


def _domain_to_plain(domain: Domain) -> dict[str, Any]:
    match domain:
        case Choice():
            return {"choice": list(domain.values)}
        case FloatInterval():
            return {"float": [domain.low, domain.high], "log": domain.log}
        case IntInterval():
            bounds = [domain.low, domain.high]
            return {"int": bounds, "step": domain.step, "log": domain.log}


def _domain_from_plain(data: Mapping[str, Any]) -> Domain:
    if "choice" in data:
        return Choice(values=tuple(data["choice"]))
    if "float" in data:
        low, high = (float(bound) for bound in data["float"])
        return FloatInterval(low=low, high=high, log=data["log"])
    low, high = data["int"]
    return IntInterval(low=low, high=high, step=data["step"], log=data["log"])


def _check_names(dimensions: Sequence[Dimension]) -> None:
    keys = {dimension.key for dimension in dimensions}
    names: set[str] = set()
    for dimension in dimensions:
        if dimension.name in names:
            raise ValueError(f"{dimension.name} is in the space twice")
        names.add(dimension.name)
        for key, allowed in dimension.when.items():
            if key not in keys:
                raise ValueError(f"{dimension.name} depends on {key}, which is not searched")
            if not allowed:
                raise ValueError(f"{dimension.name} depends on {key} having one of no values")


def _check_disjoint(dimensions: Sequence[Dimension]) -> None:
    for one, other in combinations(dimensions, 2):
        if one.key == other.key and not _exclude_each_other(one, other):
            raise ValueError(
                f"{one.key} has two dimensions that could hold at once ({one.name}, {other.name})"
            )


def _exclude_each_other(one: Dimension, other: Dimension) -> bool:
    return any(
        not set(one.when[key]) & set(other.when[key]) for key in one.when.keys() & other.when
    )


def _ordered(dimensions: Sequence[Dimension]) -> tuple[Dimension, ...]:
    waiting, done = list(dimensions), list[Dimension]()
    while waiting:
        open_keys = {dimension.key for dimension in waiting}
        ready = next((d for d in waiting if not open_keys & d.when.keys()), None)
        if ready is None:
            circle = ", ".join(sorted(open_keys))
            raise ValueError(f"the conditions go round in a circle: {circle}")
        waiting.remove(ready)
        done.append(ready)
    return tuple(done)
