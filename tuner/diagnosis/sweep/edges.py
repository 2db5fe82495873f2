"""Keys whose best value lies at the edge of the search space."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tuner.diagnosis.sweep.limits import Side, number, numbers, override, widened
from tuner.diagnosis.sweep.rank_tests import location
from tuner.diagnosis.sweep.separation import is_active_in, is_number, is_ordered
from tuner.search.ranking import best, ranked
from tuner.search.space import Choice, Dimension, Domain, FloatInterval, IntInterval, SearchSpace
from tuner.tasks import Direction
from tuner.trial.records import Scalar, TrialOutcome, TrialState

SHARE = 0.05
"""Share of an interval's width, in its own scale, that counts as its edge."""

SIGNIFICANT = 0.05
"""Largest probability that better trials lie near the edge by chance."""

FEW_VALUES = 5
"""Number of values below which the best is often the first or last by chance."""


@dataclass(frozen=True, kw_only=True)
class Edge:
    """A key whose best value lies at the edge of its domain, beyond which values are possible."""

    dimension: Dimension
    """Searched dimension."""
    value: float
    """Value in the best trial."""
    side: Side
    """Side of the domain."""
    bound: float
    """Bound on that side."""
    outside: bool
    """True if the value, that of the untuned default, lies beyond the bound."""
    supported: bool
    """True if the better trials lie on that side, too, by more than chance."""
    overrides: Mapping[str, str]
    """Key to the override that moves the bound, with overrides of its conditions."""


def edges(
    outcomes: Sequence[TrialOutcome], space: SearchSpace, direction: Direction
) -> list[Edge]:
    """Return the keys whose bound should be moved; none if nothing lies beyond it.

    With fewer than `FEW_VALUES` values the best is often the first or last one by chance, so there
    the better trials must lie on that side, too.
    """
    winner = best(outcomes, direction)
    if winner is None:
        return []
    found = (_edge(d, winner, outcomes, space, direction) for d in space.dimensions)
    return [edge for edge in found if edge is not None]


def _edge(
    dimension: Dimension,
    winner: TrialOutcome,
    outcomes: Sequence[TrialOutcome],
    space: SearchSpace,
    direction: Direction,
) -> Edge | None:
    value, domain = winner.parameters.get(dimension.key), dimension.domain
    if not (is_active_in(dimension, winner) and is_ordered(dimension) and is_number(value)):
        return None
    side = _side(domain, value)
    wider = widened(domain, side, value, dimension.key) if side else None
    if side is None or wider is None:
        return None
    supported = _points_to(side, dimension, outcomes, direction)
    if not supported and _count(domain) < FEW_VALUES:
        return None
    low, high = _bounds(domain)
    return Edge(
        dimension=dimension,
        value=value,
        side=side,
        bound=low if side == "lower" else high,
        outside=not low <= value <= high,
        supported=supported,
        overrides=_overrides(dimension, wider, winner.parameters, space),
    )


def _bounds(domain: Domain) -> tuple[float, float]:
    if isinstance(domain, Choice):
        values = numbers(domain)
        return values[0], values[-1]
    return domain.low, domain.high


def _count(domain: Domain) -> float:
    """Return the number of values of a domain."""
    match domain:
        case Choice(values=values):
            return len(values)
        case IntInterval(low=low, high=high, step=step):
            return (high - low) // step + 1
        case FloatInterval():
            return math.inf


def _side(domain: Domain, value: float) -> Side | None:
    """Return the bound at which, or beyond which, a value lies; None if it lies at neither."""
    low, high = _bounds(domain)
    if low == high:
        return None
    if not isinstance(domain, Choice) and domain.log:
        if value <= 0:
            return None  # It lies outside every logarithmic interval.
        low, high, value = math.log(low), math.log(high), math.log(value)
    edge = 0.0 if isinstance(domain, Choice) else SHARE * (high - low)
    if value <= low + edge:
        return "lower"
    return "upper" if value >= high - edge else None


def _points_to(
    side: Side, dimension: Dimension, outcomes: Sequence[TrialOutcome], direction: Direction
) -> bool:
    """Return True if the better half of the completed trials lies further on that side.

    Pruned trials count among the others; the one-sided test is Mann & Whitney's (1947).
    """
    tried = [
        (outcome.state, value)
        for outcome in ranked(outcomes, direction)
        if outcome.state in (TrialState.COMPLETE, TrialState.PRUNED)
        and is_active_in(dimension, outcome)
        and is_number(value := outcome.parameters[dimension.key])
    ]
    values = [value for _, value in tried]
    better = math.ceil(sum(state is TrialState.COMPLETE for state, _ in tried) / 2)
    if not 0 < better < len(values):
        return False
    tails = location(values[:better], values[better:])
    return (tails.low if side == "lower" else tails.high) <= SIGNIFICANT


def _overrides(
    dimension: Dimension, wider: Domain, parameters: Mapping[str, Scalar], space: SearchSpace
) -> dict[str, str]:
    """Return the override of the key; of several dimensions, the conditions of this one are fixed.

    A search on the command line replaces all dimensions of its key.
    """
    fixed = dimension.when if len(space.of(dimension.key)) > 1 else ()
    return {
        **{key: f"{key}={_plain(parameters[key])}" for key in fixed},
        dimension.key: override(dimension.key, wider),
    }


def _plain(value: Scalar) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else number(value)
