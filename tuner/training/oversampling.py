"""Rows of rare labels repeated, so that every label is met equally often."""

import numpy as np

_OVERSAMPLING_STREAM = 3
"""Keeps these random numbers apart from those of batches.py and model.py."""


class BalancedRows:
    """The rows of each epoch, every label equally often, as many as there are training rows.

    Each label has an endless line of its own rows, shuffled pass by pass, and every epoch takes
    the next of them: a row is met again only after all others of its label were. So the rows of
    rare labels are repeated within an epoch, and those of frequent ones take turns over the
    epochs. An epoch's size stays what it is, and with it budget, evaluation points and the time
    that a trial takes: trials with and without differ in nothing but the rows.
    """

    def __init__(self, labels: np.ndarray, seed: int) -> None:
        """Take the labels; draw nothing yet.

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
