"""Settings of the command `verify`."""

from dataclasses import dataclass
from typing import Annotated

from tuner.fields.bounds import at_least


@dataclass(frozen=True, kw_only=True)
class VerifySettings:
    """Section `verify`: repetition of a trial."""

    updates: Annotated[int | None, at_least(1)] = None
    """Updates to repeat, up to the next evaluation point; null: the whole trial."""
