"""Scores of probabilities of labels that exclude one another, with their standard errors."""

import math

import numpy as np
from numpy.typing import NDArray

from tuner.tasks.row_losses import mean_with_errors

Floats = NDArray[np.float64]

BINS = 15
"""Bins of equal width between 0 and 1 for the calibration error (Guo et al. 2017)."""

WORST_BRIER = 2.0
"""Brier score of certainty in a wrong one of three labels or more."""


def brier(shares: Floats, true: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the Brier score and its standard error.

    It is the squared error of the probabilities, summed over the labels; of two labels one is
    counted, as by scikit-learn.

    Args:
        shares: Probability of each label, shape (rows, labels).
        true: True labels, of the same shape.

    Returns:
        `WORST_BRIER` and 0 where a probability is not finite.
    """
    if not np.isfinite(shares).all():
        return WORST_BRIER, 0.0
    two = shares.shape[1] == 2  # noqa: PLR2004
    losses = ((shares - true) ** 2).sum(axis=1) / (2.0 if two else 1.0)
    value, error, _ = mean_with_errors(losses)
    return value, error


def calibration_error(shares: Floats, true: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the expected calibration error and its standard error.

    It is the mean distance of accuracy and confidence over `BINS` bins of the largest
    probability, weighted by their rows. A bin includes its upper bound.

    Args:
        shares: Probability of each label, shape (rows, labels).
        true: True labels, of the same shape.

    Returns:
        1 and 0 where a probability is not finite. The standard error takes the sign of each bin's
        distance as known (delta method): it is too large where the model is calibrated.
    """
    if not np.isfinite(shares).all():
        return 1.0, 0.0
    rows = len(shares)
    top = shares.argmax(axis=1)[:, None]
    confidence = np.take_along_axis(shares, top, axis=1)[:, 0]
    gaps = np.take_along_axis(true, top, axis=1)[:, 0] - confidence
    bins = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    sums = np.bincount(bins, weights=gaps, minlength=BINS)
    signed = np.sign(sums)[bins] * gaps
    value = float(np.abs(sums).sum() / rows)
    return value, float(np.std(signed)) / math.sqrt(rows)
