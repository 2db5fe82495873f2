"""Scores of sets of labels: predicted and true ones, bool arrays of shape (rows, labels)."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.tasks.association import bounded
from tuner.tasks.confusion import binomial_error as share_error

__all__ = [
    "association",
    "best_constant",
    "best_thresholds",
    "binary_cross_entropy",
    "f1",
    "probabilities",
    "share_error",
]

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

_ALMOST_NONE = 1e-12
"""Standard error that is rounding alone."""


def probabilities(outputs: Floats) -> Floats:
    """Return the sigmoid of logits."""
    small = np.exp(-np.abs(outputs))
    return np.where(outputs >= 0.0, 1.0, small) / (1.0 + small)


def binary_cross_entropy(outputs: Floats, targets: NDArray[Any]) -> Floats:
    """Return the loss of each row in nats, mean over the labels, shape (rows,)."""
    losses = np.maximum(outputs, 0.0) - outputs * targets + np.log1p(np.exp(-np.abs(outputs)))
    result: Floats = losses.mean(axis=1)
    return result


def f1(found: Bools, true: Bools, *, per_label: bool) -> tuple[float, float]:
    """Return F1 and its standard error over the drawing of the rows, by the delta method.

    Args:
        found: Predicted labels.
        true: True labels.
        per_label: True for the mean over the labels, of which those that neither occur nor are
            predicted are left out; False for all decisions together.
    """
    hits, all_ = 2.0 * (found & true), found.astype(float) + true
    if not per_label:
        hits, all_ = hits.sum(axis=1, keepdims=True), all_.sum(axis=1, keepdims=True)
    met = all_.any(axis=0)
    if not met.any():
        return 0.0, 0.0
    hits, all_ = hits[:, met], all_[:, met]
    means = all_.mean(axis=0)
    scores = hits.mean(axis=0) / means
    influence = ((hits - scores * all_) / means).mean(axis=1)
    rows = len(found)
    error = float(influence.std(ddof=1)) / math.sqrt(rows) if rows > 1 else 0.0
    if error < _ALMOST_NONE:
        # Where all rows are right the linear term vanishes; the subset accuracy has an error.
        error = share_error(float((found == true).all(axis=1).mean()), rows)
    return float(scores.mean()), error


def best_thresholds(shares: Floats, true: Bools, *, per_label: bool) -> Any:
    """Return the thresholds of the largest F1 on these rows.

    Args:
        shares: Probability of each label.
        true: True labels.
        per_label: True for one per label; False for a single one of the largest micro-F1.

    Returns:
        A number, or an array of shape (labels,); 0.5 where no label is true.
    """
    if per_label:
        return np.array([_best(shares[:, k], true[:, k]) for k in range(true.shape[1])])
    return _best(shares.ravel(), true.ravel())


def _best(shares: Floats, true: Bools) -> float:
    """Midpoint below the last probability that is worth a prediction."""
    if not true.any() or not np.isfinite(shares).all():
        return 0.5
    order = np.argsort(-shares, kind="stable")
    values, hits = shares[order], np.cumsum(true[order])
    scores = 2.0 * hits / (np.arange(1, len(values) + 1) + true.sum())
    # Equal probabilities are predicted together.
    scores[:-1][values[:-1] == values[1:]] = -1.0
    last = int(scores.argmax())
    following = values[last + 1] if last + 1 < len(values) else 0.0
    return float((values[last] + following) / 2.0)


def best_constant(true: Bools) -> Bools:
    """Return the set of labels of the largest micro-F1 if it is predicted for every row."""
    counts = true.sum(axis=0)
    order = np.argsort(-counts, kind="stable")
    sizes = np.arange(1, len(order) + 1)
    scores = 2.0 * np.cumsum(counts[order]) / (sizes * len(true) + counts.sum())
    chosen = np.zeros(len(order), bool)
    chosen[order[: int(scores.argmax()) + 1]] = True
    return chosen


def association(shares: Floats, true: Bools) -> float:
    """Return the evidence that probabilities and true labels go together.

    The sum of the true labels' probabilities, if these were dealt out to the rows at random, has
    the variance of a linear permutation statistic (Hoeffding 1951). Predicted labels would not
    do: their thresholds are chosen on the same rows.

    Returns:
        Standard normal where they are independent; 0 where nothing can be said.
    """
    rows = len(true)
    if rows < 2 or not np.isfinite(shares).all():  # noqa: PLR2004
        return 0.0
    here, there = shares - shares.mean(axis=0), true - true.mean(axis=0)
    variance = float(((here.T @ here) * (there.T @ there)).sum()) / (rows - 1)
    if variance <= 1e-12:  # noqa: PLR2004
        return 0.0
    return bounded(float((here * there).sum()) / math.sqrt(variance))
