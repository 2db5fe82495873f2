"""Trials with several objectives: Pareto front, and the choice of one trial."""

from collections.abc import Iterable, Mapping, Sequence

from tuner.search.goals import Goals
from tuner.search.ranking import is_usable, ranked
from tuner.settings.objectives import sign
from tuner.trial.records import TrialOutcome

PICKS = ("knee", "first", "weights")
"""Values of `export.pick`."""

Point = tuple[float, ...]
"""Objectives of a trial, with signs that make larger values better."""


def as_maximized(values: Mapping[str, float], goals: Goals) -> Point:
    """Return values by metric as a point."""
    signs = map(sign, goals.directions)
    return tuple(s * values[name] for s, name in zip(signs, goals.objectives, strict=True))


def point(outcome: TrialOutcome, goals: Goals) -> Point:
    """Return a completed trial's objectives as a point."""
    return as_maximized(goals.values(outcome), goals)


def dominates(one: Point, other: Point) -> bool:
    """Return True if a point is as good in everything and better in something."""
    return one != other and all(a >= b for a, b in zip(one, other, strict=True))


def undominated(points: Iterable[Point]) -> set[Point]:
    """Return the points that no other one dominates."""
    found: list[Point] = []
    for each in sorted(set(points), reverse=True):  # No point is dominated by a later one.
        if not any(dominates(other, each) for other in found):
            found.append(each)
    return set(found)


def front(outcomes: Iterable[TrialOutcome], goals: Goals) -> list[TrialOutcome]:
    """Return the usable trials that no other one dominates (the Pareto front).

    Returns:
        Trials by the first objective; with one objective, the best trial and its equals.
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
    """Return the trial of a front to choose.

    Args:
        trials: Trials of a front by the first objective, best first.
        goals: Goals of the sweep.
        how: `first` for the first objective's best; `knee` for the point farthest from the plane
            through the front's ends, towards the ideal (Das 1999); `weights` for the best by the
            weighted sum of the objectives. The last two scale each objective to its range on the
            front.
        weights: Objective to weight; missing ones have weight 0.

    Returns:
        None for an empty front. Among equals, the first objective's best.
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
        # Rounded, so that equal values do not differ in the last digit.
        return round(sum(w * s for w, s in zip(shares, scaled, strict=True)), 9)

    merits = [merit(each) for each in points]
    return trials[merits.index(max(merits))]


def by_preference(
    outcomes: Iterable[TrialOutcome],
    goals: Goals,
    how: str = "knee",
    weights: Mapping[str, float] | None = None,
) -> list[TrialOutcome]:
    """Return all trials by preference: the front's choice, its others, then as `ranked`."""
    known = ranked(outcomes, goals.direction)
    if not goals.several:
        return known
    best = front(known, goals)
    chosen = pick(best, goals, how, weights)
    leading = {outcome.number for outcome in best}
    return sorted(known, key=lambda each: (each is not chosen, each.number not in leading))


def best(outcomes: Iterable[TrialOutcome], goals: Goals) -> TrialOutcome | None:
    """Return the usable trial to choose, with several objectives the knee; None without one."""
    leading = by_preference(outcomes, goals)
    return leading[0] if leading and is_usable(leading[0]) else None
