"""Small JSON files, read for messages; anything but an object counts as empty."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def read_object(path: Path) -> Mapping[str, Any]:
    """Return the JSON object of a file; an empty one where there is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
