"""A trial's state as one file: safetensors, with everything but the tensors as JSON in its header.

It is replaced whole, so there is never half of one, and carries a hash over all that is in it, so
that a damaged one is known before anything is taken from it.
"""

import hashlib
import json
import math
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open

from tuner.errors import TunerError

SPARE_BYTES = 64 * 2**20
"""Left free on the disk, for everything else that is written there."""

_DTYPES = {"float32": "F32", "float16": "F16", "int64": "I64", "int32": "I32", "bool": "BOOL"}
_LENGTH_BYTES = 8
_CHUNK = 1 << 22
_UNSIGNED = "0" * 64
_METADATA = "__metadata__"


class StateError(TunerError):
    """There is a state that cannot be used."""


class StateFile:
    """The one state of one trial."""

    def __init__(self, path: Path) -> None:
        """Take the path; read and write nothing yet.

        Args:
            path: Path of the file; its folder exists when something is written.
        """
        self.path = path
        self._partial = path.with_name(f".{path.name}.partial")

    def write(self, record: str, tensors: Mapping[str, Any]) -> None:
        """Replace the state.

        Tensors are taken from the device one after another, so that saving needs no memory for
        all of them.

        Args:
            record: Everything but the tensors, as JSON.
            tensors: Name to variable.

        Raises:
            OSError: It cannot be written, or the disk has too little room; the old state stays.
        """
        entries = _entries(tensors)
        self._require_room(total_bytes(tensors))
        try:
            with self._partial.open("wb") as file:
                file.write(_header(record, _UNSIGNED, entries))
                digest = _digest(record, entries)
                for tensor in tensors.values():
                    data = np.ascontiguousarray(tensor.numpy()).reshape(-1).view(np.uint8).data
                    digest.update(data)
                    file.write(data)
                file.seek(0)
                file.write(_header(record, digest.hexdigest(), entries))
                file.flush()
                os.fsync(file.fileno())
            self._partial.replace(self.path)
        except BaseException:
            self._partial.unlink(missing_ok=True)
            raise

    def read(self) -> str | None:
        """The record of a whole state; None where there is no state.

        Raises:
            StateError: It is damaged or cannot be read.
        """
        try:
            record, _ = self._verified()
        except FileNotFoundError:
            return None
        return record

    def restore(self, tensors: Mapping[str, Any]) -> None:
        """Assign all saved values; none if there is an error.

        Args:
            tensors: Name to variable, the same names as were written.

        Raises:
            StateError: It is damaged, cannot be read or has other tensors.
        """
        _, entries = self._verified()
        if entries != _entries(tensors):
            raise StateError("it has the tensors of another model or optimizer")
        with safe_open(str(self.path), framework="np") as stored:
            for name, variable in tensors.items():
                variable.assign(stored.get_tensor(name))

    def remove(self) -> None:
        """There is no state afterwards, nor what an interrupted `write` left of one."""
        for path in (self.path, self._partial):
            path.unlink(missing_ok=True)

    def _require_room(self, needed: int) -> None:
        self._partial.unlink(missing_ok=True)
        free = shutil.disk_usage(self.path.parent).free
        if free < needed + SPARE_BYTES:
            raise OSError(f"{free / 1e6:.0f} MB are free and {needed / 1e6:.0f} MB needed")

    def _verified(self) -> tuple[str, dict[str, Any]]:
        """Record and entries of the header, once the hash over the whole file is right."""
        try:
            with self.path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
                header = json.loads(file.read(min(length, size)))
                metadata = header.pop(_METADATA)
                digest = _digest(metadata["state"], header)
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
        except FileNotFoundError:
            raise
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise StateError(f"it cannot be read ({type(error).__name__})") from error
        if digest.hexdigest() != metadata.get("sha256"):
            raise StateError("it is damaged: its hash is wrong")
        return metadata["state"], header


def total_bytes(tensors: Mapping[str, Any]) -> int:
    """Number of bytes of tensors on disk."""
    return sum(_size(tensor) for tensor in tensors.values())


def _entries(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Header entries of tensors. Format: https://huggingface.co/docs/safetensors."""
    entries, end = {}, 0
    for name, tensor in tensors.items():
        start, end = end, end + _size(tensor)
        dtype = _DTYPES[np.dtype(tensor.dtype.as_numpy_dtype).name]
        entries[name] = {
            "dtype": dtype,
            "shape": [int(length) for length in tensor.shape],
            "data_offsets": [start, end],
        }
    return entries


def _size(tensor: Any) -> int:
    size: int = math.prod(tensor.shape) * np.dtype(tensor.dtype.as_numpy_dtype).itemsize
    return size


def _header(record: str, sha256: str, entries: Mapping[str, Any]) -> bytes:
    header = {_METADATA: {"state": record, "sha256": sha256}, **entries}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % _LENGTH_BYTES)
    return len(text).to_bytes(_LENGTH_BYTES, "little") + text


def _digest(record: str, entries: Mapping[str, Any]) -> Any:
    """A hash that has taken in the header and waits for the data."""
    return hashlib.sha256(json.dumps([record, entries], sort_keys=True).encode())
