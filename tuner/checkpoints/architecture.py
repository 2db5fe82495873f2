"""Likely architecture of a config.json without `model_type`."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tuner.checkpoints.tensor_file import open_tensors
from tuner.encoders import REGISTRY, Family
from tuner.errors import InputError


def likely_family(config: Mapping[str, Any], folder: Path) -> type[Family] | None:
    """Return the family that classes or tensors of a checkpoint speak for; None: neither do.

    Args:
        config: config.json.
        folder: The checkpoint.
    """
    named = config.get("architectures")
    classes = [name for name in named if isinstance(name, str)] if isinstance(named, list) else []
    begun = [
        family
        for family in REGISTRY.bundled()
        if any(name.startswith(family.class_prefix) for name in classes)
    ]
    if begun:
        return max(begun, key=lambda family: len(family.class_prefix))
    names = _tensor_names(folder)
    shared = {family: _shared(family, names) for family in REGISTRY.bundled()}
    # Of families that name their tensors alike, the one that they are named after.
    best = max(shared, key=lambda family: (shared[family], family.name == family.prefix))
    return best if shared[best] else None


def _shared(family: type[Family], names: Collection[str]) -> int:
    """Number of tensors that a file and a family have in common."""
    usual = (each.name for each in family().parameters())
    return sum(any(each in names for each in family.names_in_files(name)) for name in usual)


def _tensor_names(folder: Path) -> set[str]:
    names: set[str] = set()
    for pattern in ("*.safetensors", "pytorch_model*.bin"):
        for path in sorted(folder.glob(pattern)):
            with suppress(InputError):
                names.update(open_tensors(path).keys())
    return names
