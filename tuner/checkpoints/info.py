"""Content of a checkpoint folder, read from its configuration and the headers of its weights.

No code of a checkpoint runs, and nothing that a pickle names.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuner.checkpoints.architecture import likely_family
from tuner.checkpoints.content import combined_hash, file_hash
from tuner.checkpoints.links import check_links
from tuner.checkpoints.other_formats import without_config
from tuner.checkpoints.repair import fetch_again
from tuner.checkpoints.tokenizer_files import find_tokenizer_files
from tuner.checkpoints.weights import find_weights
from tuner.encoders import REGISTRY, Family
from tuner.errors import InputError


@dataclass(frozen=True, kw_only=True)
class CheckpointInfo:
    """A checkpoint that can be fine-tuned."""

    folder: Path
    """Absolute."""

    family: Family
    """Its encoder: sizes, and all that depends on the architecture."""

    weight_files: tuple[Path, ...]
    """In the folder, sorted."""

    tokenizer_files: tuple[Path, ...]
    """Those of `TOKENIZER_FILES` that are there."""

    fingerprint: str
    """SHA-256 over the contents of configuration, weights and tokenizer."""


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
    kind = REGISTRY.find(model_type, where=f"model_type in {folder / 'config.json'}")
    family = kind.from_config(config, folder)
    weights = find_weights(folder, family)
    tokenizer = find_tokenizer_files(folder)
    files = (folder / "config.json", *weights, *tokenizer)
    return CheckpointInfo(
        folder=folder.absolute(),
        family=family,
        weight_files=weights,
        tokenizer_files=tokenizer,
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
    if special_tokens < max_length <= info.family.max_positions:
        return
    problem = f"the model reads at most {info.family.max_positions} tokens"
    if max_length <= special_tokens:
        problem = f"{special_tokens} of the tokens are special ones, which leaves none for text"
    raise InputError(
        f"max_length {max_length} does not fit: {problem}",
        where=f"model.max_length with {info.folder}",
        remedy=f"model.max_length={min(info.family.max_positions, max(max_length, 32))}",
    )


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    if not path.is_file():
        raise without_config(folder)
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise InputError(
            f"config.json cannot be read: {error}",
            where=str(path),
            remedy=fetch_again(folder, path.name),
        ) from error
    if not isinstance(config, dict):
        raise InputError(
            "config.json holds no JSON object",
            where=str(path),
            remedy=fetch_again(folder, path.name),
        )
    return config


def _no_model_type(config: Mapping[str, Any], folder: Path) -> InputError:
    likely = likely_family(config, folder)
    remedy = f"model.checkpoint=FOLDER of one of {', '.join(REGISTRY.names())}"
    if likely is not None:
        remedy = f'"model_type": "{likely.name}" in config.json, which its names speak for'
    return InputError(
        "config.json does not say the architecture: model_type is missing",
        where=str(folder / "config.json"),
        remedy=remedy,
    )
