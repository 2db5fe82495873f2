"""Scores of an order of the rows by the probability of each label, with their standard errors.

Each label is judged against all others, and labels weigh the same in the mean. A standard error
follows from the rows' influence on the score (delta method): for one label's AUROC that is the
error of DeLong et al. (1988).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tuner.tasks.confusion import binomial_error

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_ALMOST_NONE = 1e-12

NO_ORDER = 0.5
"""AUROC where no label has both rows with it and rows without it."""


def auroc(shares: Floats, true: Bools) -> tuple[float, float]:
    """Return the mean area under the ROC curve of each label, and its standard error.

    Labels that no row has, or every row, have no curve and are left out; without any curve the
    area is `NO_ORDER`.

    Args:
        shares: Probability of each label, shape (rows, labels).
        true: True labels, of the same shape.

    Returns:
        0 and 0 where a probability is not finite.
    """
    if not np.isfinite(shares).all():
        return 0.0, 0.0
    met = true.any(axis=0) & ~true.all(axis=0)
    return _mean(_auroc, shares[:, met], true[:, met]) if met.any() else (NO_ORDER, 0.0)


def average_precision(shares: Floats, true: Bools) -> tuple[float, float]:
    """Return the mean average precision of the labels that occur, and its standard error.

    Args:
        shares: Probability of each label, shape (rows, labels).
        true: True labels, of the same shape.

    Returns:
        0 and 0 where no label occurs or a probability is not finite.
    """
    met = true.any(axis=0)
    if not met.any() or not np.isfinite(shares).all():
        return 0.0, 0.0
    return _mean(_average_precision, shares[:, met], true[:, met])


def _mean(
    score: Callable[["_Order"], tuple[float, Floats]], shares: Floats, true: Bools
) -> tuple[float, float]:
    """Mean of a score over labels, and its standard error over the drawing of the rows."""
    rows, labels = true.shape
    values, influence = [], np.zeros(rows)
    columns = zip(np.ascontiguousarray(shares.T), np.ascontiguousarray(true.T), strict=True)
    for probabilities, has_it in columns:
        order = np.argsort(probabilities)
        value, of_rows = score(_ordered(probabilities[order], has_it[order]))
        values.append(value)
        influence[order] += of_rows / labels
    mean = math.fsum(values) / labels
    error = float(np.sqrt(np.mean(influence**2) / rows))
    # Where the order is perfect no row has an influence; a share's error is of the same size.
    return mean, error if error > _ALMOST_NONE else binomial_error(mean, rows)


@dataclass(frozen=True, kw_only=True)
class _Order:
    """Rows by the probability of one label, from small to large; equal ones are a group."""

    true: Bools
    """True where a row has the label."""

    first: Integers
    """Place of the first row of each row's group."""

    end: Integers
    """Place behind the last row of each row's group."""

    hits: Integers
    """Rows with the label before each place, and before the end."""


def _ordered(shares: Floats, true: Bools) -> _Order:
    new = np.append(True, shares[1:] != shares[:-1])
    places = np.append(np.flatnonzero(new), len(shares))
    group = np.cumsum(new)
    hits = np.append(0, np.cumsum(true))
    return _Order(true=true, first=places[group - 1], end=places[group], hits=hits)


def _auroc(rows: _Order) -> tuple[float, Floats]:
    """Area under the curve, and the influence of each row."""
    with_it, without = rows.hits[-1], len(rows.true) - rows.hits[-1]
    # Twice the rows below with the label, and twice those without it; ties count once.
    hits = rows.hits[rows.first] + rows.hits[rows.end]
    others = rows.first + rows.end - hits
    right = np.where(rows.true, others / (2.0 * without), 1.0 - hits / (2.0 * with_it))
    value = float(right[rows.true].mean())
    return value, (right - value) * len(rows.true) / np.where(rows.true, with_it, without)


def _average_precision(rows: _Order) -> tuple[float, Floats]:
    """Average precision, and the influence of each row."""
    total, with_it = len(rows.true), rows.hits[-1]
    predicted = total - rows.first
    precision = (with_it - rows.hits[rows.first]) / predicted
    value = float(precision[rows.true].mean())
    # A row counts in the precision at its own place and at those below.
    counts = np.append(0.0, np.cumsum(rows.true / predicted))[rows.end]
    shares = np.append(0.0, np.cumsum(rows.true * precision / predicted))[rows.end]
    influence = np.where(rows.true, precision - value + counts, 0.0) - shares
    return value, influence * total / with_it
