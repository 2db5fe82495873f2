"""Content of a checkpoint folder, read from its configuration and the headers of its weights.

No code of a checkpoint runs, and nothing that a pickle names.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuner.checkpoints.architecture import likely_model_type
from tuner.checkpoints.config_fields import is_share, refuse_unsupported
from tuner.checkpoints.content import combined_hash, file_hash
from tuner.checkpoints.links import check_links
from tuner.checkpoints.other_formats import without_config
from tuner.checkpoints.tensors import SIZES, encoder_tensors
from tuner.checkpoints.tokenizer_files import find_tokenizer_files
from tuner.checkpoints.weights import find_weights
from tuner.errors import InputError
from tuner.formatting.value_text import value_text
from tuner.trial.memory import ModelShape

SUPPORTED = ("bert", "roberta", "distilbert", "albert", "xlm-roberta")
"""Values of `model_type` in config.json that can be fine-tuned."""

ACTIVATIONS = (
    "gelu", "gelu_python", "gelu_new", "gelu_fast", "gelu_pytorch_tanh", "quick_gelu", "relu",
    "silu", "swish", "tanh",
)  # fmt: skip
"""Values of `hidden_act` that can be computed."""

LARGEST = 2**31
"""No size in a config.json reaches it."""

MOST_LAYERS = 1000
"""ALBERT's, which share their weights, are not held against any tensors."""

_DISTILBERT_KEYS = {"hidden_size": "dim", "num_hidden_layers": "n_layers"}
_DISTILBERT_KEYS |= {"num_attention_heads": "n_heads", "hidden_act": "activation"}
_DISTILBERT_KEYS |= {"intermediate_size": "hidden_dim"}
_DROPOUT_KEYS = {
    "roberta": "hidden_dropout_prob",
    "distilbert": "dropout",
    "albert": "attention_probs_dropout_prob",
}
"""Rates that keras-hub asks for, though each trial sets its own."""

_AS_WRITTEN = "config.json as `save_pretrained` of transformers writes it"


@dataclass(frozen=True, kw_only=True)
class CheckpointInfo:
    """A checkpoint that can be fine-tuned.

    Attributes:
        folder: Absolute.
        model_type: One of `SUPPORTED`.
        hidden_size: Width of the hidden states.
        layers: Transformer layers.
        vocab_size: Rows of the token embedding.
        max_positions: Tokens that a text may have, special ones included.
        hidden_act: Name of the activation in the feed-forward layers, as transformers calls it.
        pad_token_id: `pad_token_id` of config.json; RoBERTa counts positions from it.
        token_types: Number of token types of the encoder; 0 if it has none.
        weight_files: In the folder, sorted.
        tokenizer_files: Those of `TOKENIZER_FILES` that are there.
        shape: The sizes that decide its memory.
        fingerprint: SHA-256 over the contents of configuration, weights and tokenizer.
    """

    folder: Path
    model_type: str
    hidden_size: int
    layers: int
    vocab_size: int
    max_positions: int
    hidden_act: str
    pad_token_id: int
    token_types: int
    weight_files: tuple[Path, ...]
    tokenizer_files: tuple[Path, ...]
    shape: ModelShape
    fingerprint: str


def inspect(folder: Path) -> CheckpointInfo:
    """Read and check a checkpoint folder.

    Raises:
        InputError: No folder, no or a malformed config.json, an architecture that is not
            supported, no weights, weights that are cut off, lack tensors,
            do not fit config.json or hold NaN, or no tokenizer.
    """
    config = _read_config(folder)
    check_links(folder)
    model_type = config.get("model_type")
    if model_type is None:
        raise _no_model_type(config, folder)
    if model_type not in SUPPORTED:
        raise InputError(
            f"architecture {value_text(model_type)} is not supported",
            where=f"model_type in {folder / 'config.json'}",
            remedy=f"a checkpoint of one of {', '.join(SUPPORTED)}",
        )
    _check_config(config, model_type, folder)
    vocab_size = _integer(config, "vocab_size", folder)
    positions = _integer(config, "max_position_embeddings", folder)
    roberta = model_type in ("roberta", "xlm-roberta")
    pad = _padding(config, vocab_size, folder, default=1 if roberta else 0)
    weights = find_weights(folder, config, model_type)
    tokenizer = find_tokenizer_files(folder)
    files = (folder / "config.json", *weights, *tokenizer)
    return CheckpointInfo(
        folder=folder.absolute(),
        model_type=model_type,
        hidden_size=_integer(config, _key("hidden_size", model_type), folder),
        layers=_integer(config, _key("num_hidden_layers", model_type), folder),
        vocab_size=vocab_size,
        # RoBERTa's first token has the position pad_token_id + 1.
        max_positions=positions - (pad + 1 if roberta else 0),
        hidden_act=str(config.get(_key("hidden_act", model_type), _default_act(model_type))),
        pad_token_id=pad,
        token_types=config.get("type_vocab_size", 2) if model_type in ("bert", "albert") else 0,
        weight_files=weights,
        tokenizer_files=tokenizer,
        shape=_shape(config, model_type),
        fingerprint=combined_hash(f"{file.name} {file_hash(file)}" for file in files),
    )


def check_length(info: CheckpointInfo, max_length: int, special_tokens: int) -> None:
    """Refuse a `model.max_length` beyond the model's positions, or without room for a text.

    Args:
        info: The checkpoint.
        max_length: Tokens, special ones included.
        special_tokens: Number of tokens that the tokenizer adds to a text or pair.

    Raises:
        InputError: It is too long or too short.
    """
    if special_tokens < max_length <= info.max_positions:
        return
    problem = f"the model reads at most {info.max_positions} tokens"
    if max_length <= special_tokens:
        problem = f"{special_tokens} of the tokens are special ones, which leaves none for text"
    raise InputError(
        f"max_length {max_length} does not fit: {problem}",
        where=f"model.max_length with {info.folder}",
        remedy=f"model.max_length={min(info.max_positions, max(max_length, 32))}",
    )


def _shape(config: dict[str, Any], model_type: str) -> ModelShape:
    """Sizes of a config.json that `_check_config` accepted."""

    def size(name: str) -> int:
        return int(config[_key(name, model_type)])

    return ModelShape(
        hidden=size("hidden_size"),
        intermediate=size("intermediate_size"),
        layers=size("num_hidden_layers"),
        heads=size("num_attention_heads"),
        vocabulary=size("vocab_size"),
        embedding=size("embedding_size" if model_type == "albert" else "hidden_size"),
        parameters=sum(math.prod(shape) for _, shape in encoder_tensors(config, model_type, ())),
    )


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    if not path.is_file():
        raise without_config(folder)
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise InputError(
            f"config.json cannot be read: {error}", where=str(path), remedy="valid JSON"
        ) from error
    if not isinstance(config, dict):
        raise InputError("config.json holds no JSON object", where=str(path), remedy=_AS_WRITTEN)
    return config


def _no_model_type(config: Mapping[str, Any], folder: Path) -> InputError:
    likely = likely_model_type(config, folder)
    remedy = f"a checkpoint of one of {', '.join(SUPPORTED)}"
    if likely in SUPPORTED:
        remedy = f'"model_type": "{likely}" in config.json, which its names speak for'
    return InputError(
        "config.json does not say the architecture: model_type is missing",
        where=str(folder / "config.json"),
        remedy=remedy,
    )


def _check_config(config: dict[str, Any], model_type: str, folder: Path) -> None:
    """Refuse a model that cannot be built, or would be built as another one.

    keras-hub takes a config.json with a `registered_name` for an object of Keras, whose classes
    it would import by the names that stand in it.
    """
    for key in SIZES.get(model_type, SIZES["bert"]):
        _integer(config, key, folder)
    if "type_vocab_size" in config:
        _integer(config, "type_vocab_size", folder)
    width, heads = (
        config[_key(name, model_type)] for name in ("hidden_size", "num_attention_heads")
    )
    groups = config["num_hidden_groups"] if model_type == "albert" else 1
    layers = config[_key("num_hidden_layers", model_type)]
    dropout = _DROPOUT_KEYS.get(model_type)
    act = config.get(_key("hidden_act", model_type), _default_act(model_type))
    epsilon = config.get("layer_norm_eps", 0.0)
    kind = config.get("position_embedding_type", "absolute")
    problems = {
        "registered_name names code, which is not run": "registered_name" in config,
        f"{heads} attention heads do not divide the width {width}": width % heads != 0,
        f"{groups} groups do not divide the {layers} layers": layers % groups != 0,
        f"{layers} layers are more than {MOST_LAYERS}": layers > MOST_LAYERS,
        f"{dropout} is missing": dropout is not None and dropout not in config,
        f"layer_norm_eps is {value_text(epsilon)}, which is no small number": not is_share(
            epsilon
        ),
    }
    if kind != "absolute":
        raise InputError(
            f"the positions are {value_text(kind)}, and only absolute ones are supported",
            where=f"position_embedding_type in {folder / 'config.json'}",
            remedy="a checkpoint with absolute positions, such as model=bert_base; its weights "
            "mean nothing without the relative ones",
        )
    for problem, holds in problems.items():
        if holds:
            raise InputError(problem, where=str(folder / "config.json"), remedy=_AS_WRITTEN)
    refuse_unsupported(config, model_type, folder)
    if act not in ACTIVATIONS:
        raise InputError(
            f"the activation {value_text(act)} is not supported",
            where=str(folder / "config.json"),
            remedy=f"one of {', '.join(ACTIVATIONS)}",
        )


def _padding(config: dict[str, Any], vocab_size: int, folder: Path, *, default: int) -> int:
    pad = config.get("pad_token_id")
    if pad is None:
        return default
    if isinstance(pad, bool) or not isinstance(pad, int) or not 0 <= pad < vocab_size:
        raise InputError(
            f"pad_token_id is {value_text(pad)}, which is no token of {vocab_size}",
            where=str(folder / "config.json"),
            remedy=_AS_WRITTEN,
        )
    return pad


def _key(name: str, model_type: str) -> str:
    return _DISTILBERT_KEYS.get(name, name) if model_type == "distilbert" else name


def _default_act(model_type: str) -> str:
    """The activation where config.json names none, as in transformers' configurations."""
    return "gelu_new" if model_type == "albert" else "gelu"


def _integer(config: dict[str, Any], key: str, folder: Path) -> int:
    value = config.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < LARGEST:
        raise InputError(
            f"{key} is {value_text(value)}, which is no positive whole number below {LARGEST}",
            where=str(folder / "config.json"),
            remedy=_AS_WRITTEN,
        )
    return value
