"""Commands that repair the folder of a checkpoint."""

import json
import re
import shlex
from pathlib import Path

from tuner.processes.invocation import script

_CACHED = re.compile(r"models--(?P<id>.+)")
"""Name of a repository's folder in the hub's cache, which writes `/` as `--`."""


def fetch_again(folder: Path, name: str = "") -> str:
    """Return the remedy for a checkpoint with a damaged or missing file.

    Args:
        folder: Folder of the checkpoint.
        name: Name of the file; empty for all files.
    """
    cached = _CACHED.fullmatch(folder.parent.parent.name)
    if cached is None or folder.parent.name != "snapshots":
        what = shlex.quote(str(folder / name))
        return f"copy {what} again from its origin; or model.checkpoint=FOLDER of a complete copy"
    hub_id = cached["id"].replace("--", "/")
    return " ".join(
        [
            f"{script('hf')} download {shlex.quote(hub_id)}",
            *([shlex.quote(name)] if name else []),
            f"--revision {shlex.quote(folder.name)} --force-download",
        ]
    )


def save_tokenizer_command(source: str, folder: Path) -> str:
    """Return a command that writes a tokenizer's files as transformers writes them.

    Args:
        source: Hub id or folder with a tokenizer.
        folder: Folder to write to.
    """
    target = json.dumps(str(folder), ensure_ascii=False)
    return python(
        "from transformers import AutoTokenizer; AutoTokenizer.from_pretrained("
        f"{json.dumps(source, ensure_ascii=False)}).save_pretrained({target})"
    )


def python(code: str) -> str:
    """Return the command that runs Python code."""
    return f"python -c {shlex.quote(code)}"
