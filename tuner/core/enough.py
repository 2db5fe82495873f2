"""When a sweep has found what more trials would hardly make better."""

from collections.abc import Sequence

from tuner.core.objectives import Direction
from tuner.core.settings import StopWhen


def enough(values: Sequence[float | None], direction: Direction, wanted: StopWhen) -> str:
    """Whether the last trials gained so little that as many more are not worth it.

    What the best gained over the last `patience` trials stands for what as many more would gain:
    a record is beaten by less and less, so that this is more than can be expected.

    Args:
        values: The objective of each trial that counts, in order; None: pruned or infeasible.
        direction: Which way it gets better.
        wanted: `sweep.stop_when`.

    Returns:
        A sentence for people; empty where the sweep is to go on.
    """
    patience = wanted.patience
    if patience is None or len(values) <= patience:
        return ""
    sign = 1.0 if direction == "maximize" else -1.0
    before = [sign * value for value in values[:-patience] if value is not None]
    after = [sign * value for value in values[-patience:] if value is not None]
    if not before:
        return ""
    gained = max(0.0, max(after, default=max(before)) - max(before))
    if gained >= wanted.improvement:
        return ""
    return (
        f"the last {patience} trials made the best better by {gained:.4g}, less than the "
        f"{wanted.improvement:.4g} that sweep.stop_when asks for"
    )
