"""Weight files in safetensors format, checked by their headers alone."""

import json
from pathlib import Path
from typing import Any

from tuner.errors import InputError

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"

_LENGTH_BYTES = 8
_LARGEST_HEADER = 100 * 2**20  # the limit that the format itself sets


def find_weights(folder: Path, vocab_size: int) -> tuple[Path, ...]:
    """The folder's weight files, each known to be whole.

    Args:
        folder: The checkpoint.
        vocab_size: Rows that the token embedding has according to config.json.

    Raises:
        InputError: There are none, one is missing or cut off, or they are not an encoder's.
    """
    files = _files(folder)
    shapes: dict[str, list[int]] = {}
    for file in files:
        shapes |= _read_shapes(file)
    rows = [s[0] for name, s in shapes.items() if name.endswith("word_embeddings.weight") and s]
    if not rows:
        raise InputError(
            "the weights hold no token embedding (word_embeddings.weight)",
            where=str(files[0]),
            remedy="the weights of an encoder, under the names that transformers gives them",
        )
    if rows[0] != vocab_size:
        raise InputError(
            f"config.json says vocab_size {vocab_size}, the weights have {rows[0]} embeddings",
            where=str(folder),
            remedy="config.json and weights that were saved together",
        )
    return files


def _files(folder: Path) -> tuple[Path, ...]:
    if (folder / INDEX).is_file():
        names = _indexed(folder / INDEX)
        missing = [name for name in names if not (folder / name).is_file()]
        if missing:
            raise InputError(
                f"weight files are missing: {', '.join(missing)}",
                where=str(folder),
                remedy=f"all files that {INDEX} lists",
            )
        return tuple(folder / name for name in names)
    if (folder / SINGLE).is_file():
        return (folder / SINGLE,)
    pickles = sorted(path.name for path in folder.glob("pytorch_model*.bin"))
    problem = f"no weights in the checkpoint folder: {SINGLE} is missing"
    remedy = f"a checkpoint with {SINGLE}"
    if pickles:
        problem += f"; {pickles[0]} is a pickle, which can run code and is not loaded"
        remedy = "convert it: `model.save_pretrained(folder)` in transformers writes safetensors"
    raise InputError(problem, where=str(folder), remedy=remedy)


def _indexed(path: Path) -> list[str]:
    try:
        names = sorted(set(json.loads(path.read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise InputError("the weights' index cannot be read", where=str(path)) from error
    if not names or any(Path(name).name != name for name in names):
        raise InputError("the weights' index names no files of this folder", where=str(path))
    return names


def _read_shapes(path: Path) -> dict[str, list[int]]:
    """Tensor name to shape. Format: https://huggingface.co/docs/safetensors."""
    size = path.stat().st_size
    broken = InputError(
        "the weights are cut off or no safetensors file",
        where=str(path),
        remedy="fetch or save the file again",
    )
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        if length > min(_LARGEST_HEADER, size - _LENGTH_BYTES):
            raise broken
        try:
            header: dict[str, Any] = json.loads(file.read(length))
        except ValueError as error:
            raise broken from error
    header.pop("__metadata__", None)
    end = max((entry["data_offsets"][1] for entry in header.values()), default=0)
    if end + length + _LENGTH_BYTES != size:
        raise broken
    return {name: entry["shape"] for name, entry in header.items()}
