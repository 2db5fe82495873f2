"""A trained classifier as a Hugging Face folder, which transformers loads as its own, and back.

The way out is the way in: keras-hub's converter, which fills a model from named tensors, is run
once more with a writer in the reader's place. What it does to a tensor (transpose, reshape, cut)
moves elements and changes none, so doing it to the elements' numbers tells where each one went.
"""

import json
import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from errno import EIO
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open

from tuner.checkpoints import CheckpointInfo
from tuner.checkpoints.config_fields import exported_config
from tuner.checkpoints.tensors import encoder_tensors, find
from tuner.checkpoints.weights import is_finite, not_finite
from tuner.data.checkpoint_tokenizer import exported_texts, load_tokenizer
from tuner.files.atomic import with_usual_mode
from tuner.files.model_folder import write_weights
from tuner.tasks import Task
from tuner.training.checkpoint_weights import CONVERTERS, TensorReader
from tuner.training.model import Classifier
from tuner.training.positions import POSITIONS

WEIGHTS = "model.safetensors"

_CLASSES: Mapping[str, str] = {
    "bert": "Bert",
    "roberta": "Roberta",
    "distilbert": "DistilBert",
    "albert": "Albert",
    "xlm-roberta": "XLMRoberta",
}
_PREFIXES: Mapping[str, str] = {"bert": "bert.", "xlm-roberta": "roberta."}
"""Of the whole model, where `encoder_tensors` names tensors without one."""

_HEADS: Mapping[str, Mapping[str, str]] = {
    "roberta": {"head_dense": "classifier.dense", "classifier": "classifier.out_proj"},
    "xlm-roberta": {"head_dense": "classifier.dense", "classifier": "classifier.out_proj"},
}
"""Layer of our head to its name in transformers, where that is another one."""

_TYPES = "roberta.embeddings.token_type_embeddings.weight"


class TensorWriter:
    """Collects the tensors that a model would be filled from; takes a `TensorReader`'s place."""

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], by_hand: str | None = None) -> None:
        """Collects nothing yet.

        Args:
            shapes: Name to shape of every tensor.
            by_hand: End of the name of a tensor that `port_weight` leaves alone.
        """
        self._shapes = shapes
        self._by_hand = by_hand
        self.tensors: dict[str, np.ndarray] = {}

    def get_tensor(self, name: str) -> np.ndarray:
        """Zeros: what is asked for directly is added to something that holds it already."""
        return np.zeros(self._shapes[self._resolve(name)], np.float32)

    def port_weight(
        self,
        keras_variable: Any,
        hf_weight_key: str,
        hook_fn: Callable[[np.ndarray, list[int]], np.ndarray] | None = None,
    ) -> None:
        """Takes a variable's elements back to where they stand in the tensor."""
        if self._by_hand is not None and self._by_hand.endswith(hf_weight_key):
            return
        name = self._resolve(hf_weight_key)
        shape = self._shapes[name]
        values = keras_variable.numpy()
        if hook_fn is None:
            self.tensors[name] = values
            return
        places = np.arange(math.prod(shape)).reshape(shape)
        flat = np.zeros(math.prod(shape), np.float32)
        flat[hook_fn(places, list(keras_variable.shape)).ravel()] = values.ravel()
        self.tensors[name] = flat.reshape(shape)

    def _resolve(self, name: str) -> str:
        found = find(name, self._shapes)
        if found is None:
            raise KeyError(name)
        return found


def save_model(
    folder: Path,
    classifier: Classifier,
    checkpoint: CheckpointInfo,
    task: Task,
    labels: Sequence[str],
    max_length: int,
) -> None:
    """Writes a trained classifier with its tokenizer.

    `transformers.AutoModelForSequenceClassification` gives the same logits from it.

    Args:
        folder: Made, or replaced.
        classifier: Its present weights are written, as float32.
        checkpoint: That it was made from.
        task: Task that it was trained for.
        labels: Names of its outputs, in the order of their numbers.
        max_length: Tokens at which texts were truncated.

    Raises:
        OSError: It cannot be written, or what is read back is something else.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    source = json.loads((checkpoint.folder / "config.json").read_text(encoding="utf-8"))
    tensors = {**_encoder(classifier, checkpoint, source), **_head(classifier, task)}
    ordered = {name: np.ascontiguousarray(tensor) for name, tensor in sorted(tensors.items())}
    write_weights(ordered, folder / WEIGHTS)
    with_usual_mode(folder / WEIGHTS)
    described = _config(source, checkpoint, task, labels)
    config = json.dumps(described, indent=2, ensure_ascii=False) + "\n"
    texts = {"config.json": config, **exported_texts(load_tokenizer(checkpoint), max_length)}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    _read_back(folder, ordered, texts)


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


def head_outputs(checkpoint: CheckpointInfo) -> int | None:
    """Number of logits of a checkpoint's classification head; None where it has no head."""
    reader = TensorReader(checkpoint.weight_files)
    name = f"{_HEADS.get(checkpoint.model_type, {}).get('classifier', 'classifier')}.bias"
    return reader.get_tensor(name).size if reader.has(name) else None


def load_head(classifier: Classifier, checkpoint: CheckpointInfo) -> None:
    """Fills the head of a classifier that `save_model` wrote; the encoder loads itself.

    Raises:
        KeyError: The checkpoint has no head for it.
        InputError: The head holds NaN or infinite numbers.
    """
    reader = TensorReader(checkpoint.weight_files)
    for layer, name in _head_layers(classifier):
        layer.kernel.assign(_finite_tensor(reader, f"{name}.weight", checkpoint).T)
        layer.bias.assign(_finite_tensor(reader, f"{name}.bias", checkpoint))


def _finite_tensor(reader: TensorReader, name: str, checkpoint: CheckpointInfo) -> np.ndarray:
    """A tensor of the head, which `inspect` has not looked at: a checkpoint may lack it."""
    tensor = reader.get_tensor(name)
    if not is_finite(tensor):
        raise not_finite(name, checkpoint.folder)
    return tensor


def _encoder(
    classifier: Classifier, checkpoint: CheckpointInfo, config: Mapping[str, Any]
) -> dict[str, np.ndarray]:
    """The encoder's tensors by the names that the whole model has for them."""
    model_type = checkpoint.model_type
    shapes = dict(encoder_tensors(config, model_type, ()))
    roberta = model_type in ("roberta", "xlm-roberta")
    writer = TensorWriter(shapes, by_hand=POSITIONS if roberta else None)
    CONVERTERS[model_type].convert_weights(classifier.backbone, writer, config)
    prefix = _PREFIXES.get(model_type, "")
    tensors = {prefix + name: tensor for name, tensor in writer.tensors.items()}
    if roberta:
        _place_positions(tensors, classifier, config)
    return tensors


def _place_positions(
    tensors: dict[str, np.ndarray], classifier: Classifier, config: Mapping[str, Any]
) -> None:
    """RoBERTa's positions, which hold the first token type's embedding; the types are zero."""
    table = classifier.backbone.embeddings.position_embedding.position_embeddings
    tensors[POSITIONS] = table.numpy()
    types, width = int(config.get("type_vocab_size", 2)), int(table.shape[1])
    tensors[_TYPES] = np.zeros((types, width), np.float32)


def _head_layers(classifier: Classifier) -> list[tuple[Any, str]]:
    names = _HEADS.get(classifier.model_type, {})
    dense = [layer for layer in classifier.head if layer.trainable_variables]
    return [(layer, names.get(layer.name, layer.name)) for layer in dense]


def _head(classifier: Classifier, task: Task) -> dict[str, np.ndarray]:
    tensors = {}
    *inner, last = _head_layers(classifier)
    for layer, name in (*inner, last):
        kernel, bias = layer.kernel.numpy(), layer.bias.numpy()
        if layer is last[0]:
            kernel, bias = task.fold_head(kernel, bias)
        tensors[f"{name}.weight"] = kernel.T
        tensors[f"{name}.bias"] = bias
    return tensors


def _config(
    source: Mapping[str, Any], checkpoint: CheckpointInfo, task: Task, labels: Sequence[str]
) -> dict[str, Any]:
    encoder = exported_config(
        source,
        checkpoint.model_type,
        hidden_act=checkpoint.hidden_act,
        pad_token_id=checkpoint.pad_token_id,
    )
    return encoder | {
        "architectures": [f"{_CLASSES[checkpoint.model_type]}ForSequenceClassification"],
        "dtype": "float32",
        "id2label": {str(number): label for number, label in enumerate(labels)},
        "label2id": {label: number for number, label in enumerate(labels)},
        "problem_type": task.problem_type,
    }
