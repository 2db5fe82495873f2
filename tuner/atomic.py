"""Files that are whole or not there."""

import os
import shutil
import stat
import threading
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Writes a file so that readers see the old text or the new one, never a part.

    Raises:
        OSError: The folder can not be made or written; nothing is left of the new text.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def with_usual_mode(path: Path) -> None:
    """Give a file or folder the permissions that a new one has here.

    Some libraries write theirs for the owner alone, whatever the umask says.

    Raises:
        OSError: There is no room for a file beside it.
    """
    probe = path.with_name(f".mode-{os.getpid()}-{threading.get_ident()}")
    if path.is_dir():
        probe.mkdir()
    else:
        probe.touch()
    try:
        path.chmod(stat.S_IMODE(probe.stat().st_mode))
    finally:
        probe.rmdir() if path.is_dir() else probe.unlink()


def link_or_copy(source: str, target: str) -> None:
    """A file under a second name, without its bytes a second time where that can be.

    Raises:
        OSError: It can not be read, or there is no room.
    """
    try:
        os.link(source, target)
    except OSError:  # Another file system, or one without links.
        shutil.copy2(source, target)


def twin(folder: Path) -> Path:
    """A second folder with the same files, beside the first; see `link_or_copy`.

    Raises:
        OSError: The files can not be read, or there is no room.
    """
    made = folder.with_name(f"{folder.name}.copy")
    shutil.rmtree(made, ignore_errors=True)
    shutil.copytree(folder, made, copy_function=link_or_copy)
    return made


def replace_folder(source: Path, target: Path) -> None:
    """Moves a folder into another's place.

    Killed in between, there is no target for as long as the source still stands where it was.

    Args:
        source: On the same file system; gone afterwards.
        target: Replaced where it exists.

    Raises:
        OSError: It can not be moved.
    """
    aside = target.with_name(f".{target.name}.old")
    shutil.rmtree(aside, ignore_errors=True)
    if target.exists():
        target.rename(aside)
    source.rename(target)
    shutil.rmtree(aside, ignore_errors=True)
