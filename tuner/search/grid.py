"""Points of a grid over a search space, each computed from its position."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from hashlib import blake2b
from itertools import pairwise

from tuner.search.domain import (
    OUTSIDE,
    Domain,
    FloatInterval,
    IntInterval,
    find_equal,
    member,
    points,
)
from tuner.search.space import Dimension, SearchSpace, Values
from tuner.trial.records import Scalar

_ROUNDS = 4
"""Rounds of a Feistel network after which its output looks random (Luby & Rackoff 1988)."""

_State = tuple[tuple[str, Scalar], ...]
"""Values that later conditions depend on."""


def is_finite(space: SearchSpace) -> bool:
    """Return True if the space has a finite number of points."""
    return not any(isinstance(each.domain, FloatInterval) for each in space.dimensions)


class Grid:
    """Points of the conditional grid over a space; none is kept in memory.

    Attributes:
        size: Number of points.
    """

    def __init__(self, space: SearchSpace, points_per_interval: int | None = None) -> None:
        """Count the points, in a time that does not depend on their number.

        Args:
            space: Search space of the sweep.
            points_per_interval: Number of points of each interval, at least 1, ends included,
                evenly spaced in its scale. A choice gives all its values, and so does a
                whole-number interval that is not logarithmic. None for every value of a finite
                space.

        Raises:
            ValueError: `points_per_interval` is below 1, or None for an infinite space.
        """
        if points_per_interval is not None and points_per_interval < 1:
            raise ValueError(
                f"points per interval is {points_per_interval}, but must be 1 or more"
            )
        if points_per_interval is None and not is_finite(space):
            raise ValueError("an interval of real numbers has no finite number of points")
        self._space = space
        self._branches = [
            _branches(dimension, _values(dimension.domain, points_per_interval), space)
            for dimension in space.dimensions
        ]
        self._counts: dict[tuple[int, _State], int] = {}
        self.size = self._count(0, {})

    def __iter__(self) -> Iterator[dict[str, Scalar]]:
        """Yield every point, in the order of positions."""
        return (self.point(position) for position in range(self.size))

    def has(self, values: Values) -> bool:
        """Return True if these are exactly the values of one point, in any form."""
        active = [
            (dimension, branches)
            for dimension, branches in zip(self._space.dimensions, self._branches, strict=True)
            if self._space.active(dimension, values)
        ]
        return {dimension.key for dimension, _ in active} == set(values) and all(
            self._is_among(dimension, branches, values[dimension.key])
            for dimension, branches in active
        )

    def _is_among(
        self, dimension: Dimension, branches: Sequence[Sequence[Scalar]], value: Scalar
    ) -> bool:
        found = member(dimension.domain, value)
        return found is not OUTSIDE and any(
            found in branch
            if isinstance(branch, range)
            else find_equal(branch, found) is not OUTSIDE
            for branch in branches
        )

    def point(self, position: int) -> dict[str, Scalar]:
        """Return the point at a position.

        Args:
            position: 0 to `size` - 1; the last dimension varies fastest.
        """
        values: dict[str, Scalar] = {}
        alike: dict[str, Scalar] = {}  # The first value of a branch represents all of them.
        for place, dimension in enumerate(self._space.dimensions):
            if not self._space.active(dimension, alike):
                continue
            for branch in self._branches[place]:
                block = self._count(place + 1, {**alike, dimension.key: branch[0]})
                if position < len(branch) * block:
                    index, position = divmod(position, block)
                    values[dimension.key] = branch[index]
                    alike[dimension.key] = branch[0]
                    break
                position -= len(branch) * block
        return values

    def _count(self, place: int, values: Values) -> int:
        """Return the number of points of the dimensions from a place on, given earlier values."""
        if place == len(self._space.dimensions):
            return 1
        state = tuple((key, values[key]) for key in self._needed[place] if key in values)
        if (place, state) not in self._counts:
            self._counts[place, state] = self._counted(place, dict(state))
        return self._counts[place, state]

    def _counted(self, place: int, values: Values) -> int:
        dimension = self._space.dimensions[place]
        if not self._space.active(dimension, values):
            return self._count(place + 1, values)
        return sum(
            len(branch) * self._count(place + 1, {**values, dimension.key: branch[0]})
            for branch in self._branches[place]
        )

    @cached_property
    def _needed(self) -> list[tuple[str, ...]]:
        """For each place, the keys that conditions from there on depend on."""
        dimensions = self._space.dimensions
        return [
            tuple(dict.fromkeys(key for later in dimensions[place:] for key in later.when))
            for place in range(len(dimensions))
        ]


def _values(domain: Domain, points_per_interval: int | None) -> Sequence[Scalar]:
    """Return the values of a domain; a range of whole numbers is not expanded."""
    if isinstance(domain, IntInterval) and (points_per_interval is None or not domain.log):
        return range(domain.low, domain.high + 1, domain.step)
    return points(domain, points_per_interval or 1)


def _branches(
    dimension: Dimension, values: Sequence[Scalar], space: SearchSpace
) -> list[Sequence[Scalar]]:
    """Split the values of a dimension so that those of one part meet the same conditions."""
    cuts = {0, len(values)}
    for value in (v for other in space.dimensions for v in other.when.get(dimension.key, ())):
        is_range = isinstance(values, range)
        found = member(dimension.domain, value) if is_range else find_equal(values, value)
        if found is not OUTSIDE:
            at = values.index(found)
            cuts |= {at, at + 1}
    ends = sorted(cuts)
    return [values[begin:end] for begin, end in pairwise(ends)]


class Shuffled:
    """A random order of the numbers below a size; none is kept in memory.

    A Feistel network over the next power of four, repeated until it reaches a number below the
    size (Black & Rogaway 2002).
    """

    def __init__(self, size: int, seed: int) -> None:
        """Prepare the order.

        Args:
            size: Number of numbers.
            seed: Seed of the order.
        """
        self._size = size
        self._seed = seed
        self._bits = max(1, ((size - 1).bit_length() + 1) // 2)

    def __getitem__(self, place: int) -> int:
        """Return the number at a place, 0 to `size` - 1."""
        if not 0 <= place < self._size:
            raise IndexError(place)
        number = self._mixed(place)
        while number >= self._size:
            number = self._mixed(number)
        return number

    def _mixed(self, number: int) -> int:
        mask = (1 << self._bits) - 1
        left, right = number >> self._bits, number & mask
        for turn in range(_ROUNDS):
            text = f"{self._seed} {turn} {right}".encode()
            left, right = right, left ^ (int.from_bytes(blake2b(text).digest()) & mask)
        return left << self._bits | right
