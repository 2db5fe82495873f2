"""Treatment of labels of uneven frequency: weights of labels, or repeated rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tuner.data.labels import given_weights

_OVERSAMPLING_STREAM = 3
"""Keeps these random numbers apart from those of batches.py and model.py."""


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
    proportional to w (f (1 - e) + e / K). See `tuner.training.loss` for the loss itself.

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


class BalancedRows:
    """The rows of each epoch, every label equally often, as many as there are training rows.

    Each label has an endless line of its own rows, shuffled pass by pass, and every epoch takes
    the next of them: a row is met again only after all others of its label were. So the rows of
    rare labels are repeated within an epoch, and those of frequent ones take turns over the
    epochs. An epoch's size stays what it is, and with it budget, evaluation points and the time
    that a trial takes: trials with and without differ in nothing but the rows.
    """

    def __init__(self, labels: np.ndarray, seed: int) -> None:
        """Draws nothing yet.

        Args:
            labels: Label number of each training row.
            seed: The trial's; decides all rows.
        """
        numbers = np.unique(labels)
        self._size = len(labels)
        self._rows = [np.flatnonzero(labels == number) for number in numbers]
        self._seed = seed

    def epoch(self, epoch: int) -> np.ndarray:
        """Row numbers of one epoch (counted from 0), grouped by label, [training rows]."""
        return np.concatenate(
            [
                self._line(label, self._taken(label, epoch), self._taken(label, epoch + 1))
                for label in range(len(self._rows))
            ]
        )

    def _taken(self, label: int, epochs: int) -> int:
        """Rows of a label met in so many epochs; labels take turns in having one more."""
        labels = len(self._rows)
        return (epochs * self._size + labels - 1 - label) // labels

    def _line(self, label: int, start: int, stop: int) -> np.ndarray:
        """A stretch of a label's endless line."""
        rows = self._rows[label]
        first, last = start // len(rows), -(-stop // len(rows))
        passes = [
            np.random.default_rng([self._seed, _OVERSAMPLING_STREAM, label, number]).permutation(
                rows
            )
            for number in range(first, last)
        ]
        line = np.concatenate([*passes, rows[:0]])
        return line[start - first * len(rows) : stop - first * len(rows)]
