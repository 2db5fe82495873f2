"""The tensors that an encoder is made of, by the names that transformers gives them."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

Tensor = tuple[str, tuple[int, ...]]
"""Name and shape."""

SIZES: Mapping[str, tuple[str, ...]] = {
    "bert": (
        "vocab_size", "max_position_embeddings", "hidden_size", "intermediate_size",
        "num_hidden_layers", "num_attention_heads",
    ),
    "distilbert": (
        "vocab_size", "max_position_embeddings", "dim", "hidden_dim", "n_layers", "n_heads",
    ),
    "albert": (
        "vocab_size", "max_position_embeddings", "embedding_size", "hidden_size",
        "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_hidden_groups",
        "inner_group_num", "type_vocab_size",
    ),
}  # fmt: skip
"""Keys of config.json that must hold sizes; the other architectures have BERT's."""

POOLER = "pooler"
"""Part of the names of the tensors that a checkpoint may lack."""


def find(name: str, names: Collection[str]) -> str | None:
    """The full name of a tensor, which may have a prefix more or less than asked for."""
    for candidate in (name, name.partition(".")[2]):
        if candidate in names:
            return candidate
    return next((full for full in names if full.endswith(f".{name}")), None)


def encoder_tensors(
    config: Mapping[str, Any], model_type: str, names: Collection[str]
) -> Iterator[Tensor]:
    """All tensors that the encoder of a config.json takes from its checkpoint.

    Args:
        config: With a positive whole number for each of `SIZES`.
        model_type: One of the supported ones.
        names: Those that the checkpoint has, which decide how layer norms are spelled.
    """
    match model_type:
        case "distilbert":
            yield from _distilbert(config)
        case "albert":
            yield from _albert(config)
        case "roberta":
            # Its only token type in use means nothing, and some checkpoints leave it out.
            has_types = find("embeddings.token_type_embeddings.weight", names) is not None
            types = int(config.get("type_vocab_size", 2)) if has_types else 0
            yield from _bert(config, "roberta.", ("weight", "bias"), types)
        case _:
            old = find("embeddings.LayerNorm.gamma", names) is not None
            norm = ("gamma", "beta") if old else ("weight", "bias")
            yield from _bert(config, "", norm, types=int(config.get("type_vocab_size", 2)))
    if model_type in ("bert", "albert"):
        width = config["hidden_size"]
        prefix = "pooler.dense" if model_type == "bert" else "albert.pooler"
        yield from _linear(prefix, width, width)


def _bert(
    config: Mapping[str, Any], prefix: str, norm: tuple[str, str], types: int
) -> Iterator[Tensor]:
    width, inner = config["hidden_size"], config["intermediate_size"]
    yield from _embeddings(config, prefix, width, norm, types)
    for number in range(config["num_hidden_layers"]):
        layer = f"{prefix}encoder.layer.{number}."
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            yield from _linear(f"{layer}attention.{part}", width, width)
        yield from _norm(f"{layer}attention.output.LayerNorm", width, norm)
        yield from _linear(f"{layer}intermediate.dense", inner, width)
        yield from _linear(f"{layer}output.dense", width, inner)
        yield from _norm(f"{layer}output.LayerNorm", width, norm)


def _distilbert(config: Mapping[str, Any]) -> Iterator[Tensor]:
    width, inner = config["dim"], config["hidden_dim"]
    yield from _embeddings(config, "distilbert.", width)
    for number in range(config["n_layers"]):
        layer = f"distilbert.transformer.layer.{number}."
        for part in ("q_lin", "k_lin", "v_lin", "out_lin"):
            yield from _linear(f"{layer}attention.{part}", width, width)
        yield from _norm(f"{layer}sa_layer_norm", width)
        yield from _linear(f"{layer}ffn.lin1", inner, width)
        yield from _linear(f"{layer}ffn.lin2", width, inner)
        yield from _norm(f"{layer}output_layer_norm", width)


def _albert(config: Mapping[str, Any]) -> Iterator[Tensor]:
    narrow, width, inner = (
        config[key] for key in ("embedding_size", "hidden_size", "intermediate_size")
    )
    yield from _embeddings(config, "albert.", narrow, types=config["type_vocab_size"])
    yield from _linear("albert.encoder.embedding_hidden_mapping_in", width, narrow)
    for group in range(config["num_hidden_groups"]):
        for number in range(config["inner_group_num"]):
            layer = f"albert.encoder.albert_layer_groups.{group}.albert_layers.{number}."
            for part in ("query", "key", "value", "dense"):
                yield from _linear(f"{layer}attention.{part}", width, width)
            yield from _norm(f"{layer}attention.LayerNorm", width)
            yield from _linear(f"{layer}ffn", inner, width)
            yield from _linear(f"{layer}ffn_output", width, inner)
            yield from _norm(f"{layer}full_layer_layer_norm", width)


def _embeddings(
    config: Mapping[str, Any],
    prefix: str,
    width: int,
    norm: tuple[str, str] = ("weight", "bias"),
    types: int = 0,
) -> Iterator[Tensor]:
    place = f"{prefix}embeddings."
    yield f"{place}word_embeddings.weight", (config["vocab_size"], width)
    yield f"{place}position_embeddings.weight", (config["max_position_embeddings"], width)
    if types:
        yield f"{place}token_type_embeddings.weight", (types, width)
    yield from _norm(f"{place}LayerNorm", width, norm)


def _linear(name: str, outputs: int, inputs: int) -> Iterator[Tensor]:
    yield f"{name}.weight", (outputs, inputs)
    yield f"{name}.bias", (outputs,)


def _norm(name: str, width: int, norm: tuple[str, str] = ("weight", "bias")) -> Iterator[Tensor]:
    yield f"{name}.{norm[0]}", (width,)
    yield f"{name}.{norm[1]}", (width,)
