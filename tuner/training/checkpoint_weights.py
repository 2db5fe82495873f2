"""Reads a Hugging Face checkpoint into a keras-hub backbone, as the original computes it.

keras-hub brings the mapping of tensor names; three things it gets wrong are mended here: it
hard-codes activation and layer-norm epsilon, it leaves out RoBERTa's token-type embedding, and
it expects tensor names with the model's prefix and a pooler, which not every checkpoint has.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import keras_hub
import numpy as np
import tensorflow as tf
from keras_hub.src.utils.transformers import (
    convert_albert,
    convert_bert,
    convert_distilbert,
    convert_roberta,
    convert_xlm_roberta,
)
from safetensors import safe_open

from tuner.checkpoints import CheckpointInfo
from tuner.errors import InputError

CONVERTERS: Mapping[str, Any] = {
    "bert": convert_bert,
    "roberta": convert_roberta,
    "distilbert": convert_distilbert,
    "albert": convert_albert,
    "xlm-roberta": convert_xlm_roberta,
}
BUILD_RATE = 0.1
"""Dropout rate that models are built with: at 0 Keras leaves layers out."""


def _gelu_exact(x: Any) -> Any:
    return keras.activations.gelu(x, approximate=False)


def _gelu_tanh(x: Any) -> Any:
    return keras.activations.gelu(x, approximate=True)


def _gelu_quick(x: Any) -> Any:
    return x * tf.sigmoid(1.702 * x)


ACTIVATIONS: Mapping[str, Callable[[Any], Any]] = {
    "gelu": _gelu_exact,
    "gelu_python": _gelu_exact,
    "gelu_new": _gelu_tanh,
    "gelu_fast": _gelu_tanh,
    "gelu_pytorch_tanh": _gelu_tanh,
    "quick_gelu": _gelu_quick,
    "relu": keras.activations.relu,
    "silu": keras.activations.silu,
    "swish": keras.activations.silu,
    "tanh": keras.activations.tanh,
}


class TensorReader:
    """The tensors of a checkpoint's safetensors files by name, with or without a prefix.

    Has the two methods that keras-hub's converters call.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        opened: list[Any] = [safe_open(str(path), framework="np") for path in files]
        self._homes = {name: file for file in opened for name in file.keys()}  # noqa: SIM118
        self.missing: list[str] = []

    def has(self, name: str) -> bool:
        """Whether the checkpoint has this tensor, under any prefix."""
        return self._resolve(name) is not None

    def get_tensor(self, name: str) -> np.ndarray:
        """The tensor; KeyError where there is none."""
        resolved = self._resolve(name)
        if resolved is None:
            raise KeyError(name)
        tensor: np.ndarray = self._homes[resolved].get_tensor(resolved)
        return tensor

    def port_weight(
        self,
        keras_variable: Any,
        hf_weight_key: str,
        hook_fn: Callable[[np.ndarray, list[int]], np.ndarray] | None = None,
    ) -> None:
        """Assigns a tensor to a variable; a missing one is noted and left as it was built."""
        if not self.has(hf_weight_key):
            self.missing.append(hf_weight_key)
            return
        tensor = self.get_tensor(hf_weight_key)
        if hook_fn is not None:
            tensor = hook_fn(tensor, list(keras_variable.shape))
        keras_variable.assign(tensor)

    def _resolve(self, name: str) -> str | None:
        for candidate in (name, name.partition(".")[2]):
            if candidate in self._homes:
                return candidate
        matches = [full for full in self._homes if full.endswith(f".{name}")]
        return matches[0] if matches else None


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """A keras-hub backbone with a checkpoint's weights.

    Attributes:
        backbone: The Keras model.
        untrained: Variables of the backbone that the checkpoint has no weights for: its pooler.
    """

    backbone: Any
    untrained: tuple[Any, ...]


def load_encoder(checkpoint: CheckpointInfo, precision: str) -> Encoder:
    """Builds the encoder of a checkpoint and fills in its weights.

    Args:
        checkpoint: Where it is and what it is.
        precision: Name of a Keras dtype policy.

    Raises:
        InputError: An activation that is not supported, or missing weights.
    """
    where, model_type = str(checkpoint.folder), checkpoint.model_type
    config: dict[str, Any] = json.loads(
        (checkpoint.folder / "config.json").read_text(encoding="utf-8")
    )
    backbone = keras_hub.models.Backbone.from_preset(
        where, load_weights=False, dropout=BUILD_RATE, dtype=precision
    )
    reader = TensorReader(checkpoint.weight_files)
    CONVERTERS[model_type].convert_weights(backbone, reader, config)
    missing = [name for name in reader.missing if "pooler" not in name]
    if missing:
        raise InputError(
            f"the checkpoint lacks {len(missing)} tensors, the first is {missing[0]}",
            where=where,
            remedy="a complete checkpoint in safetensors format",
        )
    if model_type == "roberta":
        _fold_token_type(backbone, reader)
    _follow_config(backbone, config, checkpoint)
    pooler = backbone.pooled_dense.trainable_variables if reader.missing else []
    return Encoder(backbone=backbone, untrained=tuple(pooler))


def _fold_token_type(backbone: Any, reader: TensorReader) -> None:
    """Adds RoBERTa's one token-type embedding to every position, as keras-hub has no types."""
    name = "roberta.embeddings.token_type_embeddings.weight"
    if reader.has(name):
        positions = backbone.embeddings.position_embedding.position_embeddings
        positions.assign(positions + reader.get_tensor(name)[0])


def _follow_config(backbone: Any, config: Mapping[str, Any], checkpoint: CheckpointInfo) -> None:
    """Sets activation and layer-norm epsilon as config.json has them."""
    name = checkpoint.hidden_act
    if name not in ACTIVATIONS:
        raise InputError(
            f"the activation {name!r} is not supported",
            where=f"{checkpoint.folder}/config.json",
            remedy=f"one of {', '.join(ACTIVATIONS)}",
        )
    for layer in sublayers(backbone):
        if layer.name == "feedforward_intermediate_dense":
            layer.activation = ACTIVATIONS[name]
        if isinstance(layer, keras.layers.LayerNormalization) and "layer_norm_eps" in config:
            layer.epsilon = float(config["layer_norm_eps"])


def sublayers(layer: Any) -> list[Any]:
    """The layer and all layers inside it, depth first, each once."""
    found: dict[int, Any] = {}

    def visit(current: Any) -> None:
        if id(current) not in found:
            found[id(current)] = current
            for inner in getattr(current, "_layers", None) or []:
                visit(inner)

    visit(layer)
    return list(found.values())
