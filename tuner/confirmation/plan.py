"""Plan of a confirmation: the configurations to repeat, and their seeds."""

from collections.abc import Iterable, Sequence
from itertools import count, islice

from tuner.search.ranking import Direction, is_usable, ranked
from tuner.settings.settings import ConfirmSettings
from tuner.trial.records import TrialOutcome

CONFIRMS = "confirms"
"""Parameter and MLflow tag of a repeat: number of the trial whose configuration it repeats."""

SEED = "training.seed"

CONFIRMED = "confirmed"
"""User attribute of a study: the `Confirmation` of its leading configurations."""

STUDY = ".confirm"
"""Suffix of the name of a study's study of repeats."""


def study_name(study: str) -> str:
    """Return the name of the study of repeats."""
    return study + STUDY


def searched_name(name: str) -> str:
    """Return the value of the key `study` from which a study's name was made.

    Args:
        name: Name of a search's study, or of the study of its repeats.
    """
    return name.removesuffix(STUDY)


def leaders(
    outcomes: Iterable[TrialOutcome], direction: Direction, settings: ConfirmSettings
) -> list[TrialOutcome]:
    """Return the trials to confirm, best first; none if no confirmation is set."""
    return [o for o in ranked(outcomes, direction) if is_usable(o)][: settings.top or 0]


def repeats(leaders: Sequence[TrialOutcome], base: int, seeds: int) -> list[dict[str, int]]:
    """Return the repeats in running order: all configurations advance together.

    Args:
        leaders: Trials to confirm, best first.
        base: Seed of the search, by which they were selected and which is therefore not used.
        seeds: Number of new seeds; they follow the base, without those that the search drew.

    Returns:
        Trial and seed of each repeat.
    """
    drawn = {leader.parameters.get(SEED) for leader in leaders}
    new = islice((seed for seed in count(base + 1) if seed not in drawn), seeds)
    return [{CONFIRMS: leader.number, SEED: seed} for seed in new for leader in leaders]
