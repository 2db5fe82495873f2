"""Tiny encoders of every family, and what is fed to them; the same for torch and for us."""

import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from tuner import encoders
from tuner.encoders import Draw, Family, Parameter
from tuner.tasks import HeadKind

FOLDER = Path(__file__).parent / "references"
LABELS = 3
HEADS = (HeadKind.TOKEN, HeadKind.SPAN, HeadKind.CHOICE)
"""Heads beside that of the sequence classifier, which has references of its own."""

BERT = {
    "vocab_size": 41, "hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3,
    "intermediate_size": 20, "max_position_embeddings": 11,
}  # fmt: skip
ROBERTA = BERT | {"max_position_embeddings": 17}
NARROW = BERT | {"embedding_size": 8}
DISTILBERT = {
    "vocab_size": 41, "dim": 12, "n_layers": 2, "n_heads": 3, "hidden_dim": 20,
    "max_position_embeddings": 11,
}  # fmt: skip

MPNET = BERT | {"max_position_embeddings": 13}
DEBERTA = BERT | {
    "embedding_size": 8, "relative_attention": True, "pos_att_type": ["p2c", "c2p"],
    "position_buckets": 4, "max_relative_positions": 7, "norm_rel_ebd": "layer_norm",
    "share_att_key": True, "position_biased_input": False, "pooler_dropout": 0.1,
}  # fmt: skip
MODERNBERT = {
    "vocab_size": 41, "hidden_size": 12, "num_hidden_layers": 3, "num_attention_heads": 3,
    "intermediate_size": 20, "max_position_embeddings": 11, "pad_token_id": 0,
    "global_attn_every_n_layers": 2, "local_attention": 4, "attention_dropout": 0.1,
}  # fmt: skip

ACTIVATIONS = {
    act: {"hidden_act": act}
    for act in (
        "gelu_python", "gelu_new", "gelu_fast", "gelu_pytorch_tanh", "quick_gelu", "relu", "silu",
        "swish", "tanh",
    )
}  # fmt: skip
WIDE = {"hidden_size": 15, "num_attention_heads": 5, "intermediate_size": 7}
OPTIONS = {
    "wide": WIDE,
    "one layer, one head": {"num_hidden_layers": 1, "num_attention_heads": 1},
    "epsilon": {"layer_norm_eps": 0.1},
    "relu": {"hidden_act": "relu"},
}
TYPES = {"three types": {"type_vocab_size": 3}}
PADDING = {
    "pad 0": {"pad_token_id": 0},
    "pad 4": {"pad_token_id": 4},
    "one type": {"type_vocab_size": 1},
}


def _cases(plain: dict[str, Any], *options: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The plain encoder, and one for each option."""
    changed = {name: plain | fields for each in options for name, fields in each.items()}
    return {"plain": plain} | changed


CASES: dict[str, dict[str, dict[str, Any]]] = {
    "bert": _cases(BERT, OPTIONS, TYPES, ACTIVATIONS),
    "roberta": _cases(ROBERTA, OPTIONS, PADDING),
    "xlm-roberta": _cases(ROBERTA, OPTIONS, PADDING),
    "camembert": _cases(ROBERTA, OPTIONS, PADDING),
    "electra": _cases(NARROW, OPTIONS, TYPES, {"one width": {"embedding_size": 12}}),
    "albert": _cases(
        NARROW,
        OPTIONS,
        TYPES,
        {
            "gelu": {"hidden_act": "gelu"},
            "one width": {"embedding_size": 12},
            "two groups": {"num_hidden_groups": 2, "num_hidden_layers": 4},
            "two inner layers": {"inner_group_num": 2},
        },
    ),
    "distilbert": _cases(
        DISTILBERT,
        {
            "wide": {"dim": 15, "n_heads": 5, "hidden_dim": 7},
            "one layer, one head": {"n_layers": 1, "n_heads": 1},
            "relu": {"activation": "relu"},
        },
    ),
    "mpnet": _cases(
        MPNET,
        OPTIONS,
        {"pad 0": {"pad_token_id": 0}, "more rows": {"relative_attention_num_buckets": 40}},
    ),
    "deberta-v2": _cases(
        DEBERTA,
        OPTIONS,
        {
            "v2 of old": {"share_att_key": False, "position_biased_input": True},
            "c2p": {"pos_att_type": "c2p"},
            "p2c": {"pos_att_type": "p2c", "share_att_key": False},
            "no kinds": {"pos_att_type": None},
            "without relative positions": {"relative_attention": False},
            "without buckets": {"position_buckets": -1},
            "range of the positions": {"position_buckets": -1, "max_relative_positions": -1},
            "short range": {"position_buckets": -1, "max_relative_positions": 3},
            "without norm": {"norm_rel_ebd": "none"},
            "types": {"type_vocab_size": 2},
            "one width": {"embedding_size": 12},
            "convolution": {"conv_kernel_size": 3, "position_biased_input": True},
            "wide convolution": {"conv_kernel_size": 5, "conv_act": "gelu"},
            "pooler": {"pooler_hidden_act": "tanh"},
        },
    ),
    "modernbert": _cases(
        MODERNBERT,
        {
            "wide": {"hidden_size": 20, "num_attention_heads": 5, "intermediate_size": 7},
            "one layer": {"num_hidden_layers": 1},
            "relu": {"hidden_activation": "relu"},
            "epsilon": {"norm_eps": 0.1},
            "norms with bias": {"norm_bias": True},
            "attention with bias": {"attention_bias": True},
            "feed-forward with bias": {"mlp_bias": True},
            "mean": {"classifier_pooling": "mean"},
            "classifier": {"classifier_bias": True, "classifier_activation": "tanh"},
            "one global layer": {"global_attn_every_n_layers": 5},
            "all layers global": {"global_attn_every_n_layers": 1},
            "odd window": {"local_attention": 7},
            "rotations": {"global_rope_theta": 100.0, "local_rope_theta": 5.0},
        },
    ),
}
"""Family to the fields of config.json of each case; the first case has gradients, too."""


def make_family(name: str, case: str) -> Family:
    """The encoder of a case."""
    return encoders.find(name).from_config(CASES[name][case], Path(name))


def make_weights(parameters: Iterable[Parameter]) -> dict[str, np.ndarray]:
    """Random weights that follow from the names alone, large enough that every part shows."""
    made = {}
    for each in parameters:
        random = np.random.default_rng(zlib.crc32(each.name.encode()))
        scale = 0.2 if len(each.shape) == 1 else 1.5 / np.sqrt(each.shape[-1])
        values = scale * random.normal(size=each.shape) + (each.draw is Draw.ONES)
        made[each.name] = values.astype(np.float32)
    return made


def make_inputs(family: Family) -> dict[str, np.ndarray]:
    """Rows of 9, 6 and 2 tokens; the second has the padding token among them."""
    random = np.random.default_rng(7)
    lengths = np.array([9, 6, 2], np.int32)
    ids = random.integers(5, family.vocab_size, (3, 9)).astype(np.int32)
    ids[np.arange(9) >= lengths[:, None]] = family.pad_token_id
    ids[1, 3] = family.pad_token_id
    types = random.integers(0, max(1, family.token_types), ids.shape).astype(np.int32)
    return {"ids": ids, "types": types, "lengths": lengths}


GRADIENT_ROWS = (0, 2)
"""Rows of the loss; torch gives the padding token's embedding no gradient."""
GRADIENT_LABELS = (1, 2)


def real_tokens(inputs: dict[str, np.ndarray]) -> np.ndarray:
    """True for tokens that are no padding."""
    return np.arange(inputs["ids"].shape[1]) < inputs["lengths"][:, None]


def coefficients(shape: tuple[int, ...], inputs: dict[str, np.ndarray]) -> np.ndarray:
    """Factors of outputs in a sum whose gradients are compared; 0 for padding.

    Args:
        shape: Shape of the outputs, [rows, outputs] or [rows, tokens, outputs].
        inputs: Inputs of the encoder.
    """
    random = np.random.default_rng(3).normal(size=shape).astype(np.float32)
    kept = np.isin(np.arange(shape[0]), GRADIENT_ROWS).reshape(-1, *[1] * (len(shape) - 1))
    real = real_tokens(inputs)[..., np.newaxis] if len(shape) == 3 else True
    return np.where(kept & real, random, np.float32(0))
