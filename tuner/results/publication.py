"""Content of a study's best.yaml and best_model/, derived from the study alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from tuner.confirmation import Confirmation
from tuner.search.goals import Goals
from tuner.search.pareto import front, pick
from tuner.soup import StoredSoup
from tuner.trial.model_identity import KeptModel
from tuner.trial.records import TrialOutcome


@dataclass(frozen=True, kw_only=True)
class Publication:
    """Content of a study's published files."""

    outcome: TrialOutcome
    """Trial with the best configuration."""
    confirmation: Confirmation | None = None
    """Confirmation that selected it; None if it is the best of the search."""
    seeds: tuple[int, ...] = ()
    """Seeds of its repeats, best first; empty if it is not confirmed."""
    kept: frozenset[int] = frozenset()
    """Numbers of the trials whose models stay in their own folders."""
    soup: StoredSoup | None = None
    """Last soup that was built in place of this model; None if there was none."""

    @property
    def published_soup(self) -> StoredSoup | None:
        """Soup whose model is published; None where that is a single model."""
        return self.soup if self.soup is not None and self.soup.soup.accepted else None

    @property
    def model(self) -> KeptModel | None:
        """Published soup, or best repeat of the confirmed best; None if it is not confirmed."""
        if self.published_soup is not None:
            return self.published_soup.model
        return KeptModel(trial=self.outcome.number, seed=self.seeds[0]) if self.seeds else None


def publication(
    outcomes: Sequence[TrialOutcome],
    goals: Goals,
    confirmation: Confirmation | None,
    soup: StoredSoup | None = None,
) -> Publication | None:
    """Return the content of a study's published files.

    A confirmation counts until the search finds a better trial than the confirmed ones. A soup
    counts as long as the model with which it was compared is the best.

    Args:
        outcomes: Outcomes of all trials of the study.
        goals: Goals of the study.
        confirmation: Result of the repeats; None if there are none.
        soup: Last soup that was built; None if there was none.

    Returns:
        The content; None if no trial is usable.
    """
    leading = front(outcomes, goals)
    best = pick(leading, goals)
    if best is None:
        return None
    kept = frozenset(each.number for each in leading) if goals.several else frozenset()
    if confirmation is not None and best.number in _considered(confirmation):
        found = confirmation.best
        winner = next((each for each in outcomes if each.number == found.trial), None)
        if winner is not None:
            seeds = found.seeds_by_score(goals.direction)
            return Publication(
                outcome=winner,
                confirmation=confirmation,
                seeds=seeds,
                kept=kept,
                soup=_counting(soup, winner, seeds),
            )
    return Publication(outcome=best, kept=kept, soup=_counting(soup, best, ()))


def _counting(
    soup: StoredSoup | None, best: TrialOutcome, seeds: tuple[int, ...]
) -> StoredSoup | None:
    """Return a soup if it was compared with the best model; seeds of a confirmed one are given."""
    if soup is None or soup.instead_of.trial != best.number:
        return None
    return soup if not seeds or soup.instead_of.seed == seeds[0] else None


def _considered(confirmation: Confirmation) -> set[int]:
    """Return the trials that were to be confirmed, including those whose repeats all failed."""
    return {*confirmation.leaders, *(each.trial for each in confirmation.configurations)}
