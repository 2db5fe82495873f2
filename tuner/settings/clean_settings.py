"""Settings of the command `clean`."""

from dataclasses import dataclass, field

KINDS = ("cache", "states", "models", "locks")
"""What can be removed."""


@dataclass(frozen=True, kw_only=True)
class CleanSettings:
    """Section `clean`: which leftovers are listed and removed."""

    remove: bool = False
    """Remove them; false: they are listed alone."""

    kinds: list[str] = field(default_factory=lambda: list(KINDS))
    """`cache` (tokenised data, tokenizers and what else is made again when it is missing),
    `states` (of trials that have ended), `models` (half-written ones, and those in MLflow that a
    better one replaced), `locks` (of killed processes, in the temporary folder)."""

    older_than: float = 1.0
    """Days since a leftover was last used or written; younger ones are left alone."""
