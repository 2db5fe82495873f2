"""Identity of a published model: of one trial, or of a soup of several."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class KeptModel:
    """Identity of a published model.

    Attributes:
        trial: Number of the trial whose configuration it has.
        seed: Seed of its training: the trial's own, or that of a repeat.
        members: Trial and seed of each model that a soup averages; empty for a single model.
    """

    trial: int
    seed: int
    members: tuple[tuple[int, int], ...] = ()

    @property
    def text(self) -> str:
        """Name of the model in messages."""
        if self.members:
            return f"the soup of {models_text(self.members)}"
        return f"trial {self.trial} with seed {self.seed}"

    @property
    def full_text(self) -> str:
        """The same with the word model."""
        return self.text if self.members else f"the model of {self.text}"


def models_text(models: Sequence[tuple[int, int]]) -> str:
    """Return models as a list of their trials, with seeds where those differ.

    Args:
        models: Trial and seed of each.
    """
    several = len({seed for _, seed in models}) > 1
    names = [f"{trial} (seed {seed})" if several else str(trial) for trial, seed in models]
    if len(names) == 1:
        return f"trial {names[0]}"
    return f"trials {', '.join(names[:-1])} and {names[-1]}"


def published_members(provenance: Mapping[str, Any]) -> tuple[tuple[int, int], ...]:
    """Return trial and seed of each member of a published soup; empty where there is none.

    Args:
        provenance: Provenance in an exported configuration.
    """
    soup = provenance.get("soup") or {"rejected": "there is none"}
    if "rejected" in soup:
        return ()
    return tuple((int(each["trial"]), int(each["seed"])) for each in soup["members"])
