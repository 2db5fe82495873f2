"""What the figures of `gpu.py` are computed from; plain values alone."""

import itertools
from collections.abc import Iterable, Sequence

from tuner.core.memory import ModelShape

BACKWARD = 2
"""Operations of the backward pass for each of the forward pass: one product gives the gradient of
the inputs, one that of the weights."""


def update_flops(shape: ModelShape, rows: int, tokens: int, labels: int) -> int:
    """Floating-point operations that the model needs for an update of texts without padding.

    Matrix products alone, a multiplication and an addition each; what is computed again to save
    memory, and the optimizer, are no part of the model.

    Args:
        shape: Of the encoder.
        rows: Texts in the update.
        tokens: Of each text.
        labels: That the head tells apart.
    """
    width, inner = shape.hidden, shape.intermediate
    dense = 4 * width * width + 2 * width * inner  # Queries, keys, values, output; feed-forward.
    attention = 2 * tokens * width  # Scores, and the sum of values that they weigh.
    projection = shape.embedding * width if shape.embedding != width else 0
    each_token = shape.layers * (dense + attention) + projection
    each_row = tokens * each_token + width * width + width * labels
    return 2 * rows * each_row * (1 + BACKWARD)


def idle_share(intervals: Iterable[tuple[float, float]]) -> float:
    """Share of the time from the first begin to the last end that lies in no interval.

    Args:
        intervals: Begin and end of what a device computed, in any unit and order; at least one.
    """
    ordered = sorted(intervals)
    first = covered_to = ordered[0][0]
    idle = 0.0
    for begin, end in ordered:
        idle += max(0.0, begin - covered_to)
        covered_to = max(covered_to, end)
    return idle / (covered_to - first)


def trials_per_hour(ends: Sequence[float], slots: int) -> float:
    """Of a sweep in which each slot's first trial compiles, and is left out.

    Args:
        ends: When trials ended, in seconds; more than `slots` of them.
        slots: Trials at a time.
    """
    ordered = sorted(ends)
    return 3600 * (len(ordered) - slots) / (ordered[-1] - ordered[slots - 1])


def pauses(begins: Sequence[float], ends: Sequence[float]) -> list[float]:
    """Seconds between the end of each trial of one slot and the first update of the next.

    Args:
        begins: Of the first update of each trial, in order.
        ends: Of the last evaluation of each.
    """
    return [
        begin - end for (_, end), (begin, _) in itertools.pairwise(zip(begins, ends, strict=True))
    ]
