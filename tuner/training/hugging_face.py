"""A trained model as a Hugging Face folder, which transformers loads as its own, and back."""

import json
import shutil
from collections.abc import Mapping, Sequence
from errno import EIO
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open

from tuner.checkpoints import CheckpointInfo
from tuner.checkpoints.saved import ModelInputs, write_inputs
from tuner.checkpoints.weights import is_finite, not_finite
from tuner.data import PreparedData
from tuner.data.checkpoint_tokenizer import exported_texts, load_tokenizer
from tuner.files.atomic import with_usual_mode
from tuner.files.model_folder import write_weights
from tuner.settings.settings import TrialSettings
from tuner.tasks import HeadKind, Task
from tuner.training.checkpoint_weights import TensorReader
from tuner.training.model import Classifier

WEIGHTS = "model.safetensors"


def save_model(
    folder: Path,
    classifier: Classifier,
    checkpoint: CheckpointInfo,
    task: Task,
    labels: Sequence[str],
    max_length: int,
) -> None:
    """Write a trained classifier with its tokenizer.

    transformers' class for the task's head gives the same outputs from it.

    Args:
        folder: Made, or replaced.
        classifier: Its present weights are written, as float32.
        checkpoint: Checkpoint that it was made from.
        task: Task that it was trained for.
        labels: Names of its outputs, in the order of their numbers.
        max_length: Tokens at which texts were truncated.

    Raises:
        OSError: It cannot be written, or what is read back is something else.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    source = json.loads((checkpoint.folder / "config.json").read_text(encoding="utf-8"))
    ordered = exported_tensors(classifier, task)
    write_weights(ordered, folder / WEIGHTS)
    with_usual_mode(folder / WEIGHTS)
    described = _config(source, classifier, task, labels)
    config = json.dumps(described, indent=2, ensure_ascii=False) + "\n"
    texts = {"config.json": config, **exported_texts(load_tokenizer(checkpoint), max_length)}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    _read_back(folder, ordered, texts)


def save_trained(
    folder: Path,
    classifier: Classifier,
    settings: TrialSettings,
    data: PreparedData,
    thresholds: Sequence[float] | None,
) -> None:
    """Write a trained classifier as `save_model` does, with the record of its inputs.

    Args:
        folder: Made, or replaced.
        classifier: Its present weights are written.
        settings: Configuration of its training.
        data: Data of its training.
        thresholds: Probability above which each label is predicted; None where there are none.

    Raises:
        OSError: It cannot be written, or what is read back is something else.
    """
    length = settings.model.max_length
    save_model(folder, classifier, data.checkpoint, data.task, data.labels, length)
    write_inputs(folder, ModelInputs.of(settings, thresholds))


def _read_back(folder: Path, tensors: Mapping[str, np.ndarray], texts: Mapping[str, str]) -> None:
    """Read what was written.

    Raises:
        OSError: A file holds something else.
    """
    wrong = [name for name in texts if (folder / name).read_text(encoding="utf-8") != texts[name]]
    with safe_open(str(folder / WEIGHTS), framework="np") as file:
        names = set(file.keys())
        if names != tensors.keys() or not all(
            np.array_equal(file.get_tensor(name), tensors[name], equal_nan=True) for name in names
        ):
            wrong.append(WEIGHTS)
    if wrong:
        raise OSError(EIO, "the file is not what was written", str(folder / wrong[0]))


def head_outputs(checkpoint: CheckpointInfo, kind: HeadKind) -> int | None:
    """Number of outputs of a checkpoint's head of a kind; None where it has no such head."""
    reader = TensorReader(checkpoint.family, checkpoint.weight_files)
    name = checkpoint.family.head(kind, 1).parameters[-1].name
    return reader[name].size if name in reader else None


def load_head(classifier: Classifier, checkpoint: CheckpointInfo) -> None:
    """Fill the head of a classifier that `save_model` wrote; the encoder loads itself.

    Raises:
        KeyError: The checkpoint has no head for it.
        InputError: The head holds NaN or infinite numbers.
    """
    reader = TensorReader(checkpoint.family, checkpoint.weight_files)
    head = {each.name for each in classifier.head.parameters}  # Its pooler among them.
    for parameter, variable in zip(classifier.parameters, classifier.variables, strict=True):
        if parameter.name in head:
            # `inspect` has not looked at it: a checkpoint may lack it.
            tensor = reader[parameter.name]
            if not is_finite(tensor):
                raise not_finite(parameter.name, checkpoint.folder)
            variable.assign(tensor)


def exported_tensors(classifier: Classifier, task: Task) -> dict[str, np.ndarray]:
    """Return the weights by name, the last layer in the user's unit."""
    tensors = classifier.tensors()
    weight, bias = (each.name for each in classifier.head.parameters[-2:])
    tensors[weight], tensors[bias] = task.fold_head(tensors[weight], tensors[bias])
    return dict(sorted(tensors.items()))


def _config(
    source: Mapping[str, Any], classifier: Classifier, task: Task, labels: Sequence[str]
) -> dict[str, Any]:
    described = classifier.family.exported(source) | {
        "architectures": [classifier.head.class_name],
        "dtype": "float32",
        "id2label": {str(number): label for number, label in enumerate(labels)},
        "label2id": {label: number for number, label in enumerate(labels)},
    }
    if task.problem_type is not None:
        described["problem_type"] = task.problem_type
    return described
