"""End of a sweep that further trials would hardly improve."""

from collections.abc import Sequence

from tuner.search.pareto import undominated
from tuner.settings.objectives import sign
from tuner.settings.settings import StopWhen
from tuner.tasks import Direction


def stop_reason(
    values: Sequence[tuple[float, ...] | None], directions: Sequence[Direction], wanted: StopWhen
) -> str:
    """Return a reason to end if the last trials gained too little; else an empty text.

    The gain over the last `patience` trials estimates the gain over as many more. Records are
    beaten by less and less, so the estimate is high. For several objectives, which have no common
    unit, undominated trials count instead.

    Args:
        values: Objectives of each trial that counts, in order; None if it was pruned or
            infeasible.
        directions: Direction of each objective.
        wanted: Settings `sweep.stop_when`.

    Returns:
        A sentence to show; empty if the sweep continues.
    """
    patience = wanted.patience
    if patience is None or len(values) <= patience:
        return ""
    signs = list(map(sign, directions))
    points = [
        None if each is None else tuple(s * v for s, v in zip(signs, each, strict=True))
        for each in values
    ]
    before = [point for point in points[:-patience] if point is not None]
    after = [point for point in points[-patience:] if point is not None]
    if not before:
        return ""
    if len(signs) > 1:
        if undominated([*before, *after]) - set(before):
            return ""
        return f"none of the last {patience} trials improves any trade-off of the earlier ones"
    best = max(before)[0]
    gained = max(0.0, max(after, default=(best,))[0] - best)
    if gained >= wanted.improvement:
        return ""
    return (
        f"the last {patience} trials improved the best by {gained:.4g}, less than the "
        f"{wanted.improvement:.4g} of sweep.stop_when"
    )
