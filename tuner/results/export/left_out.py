"""What a configuration says and TrainingArguments cannot."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A key that TrainingArguments has no counterpart for."""

    key: str
    """Key in the configuration."""

    value: Any
    """Its value."""

    remedy: str
    """Where it goes instead, or how the two differ."""
