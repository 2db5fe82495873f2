"""Soup of a study as the study keeps it."""

import hashlib
from dataclasses import dataclass

from tuner.soup.records import Member, Soup
from tuner.trial.model_identity import KeptModel

SOUP = "soup"
"""Attribute of a study: its last `StoredSoup`."""


@dataclass(frozen=True, kw_only=True)
class StoredSoup:
    """A soup that was built, with what it was built from."""

    soup: Soup
    """The soup; it may have been rejected."""
    considered: tuple[Member, ...]
    """Models that it was selected from."""
    instead_of: Member
    """Model that is published without it."""

    @property
    def model(self) -> KeptModel:
        """Identity of its model in best_model/."""
        members = tuple((each.trial, each.seed) for each in self.soup.members)
        single = self.instead_of
        return KeptModel(trial=single.trial, seed=single.seed, members=members)

    @property
    def published_model(self) -> KeptModel | None:
        """Identity of its model if it is published; None if it was rejected."""
        return self.model if self.soup.accepted else None

    @property
    def folder_name(self) -> str:
        """Name of the folder in which its model is built, the same for the same models."""
        return soup_folder_name(self.considered, self.instead_of)


def soup_folder_name(considered: tuple[Member, ...], instead_of: Member) -> str:
    """Return the name of the folder in which a soup's model is built.

    Args:
        considered: Models that it is selected from.
        instead_of: Model that is published without it.
    """
    names = [f"{each.trial}-{each.seed}" for each in (instead_of, *sorted(considered))]
    return hashlib.sha256(" ".join(names).encode()).hexdigest()[:12]
