"""Reads a Hugging Face checkpoint into a keras-hub backbone, as the original computes it.

keras-hub brings the mapping of tensor names; what it gets wrong is mended here: it hard-codes
activation, layer-norm epsilon and the number of BERT's token types, it counts RoBERTa's positions
from row 2 whatever the padding token, leaves out its token-type embedding, it drops out where the
original does not, and it expects tensor names with the model's prefix and a pooler, which not
every checkpoint has. What the original does is what transformers 5.23 does.
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

from tuner.checkpoints import CheckpointInfo
from tuner.checkpoints.config_fields import LAYER_NORM_EPS
from tuner.checkpoints.tensor_file import TensorFile, open_tensors
from tuner.checkpoints.tensors import find
from tuner.errors import InputError
from tuner.training.compiled import gelu, is_for_xla
from tuner.training.positions import POSITIONS, count_positions

CONVERTERS: Mapping[str, Any] = {
    "bert": convert_bert,
    "roberta": convert_roberta,
    "distilbert": convert_distilbert,
    "albert": convert_albert,
    "xlm-roberta": convert_xlm_roberta,
}
BUILD_RATE = 0.1
"""Dropout rate that models are built with: at 0 Keras leaves layers out."""

ADDED_DROPOUT: Mapping[str, str] = {
    "distilbert": "self_attention_dropout",
    "albert": "feedforward_dropout",
}
"""Layer of keras-hub's one block for all architectures that the original's block has not.

`TransformerBlock` of transformers' modeling_distilbert.py adds the attention's output as it is,
`AlbertLayer` of modeling_albert.py the feed-forward's.
"""


def _gelu_exact(x: Any) -> Any:
    return gelu(x) if is_for_xla() else keras.activations.gelu(x, approximate=False)


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
    """The tensors of a checkpoint's weight files by name, with or without a prefix.

    Has the two methods that keras-hub's converters call.
    """

    def __init__(self, files: Sequence[Path], by_hand: str | None = None) -> None:
        """Open the files.

        Args:
            files: Weight files of the checkpoint.
            by_hand: End of the name of a tensor that `port_weight` leaves alone.
        """
        self._by_hand = by_hand
        self._homes: dict[str, TensorFile] = {}
        for file in map(open_tensors, files):
            self._homes |= dict.fromkeys(file.keys(), file)
        self.missing: list[str] = []

    def has(self, name: str) -> bool:
        """Whether the checkpoint has this tensor, under any prefix."""
        return self._resolve(name) is not None

    def get_tensor(self, name: str) -> np.ndarray:
        """The tensor as float32; KeyError where there is none."""
        resolved = self._resolve(name)
        if resolved is None:
            raise KeyError(name)
        tensor: np.ndarray = self._homes[resolved].get_tensor(resolved)
        return tensor.astype(np.float32, copy=False)

    def port_weight(
        self,
        keras_variable: Any,
        hf_weight_key: str,
        hook_fn: Callable[[np.ndarray, list[int]], np.ndarray] | None = None,
    ) -> None:
        """Assigns a tensor to a variable; a missing one is noted and left as it was built."""
        if self._by_hand is not None and self._by_hand.endswith(hf_weight_key):
            return
        if not self.has(hf_weight_key):
            self.missing.append(hf_weight_key)
            return
        tensor = self.get_tensor(hf_weight_key)
        if hook_fn is not None:
            tensor = hook_fn(tensor, list(keras_variable.shape))
        keras_variable.assign(tensor)

    def _resolve(self, name: str) -> str | None:
        return find(name, self._homes)


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
        where,
        load_weights=False,
        dropout=BUILD_RATE,
        dtype=precision,
        **_sizes(config, model_type),
    )
    roberta = model_type in ("roberta", "xlm-roberta")
    reader = TensorReader(checkpoint.weight_files, by_hand=POSITIONS if roberta else None)
    CONVERTERS[model_type].convert_weights(backbone, reader, config)
    missing = [name for name in reader.missing if "pooler" not in name]
    if missing:
        raise InputError(
            f"the checkpoint lacks {len(missing)} tensors, the first is {missing[0]}",
            where=where,
            remedy="a complete checkpoint",
        )
    if roberta:
        _place_positions(backbone, reader)
        count_positions(backbone.embeddings, checkpoint.pad_token_id)
    _follow_config(backbone, config, checkpoint)
    pooler = backbone.pooled_dense.trainable_variables if reader.missing else []
    return Encoder(backbone=backbone, untrained=tuple(pooler))


def _sizes(config: Mapping[str, Any], model_type: str) -> dict[str, int]:
    """Sizes that keras-hub takes for others: BERT's token types and RoBERTa's positions.

    It always takes 2 token types, and leaves out 2 rows of the position table, whatever the
    padding token.
    """
    match model_type:
        case "bert":
            return {"num_segments": int(config.get("type_vocab_size", 2))}
        case "roberta" | "xlm-roberta":
            return {"max_sequence_length": int(config["max_position_embeddings"])}
        case _:
            return {}


def _place_positions(backbone: Any, reader: TensorReader) -> None:
    """Fills RoBERTa's position table.

    The embedding of the first token type, the only one in use, is added to every row, as
    keras-hub has no types.
    """
    rows = reader.get_tensor(POSITIONS)
    name = "roberta.embeddings.token_type_embeddings.weight"
    if reader.has(name):
        rows = rows + reader.get_tensor(name)[0]
    backbone.embeddings.position_embedding.position_embeddings.assign(rows)


def _follow_config(backbone: Any, config: Mapping[str, Any], checkpoint: CheckpointInfo) -> None:
    """Sets activation, layer-norm epsilon and places of dropout as the original has them.

    DistilBERT's epsilon is fixed in transformers' modeling_distilbert.py, whatever config.json
    says.
    """
    name = checkpoint.hidden_act
    if name not in ACTIVATIONS:
        raise InputError(
            f"the activation {name!r} is not supported",
            where=f"{checkpoint.folder}/config.json",
            remedy=f"one of {', '.join(ACTIVATIONS)}",
        )
    given = {} if checkpoint.model_type == "distilbert" else config
    epsilon = float(given.get("layer_norm_eps", LAYER_NORM_EPS))
    for layer in sublayers(backbone):
        if layer.name == "feedforward_intermediate_dense":
            layer.activation = ACTIVATIONS[name]
        if layer.name == ADDED_DROPOUT.get(checkpoint.model_type):
            layer.rate = 0.0
        if isinstance(layer, keras.layers.LayerNormalization):
            layer.epsilon = epsilon


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
