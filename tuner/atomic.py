"""Files that are whole or not there."""

import os
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
