"""Parts of a configuration that an export to another library leaves out."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A key that the other library has no counterpart of, or a different one."""

    key: str
    """Configuration key."""

    value: Any
    """Its value."""

    remedy: str
    """Remedy in the other library."""
