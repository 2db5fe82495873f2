"""Weight files, held against config.json before any model is built.

Names, types and shapes come from the heads of the files; the numbers are looked through once for
each content. Safetensors are preferred to a pickle of PyTorch.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.checkpoints.content import combined_hash, is_noted, note
from tuner.checkpoints.other_formats import PICKLE, WEIGHTS, without_weights
from tuner.checkpoints.repair import fetch_again
from tuner.checkpoints.tensor_file import TensorPart, open_tensors
from tuner.checkpoints.tensors import find, places
from tuner.encoders import Family, Origin
from tuner.errors import InputError
from tuner.formatting.value_text import value_text

READABLE = ("BF16", "F16", "F32", "F64")
"""Types of numbers that the weights may have."""

_BLOCK_NUMBERS = 2**22
_LARGEST_NUMBER = float(np.finfo(np.float32).max)
_LONGEST_NAME = 200


@dataclass(frozen=True, kw_only=True)
class TensorHead:
    """Header of one tensor in a weight file.

    Attributes:
        file: The file that holds it.
        dtype: As the format spells it.
        shape: Its sizes.
    """

    file: Path
    dtype: str
    shape: tuple[int, ...]


def find_weights(folder: Path, family: Family) -> tuple[Path, ...]:
    """The folder's weight files, known to be whole and to be those of its config.json.

    Args:
        folder: The checkpoint.
        family: Encoder that config.json describes.

    Raises:
        InputError: There are none, one is missing or cut off, they are not this encoder's, or
            they hold what is no number.
    """
    files = _files(folder)
    heads = {name: head for file in files for name, head in _heads(file)}
    needed = _needed(heads, family, folder)
    for file in files:
        _check_numbers(file, [name for name in needed if heads[name].file == file])
    return files


def _files(folder: Path) -> tuple[Path, ...]:
    for name in (WEIGHTS, PICKLE):
        # As transformers looks: an index may be left over from an earlier, sharded save.
        if (folder / name).is_file():
            return (folder / name,)
        index = folder / f"{name}.index.json"
        if index.is_file():
            return _shards(index, Path(name).suffix)
    raise without_weights(folder)


def _shards(index: Path, suffix: str) -> tuple[Path, ...]:
    names = _indexed(index, suffix)
    missing = [name for name in names if not (index.parent / name).is_file()]
    if missing:
        raise InputError(
            f"weight files are missing: {', '.join(missing)}",
            where=str(index.parent),
            remedy=fetch_again(index.parent, missing[0] if len(missing) == 1 else ""),
        )
    return tuple(index.parent / name for name in names)


def _indexed(path: Path, suffix: str) -> list[str]:
    remedy = fetch_again(path.parent, path.name)
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))["weight_map"].values()
        names = sorted({str(name) for name in listed})
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise InputError(
            "the weights' index cannot be read", where=str(path), remedy=remedy
        ) from error
    if not names or any(Path(name).name != name or not _is_plain(name, suffix) for name in names):
        raise InputError(
            "the weights' index names no files of this folder", where=str(path), remedy=remedy
        )
    return names


def _is_plain(name: str, suffix: str) -> bool:
    fits = name.isprintable() and len(name.encode()) <= _LONGEST_NAME
    return fits and name.endswith(suffix)


def _heads(path: Path) -> Iterator[tuple[str, TensorHead]]:
    file = open_tensors(path)
    for name in file.keys():  # noqa: SIM118
        part = file.get_slice(name)
        shape = tuple(part.get_shape())
        yield name, TensorHead(file=path, dtype=part.get_dtype(), shape=shape)


def _needed(heads: Mapping[str, TensorHead], family: Family, folder: Path) -> list[str]:
    """Full names of the tensors that the encoder takes."""
    table, *others = family.parameters()
    found_at = places(family, heads)
    if not found_at:
        raise InputError(
            f"the weights hold no token embedding ({table.name})",
            where=str(folder),
            remedy="model.checkpoint=FOLDER with an encoder's weights, as "
            "model.save_pretrained(FOLDER) of transformers names them",
        )
    if len(found_at) > 1:
        several = ", ".join(place.removesuffix(".") for place in found_at)
        raise InputError(
            f"the weights hold several encoders: {several}",
            where=str(folder),
            remedy="a checkpoint of one of them: `save_pretrained` of that part in transformers",
        )
    found: list[str] = []
    for each in (table, *others, *family.pooler):
        full = find(family, each.name, heads, found_at[0])
        if full is not None:
            _check_head(full, heads[full], each.shape, is_table=each is table)
            found.append(full)
        elif each.origin is Origin.CHECKPOINT:
            raise InputError(
                f"the checkpoint lacks the tensor {each.name}, which its config.json asks for",
                where=str(folder),
                remedy=fetch_again(folder),
            )
    return found


def _check_head(name: str, head: TensorHead, shape: tuple[int, ...], *, is_table: bool) -> None:
    if head.dtype not in READABLE:
        raise InputError(
            f"the tensor {name} has numbers of type {head.dtype}, which cannot be read",
            where=str(head.file),
            remedy="model.float().save_pretrained(FOLDER) in transformers; readable types are "
            f"{', '.join(READABLE)}",
        )
    if head.shape == shape:
        return
    problem = (
        f"config.json asks for {value_text(shape)}, the tensor {name} is {value_text(head.shape)}"
    )
    if is_table and head.shape[1:] == shape[1:]:
        problem = (
            f"config.json says vocab_size {shape[0]}, the weights have {head.shape[0]} embeddings"
        )
    raise InputError(problem, where=str(head.file), remedy=fetch_again(head.file.parent))


def _check_numbers(path: Path, names: Sequence[str]) -> None:
    """Refuse NaN and infinite weights, which training would only spread.

    A big file is read once: that these tensors are sound is noted in the cache for its content.
    """
    noted = f"sound/{combined_hash(sorted(names))}"
    if is_noted(noted, path):
        return
    file = open_tensors(path)
    for name in names:
        if not all(map(is_finite, _blocks(file.get_slice(name)))):
            raise not_finite(name, path)
    note(noted, path)


def not_finite(name: str, path: Path) -> InputError:
    """Return the refusal of a tensor that holds numbers that are not finite in float32.

    Args:
        name: Name of the tensor.
        path: File of the weights, or the checkpoint's folder.
    """
    folder, file = (path, "") if path.is_dir() else (path.parent, path.name)
    return InputError(
        f"the tensor {name} holds NaN, infinite or larger numbers than float32 has",
        where=str(path),
        remedy=f"{fetch_again(folder, file)}, whose training did not diverge",
    )


def _blocks(part: TensorPart) -> Iterator[NDArray[Any]]:
    """A tensor in slices of its first axis, so that memory stays small."""
    rows, *rest = part.get_shape()
    step = max(1, _BLOCK_NUMBERS // int(np.prod(rest)))
    return (part[start : min(start + step, rows)] for start in range(0, rows, step))


def is_finite(numbers: NDArray[Any]) -> bool:
    """True if every number is finite in float32.

    Args:
        numbers: Array of a type in `READABLE`, of any shape but an empty one.
    """
    # A float16 compared with float32's limit would take the limit for its own infinity.
    wide = numbers if numbers.dtype == np.float64 else numbers.astype(np.float32, copy=False)
    # NaN passes through both and compares as false; no mask of the block's size is made.
    return bool(wide.max() <= _LARGEST_NUMBER and wide.min() >= -_LARGEST_NUMBER)
