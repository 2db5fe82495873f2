"""The home folder, which a container's user may not have."""

import os
import tempfile
from pathlib import Path


def expanded(path: str | Path) -> Path:
    """Return a path with `~` and `~user` replaced; unchanged where there is no such home."""
    return Path(os.path.expanduser(path))  # noqa: PTH111  (Path.expanduser raises there)


def cache_home() -> Path:
    """Return `~/.cache`; a folder of this user's in the temporary one where there is no home."""
    found = expanded("~/.cache")
    if found.is_absolute():
        return found
    return Path(tempfile.gettempdir()) / f"cache-{os.getuid()}"
