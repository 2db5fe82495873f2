"""Whether the best value of a key lies at the edge of what was searched."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tuner.diagnosis.sweep.limits import Side, number, numbers, override, widened
from tuner.diagnosis.sweep.rank_tests import location
from tuner.diagnosis.sweep.separation import is_number, is_ordered, met_by
from tuner.search.ranking import best, ranked
from tuner.search.space import Choice, Dimension, Domain, FloatInterval, IntInterval, SearchSpace
from tuner.settings.objectives import Direction
from tuner.trial.records import Scalar, TrialOutcome, TrialState

SHARE = 0.05
"""Share of an interval's width, in the scale it is drawn in, that is its edge."""

SIGNIFICANT = 0.05
"""Largest probability by which the better trials may point to the edge by chance."""

FEW_VALUES = 5
"""Of fewer values than this the best is often the first or last by chance."""


@dataclass(frozen=True, kw_only=True)
class Edge:
    """A key whose best value lies at the edge of what was searched, and beyond which more is."""

    dimension: Dimension
    """Where it was searched."""
    value: float
    """Of the best trial."""
    side: Side
    """Which bound."""
    bound: float
    """That bound."""
    outside: bool
    """The value lies beyond it: that of the untuned default."""
    supported: bool
    """The better trials lie on that side too, by more than chance."""
    overrides: Mapping[str, str]
    """Key to the override that moves the bound, and to those that it needs."""


def edges(
    outcomes: Sequence[TrialOutcome], space: SearchSpace, direction: Direction
) -> list[Edge]:
    """The keys whose bound is to be moved; none where nothing lies beyond it.

    Of fewer than five values the best is often the first or last one by chance, so there the
    better trials have to point to it.
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
    if not (met_by(dimension, winner) and is_ordered(dimension) and is_number(value)):
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
    """How many values there are."""
    match domain:
        case Choice(values=values):
            return len(values)
        case IntInterval(low=low, high=high, step=step):
            return (high - low) // step + 1
        case FloatInterval():
            return math.inf


def _side(domain: Domain, value: float) -> Side | None:
    """At which bound the value lies, or beyond which."""
    low, high = _bounds(domain)
    if low == high:
        return None
    if not isinstance(domain, Choice) and domain.log:
        if value <= 0:
            return None  # No logarithmic interval holds it.
        low, high, value = math.log(low), math.log(high), math.log(value)
    edge = 0.0 if isinstance(domain, Choice) else SHARE * (high - low)
    if value <= low + edge:
        return "lower"
    return "upper" if value >= high - edge else None


def _points_to(
    side: Side, dimension: Dimension, outcomes: Sequence[TrialOutcome], direction: Direction
) -> bool:
    """Whether the better half of the completed trials lies further there than all other trials.

    Pruned trials count among the others; the test is that of Mann & Whitney (1947), one-sided.
    """
    tried = [
        (outcome.state, value)
        for outcome in ranked(outcomes, direction)
        if outcome.state in (TrialState.COMPLETE, TrialState.PRUNED)
        and met_by(dimension, outcome)
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
    """The override of the key; where it has several dimensions, what chose this one is fixed.

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
