"""Likely architecture of a config.json without `model_type`."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tuner.checkpoints.tensor_file import open_tensors
from tuner.errors import InputError

_CLASSES: Mapping[str, str] = {
    "DistilBert": "distilbert", "Albert": "albert", "XLMRoberta": "xlm-roberta",
    "Roberta": "roberta", "Bert": "bert",
}  # fmt: skip
"""Beginning of a class's name in `architectures` to its `model_type`."""

_TENSORS: Mapping[str, str] = {
    "distilbert.": "distilbert", "transformer.layer.0.attention.q_lin": "distilbert",
    "albert.": "albert", "encoder.albert_layer_groups.": "albert",
    "roberta.": "roberta", "bert.": "bert", "encoder.layer.0.attention.self.query": "bert",
}  # fmt: skip
"""Beginning of a tensor's name to the `model_type` that has it."""


def likely_model_type(config: Mapping[str, Any], folder: Path) -> str | None:
    """Return the `model_type` that classes or tensors of a checkpoint speak for; None: neither do.

    Args:
        config: config.json.
        folder: The checkpoint.
    """
    named = config.get("architectures")
    classes = [name for name in named if isinstance(name, str)] if isinstance(named, list) else []
    return _first(_CLASSES, classes) or _first(_TENSORS, _tensor_names(folder))


def _first(types: Mapping[str, str], names: Collection[str]) -> str | None:
    """The type of the first beginning that any of the names has."""
    return next(
        (kind for begin, kind in types.items() if any(n.startswith(begin) for n in names)), None
    )


def _tensor_names(folder: Path) -> list[str]:
    names: list[str] = []
    for pattern in ("*.safetensors", "pytorch_model*.bin"):
        for path in sorted(folder.glob(pattern)):
            with suppress(InputError):
                names += open_tensors(path).keys()
    return names
