"""Predictions of a trained model, made by a process of its own: this one loads no TensorFlow."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.checkpoints.saved import read_inputs, read_task
from tuner.data.texts import Texts
from tuner.data.tokenized import offsets_of
from tuner.metrics import Metric, MetricRecord, with_metrics
from tuner.tasks import Aligned, Evaluation, Task
from tuner.worker.request import ask


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Outputs of a model for some texts."""

    task: Task
    """Task of the model."""

    names: tuple[str, ...]
    """Names of its outputs, in the order of their numbers."""

    outputs: NDArray[np.float64]
    """Outputs of the model, see `Task.evaluate`."""

    aligned: Aligned | None = None
    """Examples and their tokens; None where the form is texts."""

    thresholds: list[float] | None = None
    """Probability above which each label is predicted; None where it is not recorded."""

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """Predictions in the user's terms, see `Task.predictions`."""
        return self.task.predictions(self.outputs, self.names, self.thresholds, self.aligned)

    def truth(self, targets: Sequence[Any], where: str) -> Any:
        """Return true targets as the task reads outputs by them, see `Task.evaluate`.

        Args:
            targets: Plain targets, see `Task.read`.
            where: File or data set, for messages.

        Raises:
            InputError: A target that the model does not know.
        """
        known = self.task.known(targets, self.names, where)
        if self.aligned is not None:
            return self.aligned.with_targets(known, self.names)
        return self.task.encode(known, self.names)

    def evaluate(
        self,
        targets: Sequence[Any],
        where: str,
        metrics: Mapping[MetricRecord, Metric] | None = None,
    ) -> Evaluation:
        """Return the scores against true targets.

        Args:
            targets: Plain targets, see `Task.read`.
            where: File or data set, for messages.
            metrics: Users' metrics to measure.

        Raises:
            InputError: A target that the model does not know, or a metric that fails.
        """
        # Thresholds chosen on the rows that are scored would flatter.
        limits = self.thresholds or self.task.usual_thresholds(len(self.names))
        truth = self.truth(targets, where)
        found = self.task.evaluate(self.outputs, truth, limits)
        if not metrics:
            return found
        return with_metrics(found, metrics, *self.task.for_metrics(self.outputs, truth, limits))


def predict(model: Path, texts: Texts) -> Prediction:
    """Predict texts with a model's folder.

    Args:
        model: As a sweep writes best_model/.
        texts: Read and checked.

    Raises:
        InputError: The folder holds no such model.
        TunerError: The process died; the message has the end of its log.
    """
    request = json.dumps({"texts": texts.texts, "pairs": texts.pairs}).encode()
    found = ask("tuner.worker.prediction", str(model), what="prediction", request=request)
    names, *rows = map(json.loads, found)
    task, _ = read_task(model)
    inputs = read_inputs(model)
    return Prediction(
        task=task,
        names=tuple(names),
        outputs=np.array([each for row in rows for each in row["outputs"]], np.float64),
        aligned=_aligned(texts, rows),
        thresholds=None if inputs is None else inputs.thresholds,
    )


def _aligned(texts: Texts, rows: Sequence[dict[str, Any]]) -> Aligned | None:
    """The examples beside their tokens, from the answers of the process."""
    if "places" not in rows[0]:
        return None
    lengths = [length for row in rows for length in row["lengths"]]
    return Aligned(
        inputs=offsets_of(np.array([len(row["lengths"]) for row in rows])),
        offsets=offsets_of(np.array(lengths)),
        places=np.array([place for row in rows for place in row["places"]], np.int64),
        texts=texts.texts,
        pairs=texts.pairs,
        spans=[each for row in rows for each in row["spans"]],
    )
