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
        loss_error: Standard error of that mean, over the rows; 0 for a single one.
        confusion: Rows true, columns predicted.
        examples: How many rows.
    """

    loss: float
    loss_error: float
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

    def evaluate(
        self, split: Split, rows: np.ndarray, fixed: np.ndarray, batch_size: int
    ) -> tuple[Evaluation, Evaluation]:
        """Loss and confusion matrix over some rows, and over a part of them.

        Args:
            split: Where the rows are.
            rows: Row numbers, ascending, each counted once.
            fixed: The part: row numbers that are among `rows`.
            batch_size: Rows in one forward pass; decides the speed alone.

        Returns:
            Of all rows, and of the part; each row is computed once.
        """
        logits = self.logits(split, rows, batch_size).astype(np.float64)
        places = np.searchsorted(rows, fixed)
        return (
            scores(logits, split.labels[rows]),
            scores(logits[places], split.labels[fixed]),
        )


def scores(logits: np.ndarray, labels: np.ndarray) -> Evaluation:
    """Loss and confusion matrix of some rows.

    Args:
        logits: Float64 [rows, labels].
        labels: True label number of each row, [rows].
    """
    rows, names = logits.shape
    confusion = np.zeros((names, names), np.int64)
    np.add.at(confusion, (labels, logits.argmax(axis=1)), 1)
    losses = cross_entropy(logits, labels)
    return Evaluation(
        loss=float(np.mean(losses)),
        loss_error=float(np.std(losses, ddof=1) / np.sqrt(rows)) if rows > 1 else 0.0,
        confusion=confusion.tolist(),
        examples=rows,
    )


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Cross-entropy of each row in nats, float64 [rows]."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=1))
    losses: np.ndarray = log_sum - shifted[np.arange(len(labels)), labels]
    return losses
