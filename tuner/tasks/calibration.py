"""Temperature of probabilities (Guo et al. 2017): fitted on rows, judged on others."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from tuner.tasks.probability_scores import calibration_error
from tuner.tasks.records import Decisions
from tuner.tasks.row_losses import cross_entropy, softmax

Floats = NDArray[np.float64]

LIMITS = (0.05, 100.0)
"""Temperatures to choose from; below, moved thresholds and probabilities round to 1."""

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


def calibrate(decisions: Decisions) -> Calibration:
    """Return the temperature of the least cross-entropy, and the calibration error with it."""
    logits, labels = np.asarray(decisions.logits), np.asarray(decisions.labels)
    true = labels[:, None] == np.arange(logits.shape[1])
    part = np.asarray(decisions.rows) % PARTS
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
    """Return the number that logits are divided by for the least cross-entropy.

    The loss is convex in its inverse, so that the minimum is the only one. Where every decision
    is right there is none, as the loss falls down to a temperature of 0: then it is 1.

    Args:
        logits: Logits of labels that exclude one another, shape (decisions, labels).
        labels: Number of the true label, shape (decisions,).
    """
    if (logits.argmax(axis=1) == labels).all():
        return 1.0

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
