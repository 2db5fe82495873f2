"""An exponential moving average of the weights, which is evaluated and kept in their place."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

NUMBER = tf.TensorSpec((), tf.float32)


class Average:
    """The average of one model's weights; costs nothing, memory included, until it is used.

    After update t the average a becomes d a + (1 - d) w with d = min(decay, (1 + t) / (10 + t)),
    as in `tf.train.ExponentialMovingAverage`; it begins at the weights before the first update.
    The smaller decay of the first updates is what makes it of use in a fine-tune of a few
    hundred.

    Attributes:
        traces: Number of times that TensorFlow traced it, for tests.
    """

    def __init__(self, variables: Sequence[tf.Variable]) -> None:
        """Averages nothing until `reset`.

        Args:
            variables: The weights.
        """
        self._variables = list(variables)
        self._averages: list[tf.Variable] = []
        self._decay: float | None = None
        self._mix: Any = tf.function(self._trace, input_signature=[NUMBER], autograph=False)
        self.traces = 0

    def reset(self, decay: float | None) -> None:
        """Starts a trial, after its weights were put in place.

        Args:
            decay: 0 to 1; None for no average.
        """
        self._decay = decay
        if decay is None:
            return
        if not self._averages:
            self._averages = [tf.Variable(v, trainable=False) for v in self._variables]
        for average, variable in zip(self._averages, self._variables, strict=True):
            average.assign(variable)

    @property
    def values(self) -> list[tf.Variable]:
        """The averages; none where nothing is averaged."""
        return [] if self._decay is None else self._averages

    def update(self, update: int) -> None:
        """Takes in the weights after an update, counted from 1; not after a skipped one."""
        if self._decay is not None:
            self._mix(1.0 - min(self._decay, (1 + update) / (10 + update)))

    def exchange(self) -> None:
        """Exchange the weights and their average; doing it again undoes it."""
        if self._decay is None:
            return
        for average, variable in zip(self._averages, self._variables, strict=True):
            kept = tf.identity(variable)
            variable.assign(average)
            average.assign(kept)

    def _trace(self, share: tf.Tensor) -> None:
        self.traces += 1
        for average, variable in zip(self._averages, self._variables, strict=True):
            average.assign_add(share * (variable - average))
