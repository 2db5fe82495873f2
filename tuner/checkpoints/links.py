"""Links in a checkpoint's folder: what may be read through them, and so be copied to exports."""

import shlex
from pathlib import Path

from tuner.checkpoints.tokenizer_files import TOKENIZER_FILES
from tuner.errors import InputError


def check_links(folder: Path) -> None:
    """Refuse links to files outside the folder, which an unpacked archive may hold.

    The tokenizer's files are copied to every exported model, so such a link would publish
    whatever it leads to. The hub cache's own links, from a snapshot to its blobs, are allowed.

    Args:
        folder: Folder of the checkpoint.

    Raises:
        InputError: The configuration or a file of the tokenizer leads out of the folder.
    """
    roots = [folder.resolve(), *_blobs(folder)]
    for path in (folder / name for name in ("config.json", *TOKENIZER_FILES)):
        if not path.is_symlink():
            continue
        target = path.resolve()
        if not any(target.is_relative_to(root) for root in roots):
            raise InputError(
                f"{path.name} is a link to a file outside the checkpoint's folder, {target}, "
                "which would be copied into every exported model",
                where=str(path),
                remedy="if it belongs to the checkpoint, a copy in its place: "
                f"cp --remove-destination {shlex.quote(str(target))} {shlex.quote(str(path))}",
            )


def _blobs(folder: Path) -> list[Path]:
    """Folders to which the snapshots of the hub cache link."""
    for place in (folder, folder.resolve()):
        if place.parent.name == "snapshots":
            return [(place.parent.parent / "blobs").resolve()]
    return []
