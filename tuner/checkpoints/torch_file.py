"""`pytorch_model.bin`: weights as `torch.save` writes them, read without executing anything."""

import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from tuner.checkpoints.state_dict import (
    MOST_BYTES,
    StateDictError,
    Storage,
    StoredTensor,
    read_pickle,
)

BFLOAT16 = ml_dtypes.bfloat16
"""Importing its package teaches numpy, and so safetensors, the type's name."""

_ZIP = b"PK\x03\x04"
_ZIP_HEADER = 30
"""Bytes before the name of a member; its last 4 are the lengths of name and extra field."""

_LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""Pickle of the number that files of PyTorch before 1.6 begin with."""

_LEGACY_VERSION = 1001

Region = tuple[int, int]
"""Place of a storage in the file: first byte and number of bytes."""


class TorchFile:
    """The tensors of a file, with the methods that `safetensors.safe_open` has."""

    def __init__(self, path: Path) -> None:
        """Read the pickle; the numbers are read when they are asked for.

        Raises:
            StateDictError: The file holds something else than a state dict, or is damaged.
            OSError: It cannot be read.
        """
        if not path.stat().st_size:
            raise StateDictError("it is empty")
        self._bytes: NDArray[np.uint8] = np.memmap(path, np.uint8, "r")
        begin = self._bytes[: len(_LEGACY)].tobytes()
        if begin.startswith(_ZIP):
            value, regions = _open_zip(self._bytes, path)
        elif begin == _LEGACY:
            value, regions = _open_legacy(self._bytes)
        else:
            raise StateDictError("torch.save did not write it")
        if not isinstance(value, dict):
            raise StateDictError("its pickle holds no dict of tensors")
        self._tensors = {k: v for k, v in value.items() if isinstance(v, StoredTensor)}
        self._starts = {name: _start(t, regions) for name, t in self._tensors.items()}

    def keys(self) -> Collection[str]:
        """Names of the tensors."""
        return self._tensors.keys()

    def get_tensor(self, name: str) -> NDArray[Any]:
        """Return a copy of a tensor."""
        return self.get_slice(name)[:]

    def get_slice(self, name: str) -> "TensorSlice":
        """Return what reads parts of a tensor."""
        return TensorSlice(self._tensors[name], self._bytes, self._starts[name])


class TensorSlice:
    """A tensor in a file, with the methods of safetensors' slices."""

    def __init__(self, tensor: StoredTensor, data: NDArray[np.uint8], start: int) -> None:
        """Read nothing yet.

        Args:
            tensor: Tensor with its place in its storage.
            data: The file.
            start: First byte of the storage.
        """
        self._tensor, self._data, self._start = tensor, data, start

    def get_shape(self) -> tuple[int, ...]:
        """Return its sizes."""
        return self._tensor.shape

    def get_dtype(self) -> str:
        """Return the type of its numbers, as safetensors spells it."""
        return self._tensor.storage.type.spelling

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        """Return a copy of some rows, or of a tensor without axes."""
        kind, tensor = self._tensor.storage.type, self._tensor
        dtype = np.dtype(BFLOAT16 if kind.dtype == "bfloat16" else kind.dtype)
        axes = zip(tensor.shape, tensor.strides, strict=True)
        strides = [step * kind.size if size > 1 else 0 for size, step in axes]
        first = self._start + tensor.offset * kind.size
        whole: NDArray[Any] = np.ndarray(tensor.shape, dtype, self._data, first, strides)
        return np.array(whole[rows] if whole.ndim else whole)


def _start(tensor: StoredTensor, regions: Mapping[str, Region]) -> int:
    """First byte of a tensor's storage."""
    storage = tensor.storage
    if storage.key not in regions:
        raise StateDictError(f"it lacks the storage {storage.key}")
    start, size = regions[storage.key]
    if storage.bytes > size:
        raise StateDictError(
            f"its storage {storage.key} has {size} bytes where {storage.bytes} are needed"
        )
    return start


def _open_zip(data: NDArray[np.uint8], path: Path) -> tuple[Any, Mapping[str, Region]]:
    """Read a file of PyTorch 1.6 or later: value of the pickle; storages by key.

    `zipfile` reads the list of members alone. As torch.save compresses nothing, their contents are
    bytes of the file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = {member.filename: member for member in archive.infolist()}
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise StateDictError(f"it is cut off or damaged: {error}") from error
    pickles = [name for name in members if name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise StateDictError(f"it holds {len(pickles)} files data.pkl instead of one")
    folder = pickles[0].removesuffix("data.pkl")
    regions = {name: _member_region(data, member) for name, member in members.items()}
    order = _content(data, regions.get(f"{folder}byteorder"))
    if order not in (b"", b"little"):
        raise StateDictError(f"its byte order is {order[:10]!r}, and only little is read")
    value, _ = read_pickle(_content(data, regions[pickles[0]]))
    storages = f"{folder}data/"
    return value, {
        name.removeprefix(storages): region
        for name, region in regions.items()
        if name.startswith(storages)
    }


def _member_region(data: NDArray[np.uint8], member: zipfile.ZipInfo) -> Region:
    start = member.header_offset
    header = data[start : start + _ZIP_HEADER].tobytes()
    if len(header) < _ZIP_HEADER or not header.startswith(_ZIP):
        raise StateDictError("it is damaged: a member of its zip archive is missing")
    start += _ZIP_HEADER + sum(int.from_bytes(header[i : i + 2], "little") for i in (26, 28))
    if member.compress_type != zipfile.ZIP_STORED or member.compress_size != member.file_size:
        raise StateDictError("its zip archive is compressed, which torch.save never does")
    if start + member.file_size > len(data):
        raise StateDictError("it is cut off")
    return start, member.file_size


def _open_legacy(data: NDArray[np.uint8]) -> tuple[Any, Mapping[str, Region]]:
    """Read a file of PyTorch before 1.6: value of the pickle; storages by key.

    After the pickles of a number, a version, the machine and the value comes the pickle of the
    storages' keys, and then of each the count of its numbers in 8 bytes, and they themselves.
    """
    values: list[Any] = []
    position = 0
    for _ in range(5):
        value, length = read_pickle(_content(data, (position, MOST_BYTES)))
        position += length
        values.append(value)
    _, version, machine, state, keys = values
    if version != _LEGACY_VERSION or not isinstance(machine, dict):
        raise StateDictError("torch.save did not write it")
    if machine.get("little_endian") is not True:
        raise StateDictError("its byte order is not little, and no other is read")
    storages = _storages(state)
    regions: dict[str, Region] = {}
    for key in keys if isinstance(keys, list) else ():
        storage = storages.get(key) if isinstance(key, str) else None
        if storage is None:
            raise StateDictError("it holds a storage of no tensor")
        count = int.from_bytes(_content(data, (position, 8)), "little")
        position += 8
        if count != storage.numbers or position + storage.bytes > len(data):
            raise StateDictError(f"it is cut off, or its storage {key} is damaged")
        regions[key] = position, storage.bytes
        position += storage.bytes
    return state, regions


def _storages(state: Any) -> dict[str, Storage]:
    """The storages of a state dict by key."""
    values = state.values() if isinstance(state, dict) else ()
    return {v.storage.key: v.storage for v in values if isinstance(v, StoredTensor)}


def _content(data: NDArray[np.uint8], region: Region | None) -> bytes:
    """Bytes of a region, as far as a pickle may be long; none of none."""
    start, size = region or (0, 0)
    return data[start : start + min(size, MOST_BYTES)].tobytes()
