"""Counts behind the figures of `gpu.py`; pure functions on plain values."""

import itertools
import math
from collections.abc import Iterable, Sequence

from tuner.trial.memory import ModelShape

BACKWARD = 2
"""Operations of the backward pass for each of the forward pass: one product gives the gradient of
the inputs, one that of the weights."""

FEWEST_UPDATES = 50
MOST_UPDATES = 400
"""In a round: small models wait for the host, and so do not reach a rate that is assumed."""

Span = tuple[float, float]
"""Begin and end."""


def update_flops(shape: ModelShape, rows: int, tokens: int, labels: int) -> int:
    """Floating-point operations that the model needs for an update of texts without padding.

    Matrix products alone, a multiplication and an addition each; what is computed again to save
    memory, and the optimizer, are no part of the model.

    Args:
        shape: Sizes of the encoder.
        rows: Texts in the update.
        tokens: Tokens of each text.
        labels: Number of labels.
    """
    width, inner = shape.hidden, shape.intermediate
    dense = 4 * width * width + 2 * width * inner  # Queries, keys, values, output; feed-forward.
    attention = 2 * tokens * width  # Scores, and the sum of values that they weigh.
    projection = shape.embedding * width if shape.embedding != width else 0
    each_token = shape.layers * (dense + attention) + projection
    each_row = tokens * each_token + width * width + width * labels
    return 2 * rows * each_row * (1 + BACKWARD)


def updates_lasting(seconds: float, flops: int, rate: float) -> int:
    """Updates in a round, so that it is neither over in a blink nor long.

    Args:
        seconds: Wanted duration.
        flops: Operations of one update.
        rate: Operations a second that the device is taken to reach.
    """
    return min(max(FEWEST_UPDATES, round(seconds * rate / flops)), MOST_UPDATES)


def covered(intervals: Iterable[Span]) -> float:
    """The time that lies in at least one interval, in their unit.

    Args:
        intervals: Begin and end, in any order.
    """
    total, covered_to = 0.0, -math.inf
    for begin, end in sorted(intervals):
        total += max(0.0, end - max(begin, covered_to))
        covered_to = max(covered_to, end)
    return total


def idle_share(intervals: Sequence[Span]) -> float:
    """Share of the time from the first begin to the last end that lies in no interval.

    Args:
        intervals: Begin and end of what a device computed, in any unit and order; at least one.
    """
    first, last = min(begin for begin, _ in intervals), max(end for _, end in intervals)
    return 1.0 - covered(intervals) / (last - first)


def busy_window(held: Sequence[Span], slots: int) -> Span:
    """When every slot has a trial, and none of the trials shares the device with a first one.

    Which slot a trial had need not be known: those that run when all slots have one for the first
    time are each in a slot of its own, and once they have ended, every slot's first trial has.
    The window opens when what ran at that moment has ended as well. It closes when the first of
    those begins that run when no trial is left for a free slot: the device empties after that.

    Args:
        held: When each trial was handed to its slot, and when the slot was rid of it, in seconds.
        slots: Trials at a time.

    Raises:
        ValueError: There are too few trials for such a window.
    """
    begins = sorted(begin for begin, _ in held)
    full = next((at for at in begins if len(_running(held, at)) >= slots), None)
    if full is None:
        raise ValueError(f"never did {slots} trials run at a time")
    opened = max(end for _, end in _running(held, full))
    settled = max((end for _, end in _running(held, opened)), default=opened)
    first = next((at for at in begins if at >= settled), math.inf)
    last = min(begin for begin, _ in _running(held, begins[-1]))
    if first >= last:
        raise ValueError(f"{len(held)} trials are too few for {slots} slots")
    return first, last


def _running(held: Iterable[Span], moment: float) -> list[Span]:
    return [(begin, end) for begin, end in held if begin <= moment < end]


def trials_within(held: Iterable[Span], window: Span) -> float:
    """Number of trials in a window; each counts with the share of it that is inside."""
    return sum(_within(span, window) / (span[1] - span[0]) for span in held)


def at_once(spans: Iterable[Span], window: Span) -> float:
    """Mean number of spans that are open at a time in a window."""
    return sum(_within(span, window) for span in spans) / (window[1] - window[0])


def _within(span: Span, window: Span) -> float:
    return max(0.0, min(span[1], window[1]) - max(span[0], window[0]))


def pauses(spans: Iterable[Span]) -> list[float]:
    """Seconds between the end of each trial of one slot and the first update of the next.

    Args:
        spans: First update and end of the last evaluation of each trial, in order.
    """
    return [begin - end for (_, end), (begin, _) in itertools.pairwise(spans)]
