"""Axes of the parallel coordinates plot, and where each trial crosses them."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tuner.results.html.data import StudyView, TrialView
from tuner.results.html.style import nice_ticks, tick
from tuner.results.tables import figure
from tuner.search.space import Choice
from tuner.trial.records import Scalar

SPREAD = 0.03
"""Share of the axis over which trials with one choice are spread to each side."""

DECADES = 2.0
"""Number of decades below which a logarithmic axis has ticks between powers of ten."""


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One axis."""

    name: str
    """Override key, or an objective."""
    ticks: tuple[tuple[float, str], ...]
    """Height from 0 to 1 and text of each tick."""
    heights: tuple[float | None, ...]
    """Height at which each trial crosses, in the given order; None for a trial without a value."""


def axes(study: StudyView, trials: Sequence[TrialView]) -> list[Axis]:
    """Return an axis for each parameter, then those of the objectives."""
    scores = [
        numeric(name, [trial.measured.get(name) for trial in trials])
        for name in study.goals.objectives
    ]
    return [*(_parameter(study, key, trials) for key in study.keys), *scores]


def _parameter(study: StudyView, key: str, trials: Sequence[TrialView]) -> Axis:
    given = [(trial.parameters[key],) if key in trial.parameters else None for trial in trials]
    numbers = [_number(value[0]) if value else None for value in given]
    domains = [dimension.domain for dimension in study.space.of(key)]
    choices = [
        value for domain in domains if isinstance(domain, Choice) for value in domain.values
    ]
    if choices or given.count(None) < numbers.count(None):
        return of_choices(key, [figure(value[0]) if value else None for value in given], choices)
    intervals = [domain for domain in domains if not isinstance(domain, Choice)]
    return numeric(
        key,
        numbers,
        bounds=[bound for interval in intervals for bound in (interval.low, interval.high)],
        log=any(interval.log for interval in intervals),
    )


def _number(value: Scalar) -> float | None:
    real = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if real and math.isfinite(value) else None  # type: ignore[arg-type]


def numeric(
    name: str,
    values: Sequence[float | None],
    *,
    bounds: Sequence[float] = (),
    log: bool = False,
) -> Axis:
    """Return an axis of numbers from the smallest to the largest.

    Args:
        name: Name of the axis.
        values: Value of each trial.
        bounds: Bounds of the space; values such as the untuned default's may lie outside.
        log: True for logarithmic spacing, if all values are above 0.
    """
    known = [*bounds, *(value for value in values if value is not None)] or [0.0]
    log = log and min(known) > 0
    scaled = [math.log10(value) if log else value for value in known]
    low, high = min(scaled), max(scaled)
    span = (high - low) or 1.0

    def height(value: float) -> float:
        return ((math.log10(value) if log else value) - low) / span

    if log and high - low >= DECADES:
        powers = range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1)
        marks = [10.0**power for power in powers]
    else:
        marks = [10.0**mark if log else mark for mark in nice_ticks(low, high, 5)]
    return Axis(
        name=name,
        ticks=tuple((height(mark), tick(mark)) for mark in marks),
        heights=tuple(None if value is None else height(value) for value in values),
    )


def of_choices(name: str, values: Sequence[str | None], choices: Sequence[Scalar]) -> Axis:
    """Return an axis of unordered values, evenly spaced.

    Args:
        name: Name of the axis.
        values: Value of each trial, as text.
        choices: Choices of the space, which precede other values.
    """
    texts = dict.fromkeys([*map(figure, choices), *(v for v in values if v is not None)])
    gap = 1.0 / max(len(texts) - 1, 1)
    places = {text: place * gap if len(texts) > 1 else 0.5 for place, text in enumerate(texts)}
    sizes, met = Counter(values), Counter[str | None]()
    heights: list[float | None] = []
    for value in values:
        if value is None:
            heights.append(None)
            continue
        shift = SPREAD * (2 * (met[value] + 0.5) / sizes[value] - 1)
        heights.append(places[value] + shift)
        met[value] += 1
    ticks = tuple((place, text) for text, place in places.items())
    return Axis(name=name, ticks=ticks, heights=tuple(heights))
