"""Values of searched keys that are associated with a convergence status."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeGuard

from tuner.diagnosis.sweep.rank_tests import discoveries, location, overlap, spread
from tuner.search.space import Choice, Dimension, SearchSpace
from tuner.trial.records import Convergence, Scalar, TrialOutcome

FALSE_DISCOVERIES = 0.05
"""Largest expected share of reported separations that are chance."""


class Place(StrEnum):
    """Position of a status's values among those of the other trials."""

    LOWER = "lower"
    HIGHER = "higher"
    ENDS = "ends"
    MIDDLE = "middle"
    CHOICE = "choice"


@dataclass(frozen=True, kw_only=True)
class Separation:
    """A status whose trials differ from the others in a key."""

    status: Convergence
    """Convergence status."""
    dimension: Dimension
    """The searched dimension; only trials in which it was active are compared."""
    place: Place
    """Position of its values."""
    own: tuple[Scalar, ...]
    """Values of the trials with this status, ascending unless they are choices."""
    others: tuple[Scalar, ...]
    """Values of the trials with another status, likewise."""
    p: float
    """Probability of a difference as large by chance, over all tests of this pair."""
    choice: Scalar = None
    """Choice that is associated with the status."""


def separations(outcomes: Iterable[TrialOutcome], space: SearchSpace) -> list[Separation]:
    """Return the statuses whose trials differ from all others in a key by more than chance.

    Each pair of a status and a dimension is tested: numbers by location (Mann & Whitney 1947) and
    by spread (Ansari & Bradley 1960), choices by Fisher's exact test, with Bonferroni's correction
    for the tests of one pair. Over all pairs the rate of false discoveries is limited (Benjamini
    & Hochberg 1995), without pairs that so few trials could never decide (Gilbert 2005). Trials
    without a status and undetermined ones are left out.
    """
    known = [
        (outcome.diagnosis.status, outcome)
        for outcome in outcomes
        if outcome.diagnosis is not None
        and outcome.diagnosis.status is not Convergence.UNDETERMINED
    ]
    found = [
        separation
        for status in Convergence
        for dimension in space.dimensions
        for separation in _compare(status, dimension, known)
    ]
    counted = discoveries([separation.p for separation in found], FALSE_DISCOVERIES)
    return [separation for separation, counts in zip(found, counted, strict=True) if counts]


def is_number(value: Scalar) -> TypeGuard[float]:
    """Return True if the value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def is_active_in(dimension: Dimension, outcome: TrialOutcome) -> bool:
    """Return True if the trial has a value of this dimension, not of another one of its key."""
    parameters = outcome.parameters
    return dimension.key in parameters and SearchSpace.active(dimension, parameters)


def is_ordered(dimension: Dimension) -> bool:
    """Return True if the dimension's values are numbers, which have an order."""
    domain = dimension.domain
    return not isinstance(domain, Choice) or all(is_number(value) for value in domain.values)


def _compare(
    status: Convergence, dimension: Dimension, known: Sequence[tuple[Convergence, TrialOutcome]]
) -> Iterator[Separation]:
    met = [
        (found, outcome.parameters[dimension.key])
        for found, outcome in known
        if is_active_in(dimension, outcome)
    ]
    own = [value for found, value in met if found is status]
    others = [value for found, value in met if found is not status]
    if not own or not others:
        return
    if not is_ordered(dimension):
        yield from _by_choice(status, dimension, own, others)
    elif all(is_number(value) for value in (*own, *others)):
        yield from _by_rank(status, dimension, own, others)


def _by_rank(
    status: Convergence, dimension: Dimension, own: Sequence[Scalar], others: Sequence[Scalar]
) -> Iterator[Separation]:
    tests = 2
    least = tests * 2 / math.comb(len(own) + len(others), len(own))
    if least > FALSE_DISCOVERIES:
        return
    here, there = sorted(filter(is_number, own)), sorted(filter(is_number, others))
    where, how_wide = location(here, there), spread(here, there)
    if where.two_sided <= how_wide.two_sided:
        place = Place.LOWER if where.low < where.high else Place.HIGHER
    else:
        place = Place.MIDDLE if how_wide.low < how_wide.high else Place.ENDS
    yield Separation(
        status=status,
        dimension=dimension,
        place=place,
        own=tuple(here),
        others=tuple(there),
        p=min(1.0, tests * min(where.two_sided, how_wide.two_sided)),
    )


def _by_choice(
    status: Convergence, dimension: Dimension, own: Sequence[Scalar], others: Sequence[Scalar]
) -> Iterator[Separation]:
    total, tried = len(own) + len(others), list(dict.fromkeys((*own, *others)))
    taken = {choice: own.count(choice) + others.count(choice) for choice in tried}
    least = min(overlap(min(len(own), count), len(own), count, total) for count in taken.values())
    if len(tried) * least > FALSE_DISCOVERIES:
        return
    by_chance = {
        choice: overlap(own.count(choice), len(own), count, total)
        for choice, count in taken.items()
    }
    choice = min(by_chance, key=lambda each: by_chance[each])
    yield Separation(
        status=status,
        dimension=dimension,
        place=Place.CHOICE,
        own=tuple(own),
        others=tuple(others),
        p=min(1.0, len(tried) * by_chance[choice]),
        choice=choice,
    )
