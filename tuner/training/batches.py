"""Rows of each update: a new order every epoch, grouped by length.

Effective batches are formed first and cut into micro-batches after, so that every way to make up
the same effective batch meets the same examples at the same update.
"""

from collections.abc import Callable, Iterator

import numpy as np

from tuner.trial.budget import Budget

WINDOW_ROWS = 1024
"""Rows sorted by length together, unless asked otherwise: 2 % of the tokens of short reviews are
padding at a batch of 16, 4 % at 32, and 44 and 48 % without grouping (docs/performance.md)."""

_ORDER_STREAM = 0
"""Keeps these random numbers apart from those of the head (see model.py)."""


def updates(
    lengths: np.ndarray,
    budget: Budget,
    seed: int,
    pool: Callable[[int], np.ndarray] | None = None,
    *,
    window: int = WINDOW_ROWS,
) -> Iterator[np.ndarray]:
    """The rows of each update of the whole budget, in order.

    Args:
        lengths: Tokens of each training row.
        budget: Says how many passes, and how many examples an update has.
        seed: The trial's; with the epoch it decides the order.
        pool: Epoch (counted from 0) to the rows that it has, as many as there are training rows;
            None: each row once.
        window: Rows sorted by length together, in whole updates; 1: no grouping.

    Yields:
        `budget.total_updates` arrays of row numbers, longest rows last within each.
    """
    whole, rest = divmod(budget.total_examples, budget.train_examples)
    for epoch in range(whole + bool(rest)):
        yield from epoch_updates(
            lengths,
            budget.effective_batch,
            seed=seed,
            epoch=epoch,
            rows=rest if epoch == whole else None,
            pool=None if pool is None else pool(epoch),
            window=window,
        )


def epoch_updates(
    lengths: np.ndarray,
    effective_batch: int,
    *,
    seed: int,
    epoch: int,
    rows: int | None = None,
    pool: np.ndarray | None = None,
    window: int = WINDOW_ROWS,
) -> list[np.ndarray]:
    """The updates of one epoch: its rows once each, the leftover ones as a smaller last update.

    Args:
        lengths: Tokens of each training row.
        effective_batch: Examples in one update.
        seed: The trial's.
        epoch: Counted from 0.
        rows: Only the first so many rows of the epoch's order; None for all.
        pool: The rows that the epoch has, some perhaps repeated; None: each training row once.
        window: Rows sorted by length together, in whole updates; 1: no grouping. Rows come into
            windows, and the updates of a window into their order, by chance.
    """
    random = np.random.default_rng([seed, _ORDER_STREAM, epoch])
    order = random.permutation(len(lengths) if pool is None else len(pool))[:rows]
    if pool is not None:
        order = pool[order]
    full = len(order) // effective_batch * effective_batch
    leftover = order[full:]
    size = max(1, window // effective_batch) * effective_batch
    batches: list[np.ndarray] = []
    for start in range(0, full, size):
        part = order[start : min(start + size, full)]
        part = part[np.argsort(lengths[part], kind="stable")]
        groups = part.reshape(-1, effective_batch)
        batches.extend(groups[random.permutation(len(groups))])
    if len(leftover):
        batches.append(leftover[np.argsort(lengths[leftover], kind="stable")])
    return batches


def micro_batches(rows: np.ndarray, batch_size: int) -> list[np.ndarray]:
    """Split one update's rows into micro-batches; the last may be smaller."""
    return [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]
