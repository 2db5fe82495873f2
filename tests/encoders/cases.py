"""Tiny encoders of every family, and what is fed to them; the same for torch and for us."""

import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from tuner import encoders
from tuner.encoders import Draw, Family, Parameter

FOLDER = Path(__file__).parent / "references"
LABELS = 3

BERT = {
    "vocab_size": 41, "hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3,
    "intermediate_size": 20, "max_position_embeddings": 11,
}  # fmt: skip

CASES: dict[str, dict[str, dict[str, Any]]] = {
    "bert": {
        "plain": BERT,
        "wide": BERT | {"hidden_size": 15, "num_attention_heads": 5, "intermediate_size": 7},
        "one layer, one head": BERT | {"num_hidden_layers": 1, "num_attention_heads": 1},
        "three types": BERT | {"type_vocab_size": 3},
        "epsilon": BERT | {"layer_norm_eps": 0.1},
        **{
            act: BERT | {"hidden_act": act}
            for act in (
                "gelu_python", "gelu_new", "gelu_fast", "gelu_pytorch_tanh", "quick_gelu",
                "relu", "silu", "swish", "tanh",
            )
        },
    },
}  # fmt: skip
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
