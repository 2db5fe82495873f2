"""Temperature of probabilities (Guo et al. 2017): fitted on rows, judged on others."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from tuner.tasks.probability_scores import calibration_error
from tuner.tasks.row_losses import cross_entropy, softmax

Floats = NDArray[np.float64]

LIMITS = (0.01, 100.0)
"""Temperatures to choose from; where every row is right, the lowest would be 0."""

PARTS = 5
"""Parts of the rows, each of which is judged by the temperature of the others."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Temperature of a model, and how far its probabilities are from the shares of right ones."""

    temperature: float
    """Number by which logits are divided, fitted on all rows."""

    error: float
    """Expected calibration error without it."""

    calibrated_error: float
    """The same with it, each part of the rows by the temperature of the others."""


def calibrate(logits: Floats, labels: NDArray[np.integer]) -> Calibration:
    """Return the temperature of the least cross-entropy, and the calibration error with it.

    Args:
        logits: Logits of labels that exclude one another, shape (rows, labels).
        labels: Number of the true label, shape (rows,).
    """
    true = labels[:, None] == np.arange(logits.shape[1])
    part = np.arange(len(logits)) % PARTS
    cooled = np.array(logits, np.float64)
    for each in np.unique(part):
        others = part != each
        if others.any():
            cooled[~others] /= temperature(logits[others], labels[others])
    return Calibration(
        temperature=temperature(logits, labels),
        error=calibration_error(softmax(logits), true)[0],
        calibrated_error=calibration_error(softmax(cooled), true)[0],
    )


def temperature(logits: Floats, labels: NDArray[np.integer]) -> float:
    """Return the number that logits are divided by for the least cross-entropy, see `calibrate`.

    The loss is convex in its inverse, so that the minimum is the only one.
    """

    def loss(logarithm: float) -> float:
        return float(cross_entropy(logits / math.exp(logarithm), labels).mean())

    low, high = map(math.log, LIMITS)
    found = minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-6})
    return math.exp(found.x)


def tempered(probability: float, temperature: float) -> float:
    """Return the sigmoid of a logit divided by a temperature, from the sigmoid of the logit."""
    if probability in (0.0, 1.0):
        return probability
    logit = math.log(probability) - math.log1p(-probability)
    return 1.0 / (1.0 + math.exp(-logit / temperature))
