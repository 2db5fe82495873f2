"""Transfer of a configuration from elsewhere into a search space."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tuner.search.domain import OUTSIDE, Domain, find_equal
from tuner.search.literature import OWN_KEYS
from tuner.search.space import SearchSpace, Values
from tuner.trial.records import Scalar

_GROUPS = ("optimizer", "schedule", "training")
"""Groups that are transferred; model and data are the sweep's own."""

_WITHOUT_EFFECT = ("training.save_state", "training.profile")


@dataclass(frozen=True, kw_only=True)
class DroppedValue:
    """A value that is not transferred."""

    key: str
    """Override key."""
    value: Scalar
    """Value in the configuration from elsewhere."""
    domain: Domain | None = None
    """Domain without the value; None if the reason is another one."""
    parent: str = ""
    """Key of its condition whose own value was dropped; empty if the reason is another one."""
    instead: Scalar = None
    """Value that all trials have, for a key that is not searched."""


@dataclass(frozen=True, kw_only=True)
class TransferredPoint:
    """A point of a search space, and the values that were left behind."""

    point: Mapping[str, Scalar]
    """Searched key to value, as its domain has it; other keys are drawn."""
    dropped: tuple[DroppedValue, ...] = ()
    """Searched keys whose value is not in the space."""
    unsearched: tuple[DroppedValue, ...] = ()
    """Keys that are not searched and have another value here."""


def transfer_point(space: SearchSpace, values: Values, untuned: Values) -> TransferredPoint:
    """Return the part of a configuration that a search space can take.

    Args:
        space: Search space of the sweep.
        values: Key to value of the configuration; groups by their option.
        untuned: Key to value of the search's untuned default, likewise.
    """
    point = space.within(values)
    return TransferredPoint(
        point=point,
        dropped=tuple(_dropped(space, values, point)),
        unsearched=tuple(
            DroppedValue(key=key, value=value, instead=untuned[key])
            for key, value in sorted(values.items())
            if _is_transferable(key)
            and key in untuned
            and key not in space.keys
            and find_equal((untuned[key],), value) is OUTSIDE
        ),
    )


def _dropped(space: SearchSpace, values: Values, point: Values) -> Iterator[DroppedValue]:
    missing = {key for key in space.keys if key in values and key not in point}
    for key in space.keys:
        if key not in missing:
            continue
        for dimension in space.of(key):
            parent = next((each for each in dimension.when if each in missing), "")
            if space.active(dimension, point):
                yield DroppedValue(key=key, value=values[key], domain=dimension.domain)
                break
            if parent:
                yield DroppedValue(key=key, value=values[key], parent=parent)
                break


def _is_transferable(key: str) -> bool:
    group = key.partition(".")[0]
    return (group in _GROUPS and key not in _WITHOUT_EFFECT) or key in OWN_KEYS
