"""Validation: every row exactly once, whatever the batch size."""

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from tuner.training.compiled import for_xla
from tuner.training.micro_batch import MicroBatch, bucket, fill
from tuner.training.model import Classifier
from tuner.training.row_losses import cross_entropy, error_within_labels
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
        examples: Number of rows.
        error_within_labels: Standard error of that mean over rows drawn label by label.
    """

    loss: float
    loss_error: float
    confusion: list[list[int]]
    examples: int
    error_within_labels: float


class Evaluator:
    """Runs a classifier without dropout; traced once for all batch sizes and lengths.

    Attributes:
        traces: Number of times that TensorFlow traced it, for tests.
    """

    def __init__(self, classifier: Classifier, *, compiled: bool = False) -> None:
        """Traces nothing yet.

        Args:
            classifier: Model to run.
            compiled: By XLA, for a GPU: once for each bucket of lengths. What is not compiled
                computes the shapes of its products on the device, and the host waits for each.
        """
        self._labels = classifier.labels
        self._compiled = compiled
        self.traces = 0

        def forward(ids: tf.Tensor, types: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
            self.traces += 1
            with for_xla() if compiled else nullcontext():
                return classifier.logits(ids, types, lengths, training=False)

        self._forward: Any = tf.function(
            forward,
            input_signature=[IDS, IDS, ROWS],
            jit_compile=compiled or None,
            autograph=False,
        )

    def logits(self, split: Split, rows: np.ndarray, batch_size: int) -> np.ndarray:
        """Logits of some rows in their order, float32 [rows, labels]."""
        order = np.argsort(split.lengths[rows], kind="stable")
        # A GPU computes the first of these while the host pads the next.
        cuts = [order[start : start + batch_size] for start in range(0, len(rows), batch_size)]
        made = [self._forward(*self._padded(split, rows[places], batch_size)) for places in cuts]
        out = np.empty((len(rows), self._labels), np.float32)
        for places, logits in zip(cuts, made, strict=True):
            out[places] = logits.numpy()[: len(places)]
        return out

    def _padded(
        self, split: Split, rows: np.ndarray, batch_size: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Inputs of a pass; where shapes are compiled, filled up to one of few."""
        ids, types, tokens = split.pad(rows)
        batch = MicroBatch(
            ids=ids, types=types, lengths=tokens.astype(np.int32), labels=split.labels[rows]
        )
        if not self._compiled:
            return batch.ids, batch.types, batch.lengths
        full = min(batch_size, len(split.labels))
        stack = fill([batch], (1, full, bucket(ids.shape[1])))
        return stack.ids[0], stack.types[0], stack.lengths[0]

    def evaluate(
        self, split: Split, rows: np.ndarray, fixed: np.ndarray, batch_size: int
    ) -> tuple[Evaluation, Evaluation]:
        """Loss and confusion matrix over some rows, and over a part of them.

        Args:
            split: Data with the rows.
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
    error = float(np.std(losses, ddof=1) / np.sqrt(rows)) if rows > 1 else 0.0
    within = error_within_labels(losses, labels)
    return Evaluation(
        loss=float(np.mean(losses)),
        loss_error=error,
        confusion=confusion.tolist(),
        examples=rows,
        error_within_labels=error if within is None else within,
    )
