"""A model's folder: complete with its checksums, and read as one version while it is replaced.

`SHA256SUMS` lists every file that the model needs, in the form that `sha256sum --check` reads. A
folder of an earlier version of this program has none; its weights are then opened instead.
"""

import errno
import hashlib
import os
import re
import shlex
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import TypeVar

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from tuner.errors import InputError
from tuner.files.atomic import link_or_copy, synced, write_whole

T = TypeVar("T")

SUMS = "SHA256SUMS"
CONFIG, WEIGHTS, WEIGHTS_INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"

OF_TORCH = MappingProxyType({"format": "pt"})
"""Header of a file of weights that transformers reads."""

READS = 20
"""Attempts at reading a folder that is replaced again and again."""

PAUSE = 0.05
"""Seconds between two attempts."""

Version = tuple[tuple[str, int, int, int], ...]
"""Path, inode, size and time of change of every file; another one after each replacement."""


def save_complete(folder: Path, save: Callable[[Path], None]) -> None:
    """Save a model so that its folder exists only when it is complete and on the disk.

    Args:
        folder: Replaced where it exists; as it was where saving fails.
        save: Writes the model into a folder that it makes.

    Raises:
        OSError: A file cannot be written or read back.
        Exception: Whatever `save` raises.
    """
    made = partial(folder)
    discard(made)
    try:
        save(made)
        seal(made)
        discard(folder)
        made.rename(folder)
        synced(folder.parent)
    except BaseException:
        discard(made)
        raise


def partial(path: Path) -> Path:
    """Return where a model's folder or a file lies until it is complete."""
    return path.with_name(f".{path.name}.partial")


def write_weights(
    tensors: Mapping[str, np.ndarray], path: Path, metadata: Mapping[str, str] = OF_TORCH
) -> None:
    """Write tensors as a safetensors file.

    Args:
        tensors: Name to contiguous array.
        path: File to write.
        metadata: Texts of the file's header; by default those of a model for transformers.

    Raises:
        OSError: It cannot be written; the library itself hides the system's error in a text.
    """
    try:
        save_file(dict(tensors), path, metadata=dict(metadata))
    except SafetensorError as error:
        found = re.search(r"os error (\d+)", str(error))
        code = int(found[1]) if found else errno.EIO
        raise OSError(code, os.strerror(code) if found else str(error), str(path)) from error


def seal(folder: Path) -> None:
    """Write every file of a folder through to the disk, and their checksums beside them.

    Raises:
        OSError: A file cannot be written or read back, as on a full disk or over a quota.
    """
    for file in _files(folder):
        synced(file)
    sums = {name: _sha256(folder / name) for name in map(_relative(folder), _files(folder))}
    sums.pop(SUMS, None)
    _write_sums(folder, sums)
    synced(folder)


def add_file(folder: Path, name: str, text: str) -> None:
    """Write a file into a model's folder, and its checksum.

    Args:
        folder: Complete.
        name: Replaced where it exists.
        text: Content.

    Raises:
        OSError: It cannot be written.
        ValueError: The checksums are damaged.
    """
    write_whole(folder / name, text)
    sums = _sums(folder)
    if sums is None:
        seal(folder)
    else:
        _write_sums(folder, sums | {name: _sha256(folder / name)})
        synced(folder)


def defect(folder: Path, *, contents: bool = False) -> str | None:
    """Return why a folder holds no complete model.

    Args:
        folder: Model's folder.
        contents: True to compare files with their checksums too, which reads all of them.

    Returns:
        A clause without a full stop; None for a complete model.
    """
    if not folder.is_dir():
        return "there is no such folder"
    try:
        sums = _sums(folder)
        if sums is None:
            return _defect_without_sums(folder)
        missing = [name for name in sums if not (folder / name).is_file()]
        if missing:
            return f"{missing[0]} is missing"
        wrong = [n for n in sums if contents and _sha256(folder / n) != sums[n]]
        return f"{wrong[0]} is not the file that {SUMS} lists" if wrong else None
    except (OSError, ValueError) as error:
        return f"it cannot be read: {error}"


def damage(folder: Path) -> str | None:
    """Return why a folder holds no complete model, changes to its files included.

    Contents are compared only where a file is newer than the checksums, and once for each version
    of the folder.

    Args:
        folder: Model's folder.

    Returns:
        A clause without a full stop; None for a complete model.
    """
    found = defect(folder)
    if found is not None or not _is_changed(folder):
        return found
    return _compared(folder, version(folder))


@lru_cache(maxsize=64)
def _compared(folder: Path, version: Version | None) -> str | None:  # noqa: ARG001
    """Compare the contents of one version of a folder with its checksums."""
    return defect(folder, contents=True)


def _is_changed(folder: Path) -> bool:
    """True if a listed file was written after the checksums, which are written last."""
    try:
        sealed = (folder / SUMS).stat().st_mtime_ns
        return any((folder / name).stat().st_mtime_ns > sealed for name in _sums(folder) or ())
    except (OSError, ValueError):
        return False  # Without checksums there is nothing to compare with.


def read_whole(folder: Path, read: Callable[[Path], T]) -> T:
    """Return what `read` makes of one version of a folder that may be replaced meanwhile.

    Args:
        folder: Read again from its beginning where it was replaced.
        read: Reads the folder; its errors count only where the folder stayed the same.

    Raises:
        InputError: It was replaced at every attempt.
        Exception: Whatever `read` raises.
    """
    for attempt in range(READS):
        before = version(folder)
        try:
            found = read(folder)
        except Exception:
            # Where folders cannot be exchanged in one step there is none for a moment.
            is_gone = before is None and attempt < READS // 2
            if version(folder) == before and not is_gone:
                raise
        else:
            if version(folder) == before:
                return found
        time.sleep(PAUSE)
    raise InputError(
        f"the model was replaced by a better one {READS} times while it was read",
        where=str(folder),
        remedy="repeat the command when the sweep finds better models less often",
    )


def is_present(folder: Path) -> bool:
    """Return whether there is a folder, or one takes its place just now.

    Where folders cannot be exchanged in one step there is none for a moment.
    """
    for _ in range(READS // 2):
        if folder.is_dir():
            return True
        time.sleep(PAUSE)
    return False


def copy_complete(source: Path, target: Path) -> None:
    """Copy one version of a model's folder, checked against its checksums.

    Args:
        source: Model's folder, which may be replaced meanwhile.
        target: Empty, or made; it holds nothing afterwards where copying fails.

    Raises:
        InputError: The model is incomplete or damaged.
        OSError: It cannot be read or written.
    """

    def copy(folder: Path) -> None:
        empty(target)
        shutil.copytree(folder, target, dirs_exist_ok=True)
        found = defect(target, contents=True)
        if found is not None:
            raise _incomplete(folder, found)

    try:
        read_whole(source, copy)
    except BaseException:
        empty(target)
        raise


def check_complete(folder: Path) -> None:
    """Check that a folder holds a complete model, without reading its weights.

    Raises:
        InputError: It does not.
    """
    found = defect(folder)
    if found is not None:
        raise _incomplete(folder, found)


def twin(folder: Path, made: Path) -> None:
    """Make a second folder of the same files; see `link_or_copy`.

    Args:
        folder: As it is.
        made: Replaced where it exists.

    Raises:
        OSError: The files cannot be read, or there is no room.
    """
    discard(made)
    shutil.copytree(folder, made, copy_function=link_or_copy)


def version(folder: Path) -> Version | None:
    """Return an identity of a folder's version; None if there is no folder."""
    try:
        stats = [(str(file), file.stat()) for file in _files(folder)]
    except OSError:
        return None
    if not stats and not folder.is_dir():
        return None
    return tuple((name, s.st_ino, s.st_size, s.st_mtime_ns) for name, s in stats)


def discard(path: Path) -> None:
    """Remove a folder, a link or a file, as far as that is possible."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def empty(folder: Path) -> None:
    """Remove all that is in a folder, and not the folder."""
    if folder.is_dir():
        for path in folder.iterdir():
            discard(path)


def _incomplete(folder: Path, found: str) -> InputError:
    return InputError(
        f"the model is not complete: {found}",
        where=str(folder),
        remedy=f"tuner train {shlex.quote(str(folder / 'best.yaml'))}, which trains the model "
        "again; or a folder as a sweep leaves it in outputs/STUDY/best_model",
    )


def _defect_without_sums(folder: Path) -> str | None:
    """Return why a folder of an earlier version of this program holds no complete model."""
    if not (folder / CONFIG).is_file():
        return f"{CONFIG} is missing"
    if (folder / WEIGHTS_INDEX).is_file():
        return None  # Not one of ours; whoever loads it checks its parts.
    if not (folder / WEIGHTS).is_file():
        return f"{WEIGHTS} is missing"
    try:
        with safe_open(str(folder / WEIGHTS), framework="np"):
            return None
    except SafetensorError as error:
        return f"{WEIGHTS} is cut off or no safetensors file: {error}"


def _sums(folder: Path) -> dict[str, str] | None:
    """Return name to SHA-256 of the files that a model needs; None where they are not listed.

    Raises:
        OSError: They cannot be read.
        ValueError: The list is damaged.
    """
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    sums = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    if not sums or not all(map(_is_inside, sums)):
        raise ValueError(f"{SUMS} is damaged")
    return sums


def _write_sums(folder: Path, sums: Mapping[str, str]) -> None:
    lines = (f"{digest}  {name}\n" for name, digest in sorted(sums.items()))
    write_whole(folder / SUMS, "".join(lines))


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts


def _files(folder: Path) -> list[Path]:
    """Return all files below a folder, sorted.

    Raises:
        OSError: A folder cannot be read.
    """
    return sorted(Path(place) / name for place, _, names in _walked(folder) for name in names)


def _walked(folder: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    def fail(error: OSError) -> None:
        raise error

    return os.walk(folder, onerror=fail)


def _relative(folder: Path) -> Callable[[Path], str]:
    return lambda file: file.relative_to(folder).as_posix()


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
