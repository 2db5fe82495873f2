"""Predictions of a trained model, made by a process of its own: this one loads no TensorFlow."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner.data.texts import Texts
from tuner.errors import InputError, TunerError
from tuner.processes.python_process import answers, python_module
from tuner.trial.metrics import Confusion

_LOG_TAIL = 2000


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Predictions of a model for some texts.

    Attributes:
        labels: Label names, in the order of their numbers.
        probabilities: Probability of each label for each text; shape [texts, labels].
    """

    labels: tuple[str, ...]
    probabilities: Sequence[Sequence[float]]

    @property
    def chosen(self) -> list[int]:
        """Number of the most probable label of each text."""
        return [row.index(max(row)) for row in map(list, self.probabilities)]

    def confusion(self, true: Sequence[str]) -> Confusion | None:
        """Counts by true label (rows) and predicted one (columns).

        Args:
            true: Label name of each text.

        Returns:
            None where a name is none of the model's.
        """
        if not set(true) <= set(self.labels):
            return None
        counts = [[0] * len(self.labels) for _ in self.labels]
        for name, chosen in zip(true, self.chosen, strict=True):
            counts[self.labels.index(name)][chosen] += 1
        return counts

    def losses(self, true: Sequence[str]) -> list[float]:
        """Cross-entropy of each text, in nats.

        Args:
            true: Label name of each text, all of them the model's.
        """
        number = {name: place for place, name in enumerate(self.labels)}
        return [
            -math.log(max(row[number[name]], sys.float_info.min))
            for name, row in zip(true, self.probabilities, strict=True)
        ]


def predict(model: Path, texts: Texts) -> Prediction:
    """Classify texts with a model's folder.

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
    labels, *rows = map(json.loads, answers(done.stdout))
    return Prediction(labels=tuple(labels), probabilities=rows)
