"""Validation: every row exactly once, whatever the batch size."""

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from tuner.encoders.compiled import for_xla
from tuner.metrics import Metric, MetricRecord, with_metrics
from tuner.tasks import Evaluation, Task
from tuner.training.micro_batch import MicroBatch, bucket, fill
from tuner.training.model import Classifier
from tuner.training.update import IDS, ROWS


class Split(Protocol):
    """Tokenised rows; `tuner.data.TokenizedSplit` is one."""

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each row."""

    @property
    def labels(self) -> np.ndarray:
        """Targets of the rows, shape (rows, ...)."""

    def pad(
        self, rows: np.ndarray, length_multiple: int = 1
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Token ids, token types (both int32 [rows, tokens]) and lengths of some rows."""


class Evaluator:
    """Runs a model without dropout; traced once for all batch sizes and lengths.

    Attributes:
        traces: Number of times that TensorFlow traced it, for tests.
        last: Scores of the last rows that were evaluated; None before.
        metrics: Users' metrics of the running trial.
    """

    def __init__(self, classifier: Classifier, task: Task, *, compiled: bool = False) -> None:
        """Trace nothing yet.

        Args:
            classifier: Model to run.
            task: Task that scores its outputs.
            compiled: By XLA, for a GPU: once for each bucket of lengths. What is not compiled
                computes the shapes of its products on the device, and the host waits for each.
        """
        self._labels = classifier.labels
        self._task = task
        self._target = task.target_spec(classifier.labels)
        self._compiled = compiled
        self.traces = 0
        self.last: Evaluation | None = None
        self.metrics: Mapping[MetricRecord, Metric] = {}

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
        stack = fill([batch], (1, full, bucket(ids.shape[1])), self._target)
        return stack.ids[0], stack.types[0], stack.lengths[0]

    def evaluate(
        self,
        split: Split,
        rows: np.ndarray,
        fixed: np.ndarray,
        batch_size: int,
        *,
        final: bool = True,
    ) -> tuple[Evaluation, Evaluation]:
        """Score some rows, and a part of them.

        Args:
            split: Data with the rows.
            rows: Row numbers, ascending, each counted once.
            fixed: The part: row numbers that are among `rows`.
            batch_size: Rows in one forward pass; decides the speed alone.
            final: True if standard errors of users' metrics are needed.

        Returns:
            Of all rows, and of the part; each row is computed once.
        """
        logits = self.logits(split, rows, batch_size).astype(np.float64)
        targets = split.labels[rows]
        self.last = with_metrics(
            self._task.evaluate(logits, targets),
            self.metrics,
            *self._task.for_metrics(logits, targets),
            with_errors=final,
        )
        if np.array_equal(rows, fixed):  # As at every point but the last.
            return self.last, self.last
        places = np.searchsorted(rows, fixed)
        return self.last, self._task.evaluate(logits[places], split.labels[fixed])
