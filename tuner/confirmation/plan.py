"""Which configurations are trained again, and with which seeds."""

from collections.abc import Iterable, Sequence
from itertools import count, islice

from tuner.search.ranking import Direction, is_usable, ranked
from tuner.settings.settings import ConfirmSettings
from tuner.trial.records import TrialOutcome

CONFIRMS = "confirms"
"""Of a repeat: number of the trial whose configuration it trains again; also a tag in MLflow."""

SEED = "training.seed"

CONFIRMED = "confirmed"
"""User attribute of a study: the `Confirmation` of its leading configurations."""

STUDY = ".confirm"
"""Behind a study's name: the study of its repeats."""


def study_name(study: str) -> str:
    """The name of the study of repeats."""
    return study + STUDY


def searched_name(name: str) -> str:
    """Return the value of the key `study` from which a study has its name.

    Args:
        name: Name of a search's study, or of the study of its repeats.
    """
    return name.removesuffix(STUDY)


def leaders(
    outcomes: Iterable[TrialOutcome], direction: Direction, settings: ConfirmSettings
) -> list[TrialOutcome]:
    """The trials that are confirmed, the best first; none where nobody asks for it."""
    return [o for o in ranked(outcomes, direction) if is_usable(o)][: settings.top or 0]


def repeats(leaders: Sequence[TrialOutcome], base: int, seeds: int) -> list[dict[str, int]]:
    """The repeats in the order in which they are run: all configurations advance together.

    Args:
        leaders: The trials that are confirmed, the best first.
        base: The search's own seed, for which they were picked and which therefore says nothing.
        seeds: How many new ones; they follow it, those left out that the search itself drew.

    Returns:
        Of each the trial and the seed.
    """
    drawn = {leader.parameters.get(SEED) for leader in leaders}
    new = islice((seed for seed in count(base + 1) if seed not in drawn), seeds)
    return [{CONFIRMS: leader.number, SEED: seed} for seed in new for leader in leaders]
