"""Trials by several objectives: which no other one beats, and which of those to take."""

from collections.abc import Iterable, Mapping, Sequence

from tuner.search.goals import Goals
from tuner.search.ranking import is_usable, ranked
from tuner.settings.objectives import sign
from tuner.trial.records import TrialOutcome

PICKS = ("knee", "first", "weights")
"""Values of `export.pick`."""

Point = tuple[float, ...]
"""A trial's objectives, all turned so that larger is better."""


def turned(values: Mapping[str, float], goals: Goals) -> Point:
    """Values by metric as a point."""
    signs = map(sign, goals.directions)
    return tuple(s * values[name] for s, name in zip(signs, goals.objectives, strict=True))


def point(outcome: TrialOutcome, goals: Goals) -> Point:
    """A completed trial's objectives as a point."""
    return turned(goals.values(outcome), goals)


def dominates(one: Point, other: Point) -> bool:
    """Whether a point is as good in everything and better in something."""
    return one != other and all(a >= b for a, b in zip(one, other, strict=True))


def undominated(points: Iterable[Point]) -> set[Point]:
    """The points that no other one dominates."""
    found: list[Point] = []
    for each in sorted(set(points), reverse=True):  # None is dominated by one that follows.
        if not any(dominates(other, each) for other in found):
            found.append(each)
    return set(found)


def front(outcomes: Iterable[TrialOutcome], goals: Goals) -> list[TrialOutcome]:
    """The usable trials that no other one dominates (the Pareto front).

    Returns:
        The first objective's best first; of one objective, the best trial and its equals.
    """
    rivals = [outcome for outcome in ranked(outcomes, goals.direction) if is_usable(outcome)]
    best = undominated(point(outcome, goals) for outcome in rivals)
    return [outcome for outcome in rivals if point(outcome, goals) in best]


def pick(
    trials: Sequence[TrialOutcome],
    goals: Goals,
    how: str = "knee",
    weights: Mapping[str, float] | None = None,
) -> TrialOutcome | None:
    """The one of a front to take.

    Args:
        trials: A front, the first objective's best first.
        goals: That it belongs to.
        how: `first`: the first objective's best; `knee`: where the front bulges most towards the
            ideal, the farthest from the plane through its ends (Das 1999); `weights`: the best
            by the weighted sum of the objectives. For the last two each objective is scaled to
            its range on the front.
        weights: Objective to weight; those that it lacks weigh nothing.

    Returns:
        None for an empty front. Of equals, the first objective's best.
    """
    if not trials or how == "first":
        return next(iter(trials), None)
    points = [point(outcome, goals) for outcome in trials]
    lows, highs = map(min, zip(*points, strict=True)), map(max, zip(*points, strict=True))
    ranges = list(zip(lows, highs, strict=True))
    shares = [1.0 if how == "knee" else (weights or {}).get(n, 0.0) for n in goals.objectives]

    def merit(each: Point) -> float:
        scaled = [
            (value - low) / (high - low) if high > low else 0.0
            for value, (low, high) in zip(each, ranges, strict=True)
        ]
        # Rounded, so that what is equal does not differ in its last digit.
        return round(sum(w * s for w, s in zip(shares, scaled, strict=True)), 9)

    merits = [merit(each) for each in points]
    return trials[merits.index(max(merits))]


def order(
    outcomes: Iterable[TrialOutcome],
    goals: Goals,
    how: str = "knee",
    weights: Mapping[str, float] | None = None,
) -> list[TrialOutcome]:
    """All trials, what to take first: the front's pick, its others, then as `ranked`."""
    known = ranked(outcomes, goals.direction)
    if not goals.several:
        return known
    best = front(known, goals)
    chosen = pick(best, goals, how, weights)
    leading = {outcome.number for outcome in best}
    return sorted(known, key=lambda each: (each is not chosen, each.number not in leading))


def best(outcomes: Iterable[TrialOutcome], goals: Goals) -> TrialOutcome | None:
    """The usable trial to take: of several objectives the knee of their front; None without."""
    leading = order(outcomes, goals)
    return leading[0] if leading and is_usable(leading[0]) else None
