"""A model of ONNX in int8: written, timed, and judged by the score that it loses."""

import logging
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tuner.checkpoints import inspect
from tuner.checkpoints.saved import read_inputs, read_task
from tuner.data.examples import Examples
from tuner.data.texts import tokenized_texts
from tuner.errors import InputError
from tuner.formatting.value_text import value_text
from tuner.serving.library import quantization
from tuner.serving.session import Session
from tuner.settings.objectives import sign
from tuner.settings.overrides import override
from tuner.tasks import Evaluation, Task
from tuner.tasks.score import Score
from tuner.worker.predict_client import Prediction

USUAL_LOSS = 0.01
"""Loss of a score that a message proposes where its standard error is not known."""

ROUNDS = 5
"""Times that each model is timed."""


@dataclass(frozen=True, kw_only=True)
class Served:
    """Figures of a model in onnxruntime."""

    megabytes: float
    """Size of its files in millions of bytes."""

    examples_per_second: float
    """Validation rows in a second, without their tokenisation: the median of `ROUNDS`."""

    task: Task
    """Task of the model."""

    evaluation: Evaluation
    """Scores on the validation rows."""


def quantize(model: Path, made: Path) -> None:
    """Write a model with weights in int8, whose activations are quantized as they come.

    Args:
        model: Model in float32.
        made: File to write.
    """
    root = logging.getLogger()
    root.addFilter(_drop)  # It advises a preparation that is for convolutions.
    try:
        quantization.quantize_dynamic(
            model,
            made,
            per_channel=True,
            weight_type=quantization.QuantType.QInt8,
            use_external_data_format=len(files(model)) > 1,
        )
    finally:
        root.removeFilter(_drop)


def _drop(_: logging.LogRecord) -> bool:
    return False


def files(model: Path) -> list[Path]:
    """Return the file of a model, and the one beside it with weights too large for one file."""
    return sorted(model.parent.glob(f"{model.name}*"))


def measure(
    models: Sequence[Path],
    folder: Path,
    examples: Examples,
    clock: Callable[[], float] = time.perf_counter,
) -> list[Served]:
    """Run models on validation rows, and time them in turns, so that a busy machine slows all.

    Args:
        models: Models of ONNX.
        folder: Folder with their tokenizer, config.json and record of inputs.
        examples: Validation rows.
        clock: Seconds.

    Raises:
        InputError: The models do not know the rows' targets.
    """
    checkpoint, inputs = inspect(folder), read_inputs(folder)
    task, names = read_task(folder)
    longest = checkpoint.family.max_positions
    length = longest if inputs is None else min(inputs.max_length, longest)
    split = tokenized_texts(checkpoint, task, examples.texts, examples.pairs, length)
    sessions = [Session(path, task.head) for path in models]
    predictions = [
        Prediction(
            task=task,
            names=names or (),
            outputs=session.logits(split).astype(np.float64),
            aligned=split.truth(np.arange(len(split))) if split.places is not None else None,
            thresholds=None if inputs is None else inputs.thresholds,
        )
        for session in sessions
    ]
    rounds = [[session.seconds(split, clock) for session in sessions] for _ in range(ROUNDS)]
    inputs_each = len(split.lengths) / len(split)
    return [
        Served(
            megabytes=sum(file.stat().st_size for file in files(path)) / 1e6,
            examples_per_second=1.0 / (inputs_each * statistics.median(seconds)),
            task=task,
            evaluation=prediction.evaluate(examples.targets, examples.where),
        )
        for path, prediction, seconds in zip(
            models, predictions, zip(*rounds, strict=True), strict=True
        )
    ]


def check_loss(
    name: str, score: Score, before: Evaluation, after: Evaluation, allowed: float | None
) -> None:
    """Check that a score has not lost too much.

    Args:
        name: Name of the score among those of the task.
        score: Description of the score.
        before: Scores in float32.
        after: Scores in int8.
        allowed: Loss up to which int8 is accepted; None: the standard error of the score.

    Raises:
        InputError: It has lost more, or is not finite; or how much it may lose is not known.
    """
    lost = sign(score.direction) * (before.scores[name] - after.scores[name])
    limit = before.errors.get(name, math.nan) if allowed is None else allowed
    if math.isnan(limit):
        raise InputError(
            f"the standard error of {name} is not known",
            where="export.quantize_loss=null",
            remedy=override("export.quantize_loss", USUAL_LOSS),
        )
    if not lost <= limit:
        enough = max(0.0, math.ceil(lost * 1e4) / 1e4) if math.isfinite(lost) else None
        more = "" if enough is None else f", or {override('export.quantize_loss', enough)}"
        raise InputError(
            f"int8 changes {name} from {before.scores[name]:.4f} to {after.scores[name]:.4f} on "
            f"the {before.examples} validation rows, which is worse by more than {limit:.4f}",
            where=f"export.quantize_loss={value_text(allowed)}",
            remedy=f"export.quantize=null for a model in float32{more}",
        )
