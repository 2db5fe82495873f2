"""A few points of a search space that together meet all of its corners."""

from collections.abc import Iterator

from tuner.core.space import Dimension, SearchSpace, corners
from tuner.core.trial import Scalar


def covering(space: SearchSpace) -> Iterator[dict[str, Scalar]]:
    """Points that together meet every corner of every dimension."""
    met: set[tuple[str, Scalar]] = set()
    for target in space.dimensions:
        for value in corners(target.domain):
            if (target.name, value) not in met:
                yield _sample(space, target, value, met)


def _sample(
    space: SearchSpace, target: Dimension, value: Scalar, met: set[tuple[str, Scalar]]
) -> dict[str, Scalar]:
    """A point with this value, and corners that were not met before everywhere else."""
    forced = _forced(space, target)
    values: dict[str, Scalar] = {}
    for dimension in space.dimensions:
        if not space.active(dimension, values):
            continue
        if dimension.name == target.name:
            chosen = value
        elif dimension.key in forced:
            chosen = forced[dimension.key]
        else:
            ends = corners(dimension.domain)
            chosen = next((end for end in ends if (dimension.name, end) not in met), ends[0])
        met.add((dimension.name, chosen))
        values[dimension.key] = chosen
    # A condition that can not be met makes the target unreachable; it is not met twice.
    met.add((target.name, value))
    return values


def _forced(space: SearchSpace, target: Dimension) -> dict[str, Scalar]:
    """Values of other keys under which the target is active."""
    forced: dict[str, Scalar] = {}
    for key, allowed in target.when.items():
        forced[key] = allowed[0]
        for parent in space.of(key):
            forced = {**_forced(space, parent), **forced}
    return forced
