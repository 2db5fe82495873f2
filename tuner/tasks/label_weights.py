"""Weights of labels in the training loss, and the constant guess that they lead to."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tuner.tasks.labels import given_weights
from tuner.tasks.records import Baseline


def class_weights(
    setting: Any, labels: Sequence[str], numbers: np.ndarray, oversample: str = "none"
) -> np.ndarray | None:
    """The weight of each label in the training loss.

    Args:
        setting: `training.class_weights`; `balanced` means rows / (labels x rows of the label),
            as in scikit-learn.
        labels: Their names, in the order of their numbers.
        numbers: Label number of each training row.
        oversample: `training.oversample`; balanced rows need no weight, so that both together
            do not correct twice.

    Returns:
        Float64 [labels], or None where all weigh 1.

    Raises:
        InputError: A mapping that names other labels than the data has.
    """
    if setting == "none":
        return None
    if setting == "balanced":
        counts = np.bincount(numbers, minlength=len(labels))
        if oversample == "balanced":
            return None
        # A label without training rows weighs nothing: no row ever asks for its weight.
        return np.where(counts > 0, len(numbers) / (len(labels) * np.maximum(counts, 1)), 0.0)
    given = given_weights(setting, labels)
    return np.array([given[label] for label in labels])


def trained_guess(
    guess: Baseline,
    numbers: np.ndarray,
    rows: np.ndarray,
    weights: np.ndarray,
    *,
    smoothing: float = 0.0,
    oversample: str = "none",
) -> Baseline:
    """Return a constant guess with its losses where class weights, oversampling and smoothing act.

    Args:
        guess: Guess of a training without them.
        numbers: Label number of each training row.
        rows: Label numbers of the rows that every point evaluates.
        weights: Weight of each label, [labels].
        smoothing: `training.label_smoothing`.
        oversample: `training.oversample`.
    """
    # Balanced training draws each label equally often.
    drawn = np.unique(numbers) if oversample == "balanced" else numbers
    losses = [
        trained_loss(numbers, of, weights, smoothing=smoothing, oversample=oversample)
        for of in (rows, drawn)
    ]
    return replace(guess, trained_loss=losses[0], training=losses[1])


def trained_loss(
    numbers: np.ndarray,
    rows: np.ndarray,
    weights: np.ndarray,
    *,
    smoothing: float = 0.0,
    oversample: str = "none",
) -> float:
    """Plain cross-entropy of the constant guess that has the least training loss.

    A model that learns nothing of the text ends there. With smoothing e, K labels, the weight w
    of a label and its share f of the training rows, the guess gives a label a probability
    proportional to w (f (1 - e) + e / K). See `tuner.tasks.weighted_cross_entropy`.

    Args:
        numbers: Label number of each training row.
        rows: Label numbers of the rows that the loss is of, in nats.
        weights: Weight of each label, [labels].
        smoothing: `training.label_smoothing`.
        oversample: `training.oversample`; balanced rows have equal shares of all labels.

    Returns:
        The loss of equal shares where that is less: an untrained model has it already.
    """
    labels = len(weights)
    counts = np.bincount(numbers, minlength=labels)
    if oversample == "balanced":
        counts = (counts > 0).astype(np.int64)
    shares = weights * ((1.0 - smoothing) * counts / counts.sum() + smoothing / labels)
    with np.errstate(divide="ignore"):
        losses = np.log(shares.sum()) - np.log(shares)
    return float(min(losses[rows].mean(), np.log(labels)))
