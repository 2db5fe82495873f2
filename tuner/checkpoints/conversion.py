"""The hub's own conversion of a model to safetensors, which waits in a pull request."""

import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tuner.checkpoints.content import cache_root
from tuner.files.atomic import write_whole

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_HASH = re.compile("[0-9a-f]{40}")
"""Earlier versions remembered references."""

CONVERTER = "SFconvertbot"
"""The hub's account that proposes the weights of a model as safetensors."""


def find_conversion(api: "HfApi", name: str, commit: str) -> str | None:
    """Find the conversion of a commit, and remember it for times without a network.

    A pull request of anybody else could hold any weights; one that does not begin at the commit
    would bring other files with it.

    Args:
        api: Client of the hub.
        name: Hub id of the model.
        commit: Hash of a commit of the model.

    Returns:
        Hash of its commit, since a reference as refs/pr/1 may be moved; None where the hub has
        none, or does not answer.
    """
    if known := known_conversion(commit):
        return known
    try:
        for proposal in api.get_repo_discussions(
            name, discussion_type="pull_request", discussion_status="open"
        ):
            reference = proposal.git_reference
            if proposal.author == CONVERTER and reference is not None:
                commits = api.list_repo_commits(name, revision=reference)
                converted, *earlier = (each.commit_id for each in commits)
                if earlier[:1] == [commit]:
                    _remember(commit, converted)
                    return converted
    except Exception as error:  # As of a mirror that has files alone.
        if not is_refusal(error):
            raise
    return None


def known_conversion(commit: str) -> str | None:
    """Return what `find_conversion` found before."""
    try:
        found = _memory(commit).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
    return found if _HASH.fullmatch(found) else None


def is_refusal(error: Exception) -> bool:
    """True for an error that huggingface_hub raises by itself, or the network.

    All of its own are OSErrors, save HFValidationError, a ValueError.
    """
    of_network = type(error).__module__.partition(".")[0] in ("httpx", "httpcore")
    return of_network or isinstance(error, OSError | ValueError)


def _remember(commit: str, reference: str) -> None:
    with suppress(OSError):
        write_whole(_memory(commit), reference)


def _memory(commit: str) -> Path:
    return cache_root() / "conversions" / commit
