"""A few points that together cover all corners of a search space."""

from collections.abc import Iterator, Mapping

from tuner.search.space import Dimension, SearchSpace, contains, corners
from tuner.trial.records import Scalar


def covering_points(space: SearchSpace) -> Iterator[dict[str, Scalar]]:
    """Yield points with both ends of every interval and every value of every choice.

    If possible, points reuse combinations of choices that came before, since a new combination of
    options is slow to compose.
    """
    covered: set[tuple[str, Scalar]] = set()
    before: list[dict[str, Scalar]] = []
    for target in space.dimensions:
        for value in corners(target.domain):
            if (target.name, value) not in covered:
                wanted = {**_conditions(space, target), target.key: value}
                before.append(_point(space, wanted, covered, before))
                # If the conditions cannot be met, there is no such point.
                covered.add((target.name, value))
                yield before[-1]


def _point(
    space: SearchSpace,
    wanted: Mapping[str, Scalar],
    covered: set[tuple[str, Scalar]],
    before: list[dict[str, Scalar]],
) -> dict[str, Scalar]:
    """Return a point with the wanted values; free dimensions take corners not met before."""
    values: dict[str, Scalar] = {}
    for dimension in space.dimensions:
        if space.active(dimension, values):
            known = {**wanted, **values}
            key = dimension.key
            value = known[key] if key in known else _free(dimension, known, covered, before)
            covered.add((dimension.name, value))
            values[key] = value
    return values


def _free(
    dimension: Dimension,
    known: Mapping[str, Scalar],
    covered: set[tuple[str, Scalar]],
    before: list[dict[str, Scalar]],
) -> Scalar:
    ends = corners(dimension.domain)
    for end in ends:
        if (dimension.name, end) not in covered:
            return end
    # Keys without a dot are groups.
    groups = {key: value for key, value in known.items() if "." not in key}
    for point in before:
        if point.get(dimension.key) in ends and groups.items() <= point.items():
            return point[dimension.key]
    return ends[0]


def _conditions(space: SearchSpace, target: Dimension) -> dict[str, Scalar]:
    """Return values of other keys under which the target is active."""
    wanted: dict[str, Scalar] = {}
    for key, allowed in target.when.items():
        for parent in space.of(key):
            possible = [value for value in allowed if contains(parent.domain, value)]
            if possible:
                wanted = {**_conditions(space, parent), key: possible[0], **wanted}
                break
    return wanted
