"""Predictions of a trained model, made by a process of its own: this one loads no TensorFlow."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.checkpoints.saved import read_inputs, read_task
from tuner.data.texts import Texts
from tuner.errors import InputError, TunerError
from tuner.metrics import Metric, MetricRecord, with_metrics
from tuner.processes.python_process import answers, python_module
from tuner.tasks import Evaluation, Task

_LOG_TAIL = 2000


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Outputs of a model for some texts."""

    task: Task
    """Task of the model."""

    names: tuple[str, ...]
    """Names of its outputs, in the order of their numbers."""

    outputs: NDArray[np.float64]
    """Outputs of the model, shape (texts, outputs)."""

    thresholds: list[float] | None = None
    """Probability above which each label is predicted; None where it is not recorded."""

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """Predictions in the user's terms, see `Task.predictions`."""
        return self.task.predictions(self.outputs, self.names, self.thresholds)

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
        known = self.task.known(targets, self.names, where)
        # Thresholds chosen on the rows that are scored would flatter.
        limits = self.thresholds or self.task.usual_thresholds(len(self.names))
        encoded = self.task.encode(known, self.names)
        found = self.task.evaluate(self.outputs, encoded, limits)
        return with_metrics(found, metrics or {}, *self.task.for_metrics(self.outputs, encoded))


def predict(model: Path, texts: Texts) -> Prediction:
    """Predict texts with a model's folder.

    Args:
        model: As a sweep writes best_model/.
        texts: Read and checked.

    Raises:
        InputError: The folder holds no such model.
        TunerError: The process died; the message has the end of its log.
    """
    done = subprocess.run(
        python_module("tuner.worker.prediction", str(model)),
        input=json.dumps({"texts": texts.texts, "pairs": texts.pairs}).encode(),
        capture_output=True,
        check=False,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2"},
    )
    if done.returncode == InputError.exit_code:
        raise InputError(**json.loads(answers(done.stdout)[-1]))
    if done.returncode:
        log = done.stderr.decode(errors="replace").strip()
        raise TunerError(f"the prediction ended with {done.returncode}:\n{log[-_LOG_TAIL:]}")
    names, *rows = map(json.loads, answers(done.stdout))
    task, _ = read_task(model)
    inputs = read_inputs(model)
    return Prediction(
        task=task,
        names=tuple(names),
        outputs=np.array(rows, np.float64).reshape(len(rows), len(names)),
        thresholds=None if inputs is None else inputs.thresholds,
    )
