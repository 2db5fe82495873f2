"""Settings of the command `clean`."""

from dataclasses import dataclass, field

KINDS = ("cache", "states", "models", "members", "locks")
"""Kinds of leftovers."""


@dataclass(frozen=True, kw_only=True)
class CleanSettings:
    """Section `clean`: leftovers to list or remove."""

    remove: bool = False
    """Remove them; false: only list them."""

    kinds: list[str] = field(default_factory=lambda: list(KINDS))
    """`cache` (tokenised data, tokenizers and other files that are made again when missing),
    `states` (of trials that have ended), `models` (half-written ones, and those in MLflow that a
    better one replaced), `members` (weights that are kept for the soup of a longer sweep), `locks`
    (of killed processes, in the temporary folder)."""

    older_than: float = 1.0
    """Days since the last use; younger leftovers are kept."""
