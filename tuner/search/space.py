"""The search space: domains of keys, and their conditions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from tuner.search.domain import (
    OUTSIDE,
    Choice,
    Domain,
    FloatInterval,
    IntInterval,
    contains,
    corners,
    find_equal,
    member,
    points,
)
from tuner.trial.records import Scalar

__all__ = [
    "Choice",
    "Dimension",
    "Domain",
    "FloatInterval",
    "IntInterval",
    "SearchSpace",
    "Values",
    "contains",
    "corners",
    "points",
]

Values = Mapping[str, Scalar]
"""Override key to value."""


@dataclass(frozen=True, kw_only=True)
class Dimension:
    """One searched key."""

    key: str
    """Override key, for example `optimizer.learning_rate`, or a group, for example `optimizer`."""
    domain: Domain
    """Domain of its values."""
    when: Mapping[str, tuple[Scalar, ...]] = field(default_factory=dict)
    """Other searched key to its allowed values; all conditions must hold."""
    name: str = ""
    """Unique name in the space: the key, followed by the condition if several dimensions share the
    key. Empty for the key.
    """

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", self.key)


@dataclass(frozen=True, kw_only=True, init=False)
class SearchSpace:
    """All searched dimensions, each after those that its conditions depend on."""

    dimensions: tuple[Dimension, ...]
    """Dimensions in the order in which values are drawn."""

    def __init__(self, dimensions: Iterable[Dimension] = ()) -> None:
        """Check and order the dimensions.

        Raises:
            ValueError: Conditions are circular or name a key that is not searched, names are
                equal, or dimensions of one key could be active together.
        """
        given = tuple(dimensions)
        _check_names(given)
        _check_disjoint(given)
        object.__setattr__(self, "dimensions", _ordered(given))

    @property
    def keys(self) -> tuple[str, ...]:
        """Searched keys, each once, in order."""
        return tuple(dict.fromkeys(dimension.key for dimension in self.dimensions))

    def of(self, key: str) -> tuple[Dimension, ...]:
        """Return the dimensions of a key; several have disjoint conditions."""
        return tuple(dimension for dimension in self.dimensions if dimension.key == key)

    @staticmethod
    def active(dimension: Dimension, values: Values) -> bool:
        """Return True if the dimension's conditions hold.

        Args:
            dimension: Dimension of the space.
            values: Values so far; a missing key satisfies no condition.
        """
        return all(
            key in values and find_equal(allowed, values[key]) is not OUTSIDE
            for key, allowed in dimension.when.items()
        )

    def admits(self, values: Values) -> bool:
        """Return True if these are exactly the values of one point of the space."""
        asked = [dimension for dimension in self.dimensions if self.active(dimension, values)]
        return {dimension.key for dimension in asked} == set(values) and all(
            contains(dimension.domain, values[dimension.key]) for dimension in asked
        )

    def within(self, values: Values) -> dict[str, Scalar]:
        """Return the part of some values that this space can take.

        Args:
            values: Values of a configuration that may come from elsewhere.

        Returns:
            Key to value as its domain has it, for the active dimensions whose domain has the
            value.
        """
        taken: dict[str, Scalar] = {}
        for dimension in self.dimensions:
            if dimension.key in values and self.active(dimension, taken):
                value = member(dimension.domain, values[dimension.key])
                if value is not OUTSIDE:
                    taken[dimension.key] = value
        return taken

    def untuned(self, defaults: Values) -> dict[str, Scalar]:
        """Return the searched keys of the untuned default, including those outside the space.

        Args:
            defaults: Value of each searched key in the untuned default configuration.
        """
        return {
            dimension.key: defaults[dimension.key]
            for dimension in self.dimensions
            if dimension.key in defaults and self.active(dimension, defaults)
        }

    def to_plain(self) -> dict[str, dict[str, Any]]:
        """Return the space as JSON values, by the dimensions' names."""
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
        """Return the space from `to_plain`."""
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
            raise ValueError(f"{dimension.name} is twice in the space")
        names.add(dimension.name)
        for key, allowed in dimension.when.items():
            if key not in keys:
                raise ValueError(f"{dimension.name} depends on {key}, which is not searched")
            if not allowed:
                raise ValueError(
                    f"{dimension.name} depends on {key}, but allows none of its values"
                )


def _check_disjoint(dimensions: Sequence[Dimension]) -> None:
    for one, other in combinations(dimensions, 2):
        if one.key == other.key and not _exclude_each_other(one, other):
            raise ValueError(
                f"{one.key} has two dimensions that could hold at once ({one.name}, {other.name})"
            )


def _exclude_each_other(one: Dimension, other: Dimension) -> bool:
    return any(
        all(find_equal(other.when[key], value) is OUTSIDE for value in one.when[key])
        for key in one.when.keys() & other.when
    )


def _ordered(dimensions: Sequence[Dimension]) -> tuple[Dimension, ...]:
    waiting, done = list(dimensions), list[Dimension]()
    while waiting:
        open_keys = {dimension.key for dimension in waiting}
        ready = next((d for d in waiting if not open_keys & d.when.keys()), None)
        if ready is None:
            circle = ", ".join(sorted(open_keys))
            raise ValueError(f"the conditions are circular: {circle}")
        waiting.remove(ready)
        done.append(ready)
    return tuple(done)
