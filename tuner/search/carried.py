"""What a configuration from elsewhere carries into a search space, and what it cannot."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tuner.search.domain import OUTSIDE, Domain, among
from tuner.search.literature import OWN_KEYS
from tuner.search.space import SearchSpace, Values
from tuner.trial.records import Scalar

_GROUPS = ("optimizer", "schedule", "training")
"""Groups that are meant to be carried over; model and data are the sweep's own."""

_WITHOUT_EFFECT = ("training.save_state", "training.profile")


@dataclass(frozen=True, kw_only=True)
class Dropped:
    """A value that is not carried over."""

    key: str
    """Override key."""
    value: Scalar
    """Value in the configuration from elsewhere."""
    domain: Domain | None = None
    """Domain that does not have it; None where another reason stands."""
    parent: str = ""
    """Key of its condition whose own value was dropped; empty where another reason stands."""
    instead: Scalar = None
    """Value that holds for every trial, of a key that is not searched."""


@dataclass(frozen=True, kw_only=True)
class Carried:
    """A point of a search space, and what was left behind."""

    point: Mapping[str, Scalar]
    """Searched key to value, as the domains have it; the other keys are drawn."""
    dropped: tuple[Dropped, ...] = ()
    """Searched keys whose value the space does not have."""
    unsearched: tuple[Dropped, ...] = ()
    """Keys that are not searched here and have another value."""


def carried(space: SearchSpace, values: Values, untuned: Values) -> Carried:
    """Find the part of a configuration that a search space can take.

    Args:
        space: What is searched.
        values: Key to value of the configuration; groups by their option.
        untuned: The same of the untuned default of the search.
    """
    point = space.within(values)
    return Carried(
        point=point,
        dropped=tuple(_dropped(space, values, point)),
        unsearched=tuple(
            Dropped(key=key, value=value, instead=untuned[key])
            for key, value in sorted(values.items())
            if _is_meant(key)
            and key in untuned
            and key not in space.keys
            and among((untuned[key],), value) is OUTSIDE
        ),
    )


def _dropped(space: SearchSpace, values: Values, point: Values) -> Iterator[Dropped]:
    missing = {key for key in space.keys if key in values and key not in point}
    for key in space.keys:
        if key not in missing:
            continue
        for dimension in space.of(key):
            parent = next((each for each in dimension.when if each in missing), "")
            if space.active(dimension, point):
                yield Dropped(key=key, value=values[key], domain=dimension.domain)
                break
            if parent:
                yield Dropped(key=key, value=values[key], parent=parent)
                break


def _is_meant(key: str) -> bool:
    group = key.partition(".")[0]
    return (group in _GROUPS and key not in _WITHOUT_EFFECT) or key in OWN_KEYS
