"""Stratified splits and subsets, decided by `data.seed` and the labels alone."""

from collections.abc import Sequence
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class Purpose(IntEnum):
    """What rows are drawn for; each draws from a random stream of its own."""

    SPLIT = 0
    TRAIN = 1
    VALIDATION = 2
    INTERIM = 3


def stratified_order(
    labels: Sequence[str] | NDArray[np.int32],
    seed: int,
    purpose: Purpose,
    *,
    keep_one_back: bool = False,
) -> NDArray[np.int64]:
    """An order of all rows whose every beginning has the labels in the shares of the whole.

    Rows of a label are shuffled and then spread evenly: the j-th of its n rows stands at
    (j + 1/2) / n of the way, ties in random order. One row of each label comes first of all, so
    that no label is missing from a beginning that has room for it. A longer beginning holds every
    shorter one.

    Args:
        labels: One per row.
        seed: `data.seed`.
        purpose: Which random stream.
        keep_one_back: One row of each label comes last of all instead, and only labels with two
            rows or more come first: a beginning then leaves every label something.

    Returns:
        Row indices; shape [rows].
    """
    random = np.random.default_rng([seed, purpose])
    values = np.asarray(labels)
    shuffled = random.permutation(len(values))
    _, groups, counts = np.unique(values[shuffled], return_inverse=True, return_counts=True)
    rank = _rank_in_group(groups, counts)
    position = (rank + 0.5) / counts[groups]
    position[rank == 0] = -1.0
    if keep_one_back:
        position[rank == counts[groups] - 1] = 2.0
    # A stable sort: equal places keep the order of the shuffle.
    return shuffled[np.argsort(position, kind="stable")]


def _rank_in_group(groups: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many rows of the same group stand before each row; shape [rows]."""
    by_group = np.argsort(groups, kind="stable")
    starts = np.cumsum(counts) - counts
    rank = np.empty(len(groups), np.int64)
    rank[by_group] = np.arange(len(groups)) - np.repeat(starts, counts)
    return rank


def validation_rows(count: int, labels: int, fraction: float) -> int:
    """How many of `count` rows are held out: the share, but one at least and one a label left."""
    return max(1, min(round(count * fraction), count - labels))
