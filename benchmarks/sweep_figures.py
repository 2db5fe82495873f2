"""Comparison of a table of `sweep.py` with the goal; pure functions on plain values."""

import math
from collections.abc import Mapping, Sequence
from statistics import median

GOAL = 0.5
"""Ours must take at most so much of the wall time of the fastest peer, at no lower a score."""


def standard_error(accuracy: float, rows: int) -> float:
    """Standard error of an accuracy over a number of rows."""
    return math.sqrt(accuracy * (1 - accuracy) / rows)


def verdict(
    walls: Mapping[str, Sequence[float]],
    scores: Mapping[str, Sequence[float]],
    *,
    ours: str,
    rows: int,
) -> str:
    """Ours against the fastest peer, and against the one with the highest score, by medians.

    Args:
        walls: Seconds of each side's rounds; two sides at least.
        scores: Accuracies of the same.
        ours: Name of our side.
        rows: Number of rows behind the accuracy.
    """
    wall = {name: median(values) for name, values in walls.items()}
    score = {name: median(values) for name, values in scores.items()}
    peers = [name for name in wall if name != ours]
    fastest = min(peers, key=wall.__getitem__)
    highest = max(peers, key=score.__getitem__)
    share = wall[ours] / wall[fastest]
    gain = score[ours] - score[fastest]
    met = share <= GOAL and gain >= 0
    return (
        f"Fastest peer: {fastest}. Ours takes {share:.2f} of its time (goal: {GOAL}) and scores "
        f"{gain:+.4f} against it (goal: no less): {'met' if met else 'missed'}. Highest score of "
        f"a peer: {highest}; ours against it {score[ours] - score[highest]:+.4f}. "
        f"Standard error of one score: {standard_error(score[ours], rows):.4f}."
    )
