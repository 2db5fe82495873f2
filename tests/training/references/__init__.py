"""Numbers computed by torch and transformers, stored by `make_references`."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from tests.tiny_checkpoints import MODEL_TYPES, write_checkpoint

FOLDER = Path(__file__).parent

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    **{model_type: (model_type, {}) for model_type in MODEL_TYPES},
    **{f"{each} relu": (each, {"hidden_act": "relu"}) for each in MODEL_TYPES},
    **{f"{each} epsilon": (each, {"layer_norm_eps": 0.1}) for each in ("bert", "roberta")},
    "distilbert epsilon": ("distilbert", {"layer_norm_eps": 0.1}),
    "albert two groups": ("albert", {"num_hidden_groups": 2}),
    "albert two inner layers": ("albert", {"inner_group_num": 2}),
    "bert one type": ("bert", {"type_vocab_size": 1}),
    "bert three types": ("bert", {"type_vocab_size": 3}),
    **{
        f"{each} pad {pad}": (each, {"pad_token_id": pad})
        for each in ("roberta", "xlm-roberta")
        for pad in (0, 4)
    },
}
"""Architecture and what config.json says otherwise, of each tiny checkpoint in encoders.json."""

_ACTIVATION = {"distilbert": "activation", "modernbert": "hidden_activation"}
"""Name of `hidden_act` where it is another one."""

POSITION_CASES = (
    *(f"{each}{pad}" for each in ("roberta", "xlm-roberta") for pad in (" pad 0", "", " pad 4")),
)
"""Keys of positions.json."""

MAX_LENGTH = 40
"""Tokens of the rows of texts.json."""

TEXTS = (
    "", "The film was WONDERFUL.", "caf\u00e9  \u7535\u5f71 \U0001f600",
    "[SEP] <pad> the </s>", "a very  dreadful plot and cast " * 20,
)  # fmt: skip
PAIRS = tuple((text, TEXTS[(number + 2) % len(TEXTS)]) for number, text in enumerate(TEXTS))
"""Texts and pairs that the models of texts.json classify."""


def write_tiny(folder: Path, case: str) -> Path:
    """Writes the checkpoint that a case of encoders.json was computed from."""
    model_type, changes = CASES[case]
    labels = ("bad", "fair", "good")
    write_checkpoint(folder, model_type, hidden=16, seed=5, labels=labels)
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    if model_type in _ACTIVATION and "hidden_act" in changes:
        changes = {_ACTIVATION[model_type]: changes["hidden_act"]}
    path.write_text(json.dumps(config | changes), encoding="utf-8")
    if "type_vocab_size" in changes:
        _write_types(folder / "model.safetensors", changes["type_vocab_size"])
    for key, old, new in (
        ("num_hidden_groups", "layer_groups.0", "layer_groups.1"),
        ("inner_group_num", "albert_layers.0", "albert_layers.1"),
    ):
        if key in changes:
            _write_layers(folder / "model.safetensors", old, new)
    return folder


def _write_layers(path: Path, old: str, new: str) -> None:
    """Gives an ALBERT layers more, with weights of half the size."""
    weights = load_file(path)
    more = {name.replace(old, new): value / 2 for name, value in weights.items() if old in name}
    save_file(weights | more, path, metadata={"format": "pt"})


def _write_types(path: Path, count: int) -> None:
    """Gives a BERT as many token types, by halving those that it has for any further ones."""
    weights = load_file(path)
    name = "bert.embeddings.token_type_embeddings.weight"
    weights[name] = np.concatenate([weights[name], weights[name] / 2])[:count]
    save_file(weights, path, metadata={"format": "pt"})


def checksum(folder: Path) -> float:
    """Sum of all absolute weights: tells whether a checkpoint is the one of the figures."""
    weights = load_file(folder / "model.safetensors").values()
    return float(sum(np.abs(weight.astype(np.float64)).sum() for weight in weights))


def load(name: str) -> dict[str, Any]:
    """One file of figures."""
    figures: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return figures
