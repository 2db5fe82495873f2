"""Validation: every example exactly once, whatever the batch size."""

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import numpy as np
import tensorflow as tf

from tuner.data.tokenized import ONE_EACH, TokenizedSplit, offsets_of, within
from tuner.encoders.compiled import for_xla
from tuner.metrics import Metric, MetricRecord, with_metrics
from tuner.tasks import Evaluation, Task
from tuner.training.micro_batch import MicroBatch, bucket, fill
from tuner.training.model import Classifier
from tuner.training.update import IDS, ROWS


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
        self._outputs = classifier.head.outputs
        self._per_token = task.head.per_token
        self._task = task
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

    def logits(self, split: TokenizedSplit, rows: np.ndarray, batch_size: int) -> np.ndarray:
        """Outputs of some examples in their order.

        Returns:
            Float32 [inputs, outputs], or [tokens, outputs] where each token has outputs; the
            inputs of an example, and the tokens of an input, follow one another.
        """
        inputs = split.inputs_of(rows)
        lengths = split.lengths[inputs]
        order = np.argsort(lengths, kind="stable")
        # A GPU computes the first of these while the host pads the next.
        cuts = [order[start : start + batch_size] for start in range(0, len(inputs), batch_size)]
        made = [self._forward(*self._padded(split, inputs[places], batch_size)) for places in cuts]
        if not self._per_token:
            out = np.empty((len(inputs), self._outputs), np.float32)
            for places, logits in zip(cuts, made, strict=True):
                out[places] = logits.numpy()[: len(places)]
            return out
        offsets = offsets_of(lengths)
        out = np.empty((offsets[-1], self._outputs), np.float32)
        for places, logits in zip(cuts, made, strict=True):
            values = logits.numpy()[: len(places)]
            real = np.arange(values.shape[1]) < lengths[places, np.newaxis]
            out[within(offsets, places)] = values[real]
        return out

    def _padded(
        self, split: TokenizedSplit, inputs: np.ndarray, batch_size: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Inputs of a pass; where shapes are compiled, filled up to one of few."""
        ids, types, tokens = split.pad(inputs)
        lengths = tokens.astype(np.int32)
        if not self._compiled:
            return ids, types, lengths
        labels = np.zeros(len(ids), np.int32)
        batch = MicroBatch(ids=ids, types=types, lengths=lengths, labels=labels)
        full = min(batch_size, len(split.offsets) - 1)
        stack = fill([batch], (1, full, bucket(ids.shape[1])), ONE_EACH)
        return stack.ids[0], stack.types[0], stack.lengths[0]

    def evaluate(
        self,
        split: TokenizedSplit,
        rows: np.ndarray,
        fixed: np.ndarray,
        batch_size: int,
        *,
        final: bool = True,
    ) -> tuple[Evaluation, Evaluation]:
        """Score some examples, and a part of them.

        Args:
            split: Data with the examples.
            rows: Their numbers, ascending, each counted once.
            fixed: The part: numbers that are among `rows`.
            batch_size: Inputs in one forward pass; decides the speed alone.
            final: True if standard errors of users' metrics are needed.

        Returns:
            Of all examples, and of the part; each is computed once.
        """
        logits = self.logits(split, rows, batch_size).astype(np.float64)
        targets = split.truth(rows)
        self.last = self._task.evaluate(logits, targets)
        if self.metrics:
            given = self._task.for_metrics(logits, targets, self.last.thresholds)
            self.last = with_metrics(self.last, self.metrics, *given, with_errors=final)
        if np.array_equal(rows, fixed):  # As at every point but the last.
            return self.last, self.last
        part = within(self.output_offsets(split, rows), np.searchsorted(rows, fixed))
        return self.last, self._task.evaluate(logits[part], split.truth(fixed))

    def output_offsets(self, split: TokenizedSplit, rows: np.ndarray) -> np.ndarray:
        """Offsets of each example's outputs in what `logits` gives of these examples."""
        ends = np.arange(len(split) + 1) if split.inputs is None else split.inputs
        if self._per_token:
            ends = split.offsets[ends]
        return offsets_of(np.diff(ends)[rows])
