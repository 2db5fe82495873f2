"""Stratified splits and subsets, determined by `data.seed` and the labels."""

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Purpose(IntEnum):
    """Purpose of a draw; each has a random stream of its own."""

    SPLIT = 0
    TRAIN = 1
    VALIDATION = 2
    INTERIM = 3
    HALVES = 4


def stratified_order(
    labels: Sequence[str] | NDArray[np.int32],
    seed: int,
    purpose: Purpose,
    *,
    keep_one_back: bool = False,
) -> NDArray[np.int64]:
    """Return an order of all rows in which every prefix has the labels in the shares of the whole.

    Rows of a label are shuffled and then spread evenly: the j-th of its n rows is at (j + 1/2) / n
    of the way, ties in random order. One row of each label comes first, so that no label is
    missing from a prefix that is long enough. A longer prefix contains every shorter one.

    Args:
        labels: Label of each row.
        seed: Value of `data.seed`.
        purpose: Purpose, which selects the random stream.
        keep_one_back: True to put one row of each label last instead, and only labels with two or
            more rows first: a prefix then leaves a row of every label.

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
    # The sort is stable: equal places keep the shuffled order.
    return shuffled[np.argsort(position, kind="stable")]


def grouped_order(
    groups: Sequence[Any], seed: int, purpose: Purpose, count: int
) -> tuple[NDArray[np.int64], int]:
    """Return a random order in which groups stay together, and where to cut it between two.

    Groups come before the cut in random order, each only if it brings the number of rows there
    nearer to `count`: at least one, and never all.

    Args:
        groups: Group of each row; two different ones at least.
        seed: Value of `data.seed`.
        purpose: Purpose, which selects the random stream.
        count: Wanted number of rows before the cut.

    Returns:
        Row indices; shape [rows]; and the number of rows before the cut.
    """
    random = np.random.default_rng([seed, purpose])
    numbers: dict[Any, int] = {}
    for group in groups:
        numbers.setdefault(group, len(numbers))
    places = random.permutation(len(numbers))
    of_row = places[np.array([numbers[group] for group in groups])]
    sizes = np.bincount(of_row)
    first = np.zeros(len(sizes), bool)
    cut = 0
    for place, size in enumerate(sizes.tolist()):
        if size < 2 * (count - cut) and cut + size < len(groups):
            first[place] = True
            cut += size
    if not cut:
        smallest = sizes.argmin()
        first[smallest], cut = True, int(sizes[smallest])
    return np.lexsort((of_row, ~first[of_row])), cut


def _rank_in_group(groups: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number of earlier rows of the same group for each row; shape [rows]."""
    by_group = np.argsort(groups, kind="stable")
    starts = np.cumsum(counts) - counts
    rank = np.empty(len(groups), np.int64)
    rank[by_group] = np.arange(len(groups)) - np.repeat(starts, counts)
    return rank


def validation_rows(count: int, labels: int, fraction: float) -> int:
    """Return how many rows are held out: the share, but at least one, leaving one per label."""
    return max(1, min(round(count * fraction), count - labels))
