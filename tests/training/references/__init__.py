"""What torch and transformers compute, stored as numbers by `make_references`."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from tests.checkpoints import MODEL_TYPES, write_checkpoint

FOLDER = Path(__file__).parent

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    **{model_type: (model_type, {}) for model_type in MODEL_TYPES},
    **{f"{each} relu": (each, {"hidden_act": "relu"}) for each in MODEL_TYPES},
    **{f"{each} gelu_new": (each, {"hidden_act": "gelu_new"}) for each in ("bert", "albert")},
    **{f"{each} epsilon": (each, {"layer_norm_eps": 0.1}) for each in ("bert", "roberta")},
}
"""Architecture, and what config.json says otherwise, of each tiny checkpoint in encoders.json."""


def write_tiny(folder: Path, case: str) -> Path:
    """Writes the checkpoint that a case of encoders.json was computed from."""
    model_type, changes = CASES[case]
    labels = ("bad", "fair", "good")
    write_checkpoint(folder, model_type, hidden=16, seed=5, labels=labels)
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    if model_type == "distilbert" and "hidden_act" in changes:
        changes = {"activation": changes["hidden_act"]}
    path.write_text(json.dumps(config | changes), encoding="utf-8")
    return folder


def checksum(folder: Path) -> float:
    """Sum of all absolute weights: tells whether a checkpoint is the one of the figures."""
    weights = load_file(folder / "model.safetensors").values()
    return float(sum(np.abs(weight.astype(np.float64)).sum() for weight in weights))


def load(name: str) -> dict[str, Any]:
    """One file of figures."""
    figures: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return figures
