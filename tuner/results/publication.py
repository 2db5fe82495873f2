"""What best.yaml and best_model/ of a study are to hold, derived from the study alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from tuner.confirmation import Configuration, Confirmation
from tuner.search.goals import Goals
from tuner.search.pareto import front, pick
from tuner.settings.objectives import sign
from tuner.trial.records import TrialOutcome


@dataclass(frozen=True, kw_only=True)
class Publication:
    """What the files of a study are to hold."""

    outcome: TrialOutcome
    """Trial whose configuration is the best."""
    confirmation: Confirmation | None = None
    """What confirmed it; None where it is the best of the search."""
    seeds: tuple[int, ...] = ()
    """Seeds of its repeats, the best first; empty where it is not confirmed."""
    kept: frozenset[int] = frozenset()
    """Numbers of the trials whose models stay where they were trained."""


def publication(
    outcomes: Sequence[TrialOutcome], goals: Goals, confirmation: Confirmation | None
) -> Publication | None:
    """Return what is to be published.

    A confirmation counts until the search finds a better trial than those that were confirmed.

    Args:
        outcomes: All of the study.
        goals: What it is run for.
        confirmation: What its leading configurations reached with new seeds; None: not tried.

    Returns:
        None where no trial is usable.
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
            seeds = _by_score(found, sign(goals.direction))
            return Publication(outcome=winner, confirmation=confirmation, seeds=seeds, kept=kept)
    return Publication(outcome=best, kept=kept)


def _considered(confirmation: Confirmation) -> set[int]:
    """Return the trials that were confirmed, those whose repeats all failed among them."""
    return {*confirmation.leaders, *(each.trial for each in confirmation.configurations)}


def _by_score(configuration: Configuration, direction: float) -> tuple[int, ...]:
    scores = configuration.scores
    return tuple(sorted(scores, key=lambda seed: (-direction * scores[seed], seed)))
