"""The trials that wait in a study before any is drawn."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tuner.core.space import SearchSpace
from tuner.core.trial import Scalar
from tuner.study.ledger import Points
from tuner.study.parameters import fixed


@dataclass(frozen=True, kw_only=True)
class First:
    """Values of some searched keys for the first trials; the others are drawn.

    Attributes:
        always: Also of a study that there is, unless they were added before.
        if_new: After those, where the study is made now.
    """

    always: Points = ()
    if_new: Points = ()


def waiting(
    first: First,
    space: SearchSpace,
    defaults: Mapping[str, Scalar],
    sampler: Mapping[str, Any] | None,
) -> First:
    """All that waits, by the names of dimensions.

    Trial 0 is the untuned default; all points of a grid are among the others, shuffled.

    Args:
        first: Given by the user.
        space: What is searched.
        defaults: Value of each searched key in the untuned default configuration.
        sampler: Group `sampler`; None: there are no trials but the first ones.
    """
    points = [defaults, *first.always]
    if sampler is not None and sampler["name"] == "grid":
        grid = space.grid(sampler["points_per_interval"])
        random.Random(sampler["seed"]).shuffle(grid)  # noqa: S311
        points += [point for point in grid if point not in points]
    return First(
        always=[fixed(space, point) for point in points],
        if_new=[fixed(space, point) for point in first.if_new],
    )
