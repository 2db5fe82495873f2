"""Spans of a context: from answers to tokens, and from logits of tokens back to answers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tuner.tasks.association import bounded
from tuner.tasks.row_losses import cross_entropy

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_AT_ONCE = 2**22
"""Sums of a start and an end logit that are compared together."""


def token_span(
    begins: Sequence[int], ends: Sequence[int], start: int, stop: int
) -> tuple[int, int] | None:
    """Return the first and the last token that share characters with a span; None without any.

    Args:
        begins: Characters before each token of the context, ascending.
        ends: Characters up to the end of each token, ascending.
        start: Characters before the span.
        stop: Characters up to its end.
    """
    first = int(np.searchsorted(ends, start, side="right"))
    last = int(np.searchsorted(begins, stop, side="left")) - 1
    return (first, last) if first <= last else None


@dataclass(frozen=True, kw_only=True)
class RankedSpans:
    """Best spans of some windows, the best first; arrays of shape (windows, spans)."""

    first: Integers
    """Index of a span's first token in its window."""

    last: Integers
    """Index of its last token."""

    score: Floats
    """Sum of its start and its end logit; minus infinity where a window has fewer spans."""


def ranked_spans(
    starts: Floats, ends: Floats, allowed: NDArray[np.bool_], longest: int, count: int = 1
) -> RankedSpans:
    """Return the best spans of each window, by the sum of start and end logit.

    Args:
        starts: Start logits, shape (windows, tokens).
        ends: End logits, the same shape.
        allowed: True for the tokens of the context.
        longest: Most tokens of a span.
        count: Most spans of a window.
    """
    windows, tokens = starts.shape
    longest = min(longest, tokens)
    step = max(1, _AT_ONCE // (tokens * longest))
    cuts = [slice(at, at + step) for at in range(0, windows, step)]
    made = [_ranked(starts[cut], ends[cut], allowed[cut], longest, count) for cut in cuts]
    places, scores = (np.concatenate(parts) for parts in zip(*made, strict=True))
    first, more = np.divmod(places, longest)
    # Where a window has fewer spans, the rest may end beyond it.
    return RankedSpans(first=first, last=np.minimum(first + more, tokens - 1), score=scores)


def _ranked(
    starts: Floats, ends: Floats, allowed: NDArray[np.bool_], longest: int, count: int
) -> tuple[Integers, Floats]:
    """Return places in (start, further tokens) and scores of the best spans."""
    after = np.full((len(starts), longest - 1), -np.inf)
    padded = np.concatenate([np.where(allowed, ends, -np.inf), after], axis=1)
    reached = np.lib.stride_tricks.sliding_window_view(padded, longest, axis=1)
    sums = np.where(allowed, starts, -np.inf)[:, :, None] + reached
    flat = sums.reshape(len(starts), -1)
    if count == 1:
        best = flat.argmax(axis=1)[:, None]
    else:
        kept = min(count, flat.shape[1])
        best = np.argpartition(-flat, kept - 1, axis=1)[:, :kept]
        order = np.argsort(-np.take_along_axis(flat, best, axis=1), axis=1, kind="stable")
        best = np.take_along_axis(best, order, axis=1)
    return best, np.take_along_axis(flat, best, axis=1)


def no_answer_scores(starts: Floats, ends: Floats, offsets: Integers) -> Floats:
    """Return the score of no answer for each row: the least of its windows.

    A window without the answer says so even where another one has it. The first token stands for
    no answer.

    Args:
        starts: Start logits, shape (windows, tokens).
        ends: End logits, the same shape.
        offsets: Row i has the windows offsets[i] up to offsets[i + 1]; one at least.
    """
    return np.minimum.reduceat(starts[:, 0] + ends[:, 0], offsets[:-1])


def best_threshold(differences: Floats, answered: Floats, silent: Floats) -> float:
    """Return the difference above which giving no answer makes the mean score largest.

    Args:
        differences: Score of no answer less that of the best span, of each row.
        answered: Worth of each row's best span.
        silent: Worth of no answer.
    """
    order = np.argsort(differences, kind="stable")
    sorted_ = differences[order]
    gains = np.concatenate([[0.0], np.cumsum((answered - silent)[order])])
    between = (sorted_[:-1] + sorted_[1:]) / 2.0
    bounds = np.concatenate([sorted_[:1] - 1.0, between, sorted_[-1:] + 1.0])
    # Rows with the same difference are answered together.
    apart = np.concatenate([[True], sorted_[:-1] < sorted_[1:], [True]])
    return float(bounds[np.where(apart, gains, -np.inf).argmax()])


def span_losses(starts: Floats, ends: Floats, targets: Integers, lengths: Integers) -> Floats:
    """Return the loss of each window in nats: mean of the cross-entropies of start and end.

    Args:
        starts: Start logits, shape (windows, tokens).
        ends: End logits, the same shape.
        targets: First and last token, shape (windows, 2); 0 and 0 where there is no answer.
        lengths: Tokens of each window that are no padding, shape (windows,).
    """
    real = np.arange(starts.shape[1]) < lengths[:, None]
    both = (np.where(real, logits, -np.inf) for logits in (starts, ends))
    pairs = zip(both, targets.T, strict=True)
    start, end = (cross_entropy(logits, places) for logits, places in pairs)
    losses: Floats = (start + end) / 2.0
    return losses


def evidence(starts: Floats, ends: Floats, allowed: NDArray[np.bool_], targets: Integers) -> float:
    """Return the evidence that true spans have larger scores than others of their length.

    The share of the context's spans with smaller scores is uniform for a model that knows
    nothing, so that the statistic is standard normal.

    Args:
        starts: Start logits of windows that hold their answers, shape (windows, tokens).
        ends: End logits, the same shape.
        allowed: True for the tokens of the context, which follow one another.
        targets: First and last token of the answer, shape (windows, 2).
    """
    found = []
    for start, end, context, (first, last) in zip(starts, ends, allowed, targets, strict=True):
        width = int(last - first)
        places = np.flatnonzero(context)
        places = places[: len(places) - width]
        scores = start[places] + end[places + width]
        true = start[first] + end[last]
        below = (scores < true).sum() + ((scores == true).sum() - 1) / 2.0
        count = len(places)
        if count > 1:
            found.append((below - (count - 1) / 2.0) / math.sqrt((count**2 - 1) / 12.0))
    return bounded(math.fsum(found) / math.sqrt(len(found))) if found else 0.0
