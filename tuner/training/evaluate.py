"""Validation: every row exactly once, whatever the batch size."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from tuner.training.model import Classifier
from tuner.training.update import IDS, ROWS


class Split(Protocol):
    """Tokenised rows; `tuner.data.TokenizedSplit` is one."""

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each row."""

    @property
    def labels(self) -> np.ndarray:
        """Label number of each row, int32."""

    def pad(
        self, rows: np.ndarray, length_multiple: int = 1
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Token ids, token types (both int32 [rows, tokens]) and lengths of some rows."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Scores on some rows.

    Attributes:
        loss: Mean cross-entropy in nats.
        confusion: Rows true, columns predicted.
        examples: How many rows.
    """

    loss: float
    confusion: list[list[int]]
    examples: int


class Evaluator:
    """Runs a classifier without dropout; traced once for all batch sizes and lengths."""

    def __init__(self, classifier: Classifier) -> None:
        self._labels = classifier.labels
        self.traces = 0

        def forward(ids: tf.Tensor, types: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
            self.traces += 1
            return classifier.logits(ids, types, lengths, training=False)

        self._forward: Any = tf.function(
            forward, input_signature=[IDS, IDS, ROWS], autograph=False
        )

    def logits(self, split: Split, rows: np.ndarray, batch_size: int) -> np.ndarray:
        """Logits of some rows in their order, float32 [rows, labels]."""
        order = np.argsort(split.lengths[rows], kind="stable")
        out = np.empty((len(rows), self._labels), np.float32)
        for start in range(0, len(rows), batch_size):
            places = order[start : start + batch_size]
            ids, types, tokens = split.pad(rows[places])
            out[places] = self._forward(ids, types, tokens.astype(np.int32)).numpy()
        return out

    def evaluate(self, split: Split, rows: np.ndarray, batch_size: int) -> Evaluation:
        """Loss and confusion matrix over some rows.

        Args:
            split: Where the rows are.
            rows: Row numbers, each counted once.
            batch_size: Rows in one forward pass; decides the speed alone.
        """
        logits = self.logits(split, rows, batch_size).astype(np.float64)
        labels = split.labels[rows]
        confusion = np.zeros((self._labels, self._labels), np.int64)
        np.add.at(confusion, (labels, logits.argmax(axis=1)), 1)
        return Evaluation(
            loss=float(np.mean(cross_entropy(logits, labels))),
            confusion=confusion.tolist(),
            examples=len(rows),
        )


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Cross-entropy of each row in nats, float64 [rows]."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=1))
    losses: np.ndarray = log_sum - shifted[np.arange(len(labels)), labels]
    return losses
