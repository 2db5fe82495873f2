"""When a sweep has found what more trials would hardly make better."""

from collections.abc import Sequence

from tuner.search.pareto import undominated
from tuner.settings.objectives import Direction, sign
from tuner.settings.settings import StopWhen


def enough(
    values: Sequence[tuple[float, ...] | None], directions: Sequence[Direction], wanted: StopWhen
) -> str:
    """Whether the last trials gained so little that as many more are not worth it.

    What the best gained over the last `patience` trials stands for what as many more would gain:
    a record is beaten by less and less, so that this is more than can be expected. Of several
    objectives, which have no common unit, trials that none dominates count instead.

    Args:
        values: The objectives of each trial that counts, in order; None: pruned or infeasible.
        directions: Which way each gets better.
        wanted: `sweep.stop_when`.

    Returns:
        A sentence for people; empty where the sweep is to go on.
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
        return f"none of the last {patience} trials is better than those before in any trade-off"
    best = max(before)[0]
    gained = max(0.0, max(after, default=(best,))[0] - best)
    if gained >= wanted.improvement:
        return ""
    return (
        f"the last {patience} trials made the best better by {gained:.4g}, less than the "
        f"{wanted.improvement:.4g} that sweep.stop_when asks for"
    )
