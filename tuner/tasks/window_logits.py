"""Start and end logits of windows, padded, beside the characters that their tokens stand for."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tuner.tasks.alignment import Aligned
from tuner.tasks.answers import Candidate
from tuner.tasks.spans import Floats, Integers, no_answer_scores, ranked_spans, token_span


@dataclass(frozen=True, kw_only=True)
class WindowLogits:
    """Outputs of a model for some questions, window by window."""

    starts: Floats
    """Start logits, shape (windows, tokens); minus infinity for padding."""

    ends: Floats
    """End logits, likewise."""

    places: Integers
    """Characters before each token of the context and up to its end, shape (windows, tokens, 2);
    -1 for other tokens."""

    lengths: Integers
    """Tokens of each window that are no padding, shape (windows,)."""

    visible: NDArray[np.bool_]
    """True for tokens of the context that stand for more than blanks, shape (windows, tokens)."""

    rows: Integers
    """Offsets of rows: row i has the windows rows[i] up to rows[i + 1]."""

    @property
    def context(self) -> NDArray[np.bool_]:
        """True for the tokens of the context, shape (windows, tokens)."""
        return self.places[:, :, 0] >= 0

    @property
    def no_answer(self) -> Floats:
        """Score of no answer of each row, shape (rows,)."""
        return no_answer_scores(self.starts, self.ends, self.rows)

    def candidates(self, longest: int, count: int = 1) -> list[list[Candidate]]:
        """Return the best answers of each row, each once, the best first.

        Args:
            longest: Most tokens of an answer.
            count: Most answers of a row. A row has none where its context has no visible token,
                or where a logit is NaN.
        """
        found = ranked_spans(self.starts, self.ends, self.visible, longest, count)
        starts = np.take_along_axis(self.places[:, :, 0], found.first, axis=1)
        stops = np.take_along_axis(self.places[:, :, 1], found.last, axis=1)
        out = []
        for begin, end in pairwise(self.rows.tolist()):
            parts = (each[begin:end].ravel().tolist() for each in (found.score, starts, stops))
            different: dict[tuple[int, int], float] = {}
            for score, start, stop in sorted(zip(*parts, strict=True), key=lambda each: -each[0]):
                if np.isfinite(score):
                    different.setdefault((start, stop), score)
            ranked = [Candidate(score, *place) for place, score in different.items()]
            out.append(ranked[:count])
        return out


def window_logits(outputs: Floats, aligned: Aligned) -> WindowLogits:
    """Return the outputs of a model window by window.

    Args:
        outputs: Start and end logit of each token, shape (tokens, 2), one window after another.
        aligned: Questions with their tokens.
    """
    lengths = np.diff(aligned.offsets)
    real = np.arange(max(1, lengths.max(initial=1))) < lengths[:, None]
    starts, ends = np.full((2, *real.shape), -np.inf)
    places = np.full((*real.shape, 2), -1, np.int64)
    visible = np.zeros(real.shape, bool)
    starts[real], ends[real] = outputs[:, 0], outputs[:, 1]
    places[real], visible[real] = aligned.places, _visible(aligned)
    return WindowLogits(
        starts=starts,
        ends=ends,
        places=places,
        lengths=lengths,
        visible=visible,
        rows=np.asarray(aligned.inputs),
    )


def _visible(aligned: Aligned) -> NDArray[np.bool_]:
    """Return True for tokens of contexts that stand for more than blanks, shape (tokens,)."""
    found = np.zeros(len(aligned.places), bool)
    cuts = pairwise(aligned.token_offsets.tolist())
    for context, (begin, end) in zip(aligned.pairs or (), cuts, strict=True):
        characters = np.array([context]).view("U1")
        before = np.concatenate([[0], np.cumsum(~np.strings.isspace(characters))])
        starts, stops = aligned.places[begin:end].T
        # The places of other tokens are equal.
        found[begin:end] = before[starts] < before[stops]
    return found


def window_targets(aligned: Aligned, spans: Integers) -> NDArray[np.int32]:
    """Return first token, last token and number of tokens of each window, shape (windows, 3).

    The first two are 0 where a window does not have the whole answer.

    Args:
        aligned: Questions with their tokens.
        spans: Characters before the answer of each question and up to its end, shape (questions,
            2); -1 for no answer.
    """
    lengths = np.diff(aligned.offsets)
    found = np.zeros((len(lengths), 3), np.int32)
    found[:, 2] = lengths
    row_of = np.repeat(np.arange(len(aligned)), np.diff(aligned.inputs))
    for window, (start, stop) in enumerate(spans[row_of].tolist()):
        if start < 0:
            continue
        places = aligned.places[aligned.offsets[window] : aligned.offsets[window + 1]]
        context = np.flatnonzero(places[:, 0] >= 0)
        if not len(context):
            continue
        begins, ends = places[context].T
        tokens = token_span(begins, ends, start, stop)
        if tokens is not None and begins[0] <= start and stop <= ends[-1]:
            found[window, :2] = context[0] + np.array(tokens)
    return found


def first_holding(targets: NDArray[np.int32], rows: Integers) -> Integers:
    """Return the first window of each row that has the whole answer, of rows with such a window.

    Args:
        targets: From `window_targets`.
        rows: Offsets of rows, see `WindowLogits.rows`.
    """
    holding = np.flatnonzero(targets[:, 1] > 0)
    row_of = np.searchsorted(rows, holding, side="right")
    return holding[np.unique(row_of, return_index=True)[1]]
