"""Calibration of a saved model: its temperature becomes part of its last layer."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from tuner.checkpoints import inspect
from tuner.checkpoints.saved import read_inputs, read_task, write_inputs
from tuner.data.examples import Examples
from tuner.data.texts import Texts
from tuner.errors import InputError
from tuner.files.atomic import with_usual_mode
from tuner.files.model_folder import seal, write_weights
from tuner.tasks import Task
from tuner.tasks.calibration import Calibration, calibrate, tempered
from tuner.worker.predict_client import Prediction, predict

_WEIGHTS = "model.safetensors"

_ROUNDING = 1e-9
"""Difference of a score that is none."""


def check_calibrates(task: Task) -> None:
    """Check that outputs of a task have a temperature.

    Raises:
        InputError: They have none.
    """
    if type(task).decisions is Task.decisions:
        raise _without_temperature(task)


def _without_temperature(task: Task) -> InputError:
    return InputError(
        f"a temperature does not apply to task={task.name}",
        where="export.calibrate=true",
        remedy="export.calibrate=false",
    )


def fit(folder: Path, examples: Examples) -> Calibration:
    """Fit the temperature of a saved model.

    Args:
        folder: Model's folder.
        examples: Validation rows.

    Raises:
        InputError: The model does not know the rows' targets, its outputs have no temperature, or
            predictions would change with it.
        TunerError: The process that predicts died.
    """
    texts = Texts(texts=examples.texts, pairs=examples.pairs, targets=examples.targets)
    found = predict(folder, texts)
    truth = found.truth(examples.targets, examples.where)
    decisions = found.task.decisions(found.outputs, truth)
    if decisions is None:
        raise _without_temperature(found.task)
    calibration = calibrate(decisions)
    _check_predictions(found, examples, calibration.temperature)
    return calibration


def _check_predictions(found: Prediction, examples: Examples, temperature: float) -> None:
    """Check that the first score, which predictions decide, does not change with a temperature.

    Raises:
        InputError: It does: the labels of a task depend on the outputs' scale, or round together.
    """
    divided = replace(
        found,
        outputs=found.outputs / temperature,
        thresholds=_moved(found.thresholds, temperature),
    )
    name = next(iter(found.task.scores))
    before, after = (
        each.evaluate(examples.targets, examples.where).scores[name] for each in (found, divided)
    )
    if abs(after - before) > _ROUNDING:
        raise InputError(
            f"a temperature of {temperature:.3f} changes {name} from {before:.4f} to {after:.4f}",
            where="export.calibrate=true",
            remedy="export.calibrate=false",
        )


def _moved(thresholds: Sequence[float] | None, temperature: float) -> list[float] | None:
    """Thresholds that choose the same labels from divided outputs."""
    return None if thresholds is None else [tempered(each, temperature) for each in thresholds]


def divide_outputs(folder: Path, temperature: float) -> None:
    """Divide the outputs of a saved model by a temperature, in its last layer.

    Every program that loads the folder then gives calibrated probabilities. Predictions stay the
    same: thresholds of several labels move along.

    Args:
        folder: Model's folder; changed.
        temperature: Above 0.
    """
    task, _ = read_task(folder)
    head = inspect(folder).family.head(task.head, 1)
    tensors = load_file(folder / _WEIGHTS)
    for parameter in head.parameters[-2:]:
        tensors[parameter.name] = tensors[parameter.name] / np.float32(temperature)
    write_weights(tensors, folder / _WEIGHTS)
    with_usual_mode(folder / _WEIGHTS)
    inputs = read_inputs(folder)
    if inputs is not None and inputs.thresholds is not None:
        write_inputs(folder, replace(inputs, thresholds=_moved(inputs.thresholds, temperature)))
    seal(folder)
