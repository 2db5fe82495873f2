"""Spans of contexts, against `postprocess_qa_predictions` of transformers, written here."""

import numpy as np
import pytest
from scipy.special import log_softmax

from tuner.tasks.spans import (
    best_threshold,
    evidence,
    no_answer_scores,
    ranked_spans,
    span_losses,
    token_span,
)

LONGEST = 4
CONTEXT_FROM = 3
"""Tokens before the context, as a question has them."""


def run_qa(starts, ends, allowed, n_best, longest):
    """Prelim predictions of one example as run_qa ranks them: score, window, first, last token."""
    found, least = [], None
    for window in range(len(starts)):
        null = starts[window, 0] + ends[window, 0]
        least = null if least is None or null < least else least
        for i in np.argsort(starts[window])[-1 : -n_best - 1 : -1].tolist():
            for j in np.argsort(ends[window])[-1 : -n_best - 1 : -1].tolist():
                if not (allowed[window, i] and allowed[window, j]):
                    continue
                if j < i or j - i + 1 > longest:
                    continue
                found.append((starts[window, i] + ends[window, j], window, i, j))
    return sorted(found, reverse=True)[:n_best], least


@pytest.fixture(params=range(5))
def logits(request):
    """Logits of six windows of 12 tokens with contexts of several lengths."""
    random = np.random.default_rng(request.param)
    starts, ends = random.normal(0, 2, (2, 6, 12))
    allowed = np.arange(12) >= CONTEXT_FROM
    lengths = random.integers(5, 12, 6)
    return starts, ends, allowed & (np.arange(12) < lengths[:, None])


def test_the_best_span_over_windows_is_that_of_run_qa(logits):
    starts, ends, allowed = logits
    found = ranked_spans(starts, ends, allowed, LONGEST)
    for first, last in ((0, 1), (1, 4), (0, 6)):
        (score, window, i, j), *_ = run_qa(
            starts[first:last], ends[first:last], allowed[first:last], 12, LONGEST
        )[0]
        best = int(found.score[first:last, 0].argmax())
        at = first + best
        assert (best, found.first[at, 0], found.last[at, 0]) == (window, i, j)
        assert found.score[at, 0] == score


def test_the_score_of_no_answer_is_that_of_run_qa(logits):
    starts, ends, allowed = logits
    scores = no_answer_scores(starts, ends, np.array([0, 1, 4, 6]))
    for row, (first, last) in enumerate(((0, 1), (1, 4), (4, 6))):
        _, null = run_qa(starts[first:last], ends[first:last], allowed[first:last], 12, LONGEST)
        assert scores[row] == null


@pytest.mark.parametrize("count", [2, 5, 1000])
def test_ranked_spans_are_those_of_run_qa(logits, count):
    starts, ends, allowed = logits
    found = ranked_spans(starts, ends, allowed, LONGEST, count)
    for window in range(len(starts)):
        one = slice(window, window + 1)
        expected, _ = run_qa(starts[one], ends[one], allowed[one], 12 * 12, LONGEST)
        known = np.isfinite(found.score[window])
        columns = (each[window][known].tolist() for each in (found.score, found.first, found.last))
        got = list(zip(*columns, strict=True))
        assert got == [(score, i, j) for score, _, i, j in expected[:count]]


def test_windows_are_compared_in_parts(logits, monkeypatch):
    starts, ends, allowed = logits
    whole = ranked_spans(starts, ends, allowed, LONGEST, 3)
    monkeypatch.setattr("tuner.tasks.spans._AT_ONCE", 100)
    parts = ranked_spans(starts, ends, allowed, LONGEST, 3)
    assert np.array_equal(whole.score, parts.score)
    assert np.array_equal(whole.last, parts.last)


class TestTokenSpan:
    BEGINS = (0, 3, 8, 8, 12)
    ENDS = (2, 7, 11, 11, 13)
    """`In 1920 Ada.` and more, with two tokens of one word's characters."""

    @pytest.mark.parametrize(
        ("start", "stop", "tokens"),
        [
            (3, 7, (1, 1)),
            (0, 7, (0, 1)),
            (8, 11, (2, 3)),  # Both tokens of the same characters.
            (4, 6, (1, 1)),  # A part of a token.
            (2, 8, (1, 1)),  # Blanks around it.
            (7, 13, (2, 4)),
            (2, 3, None),  # A blank alone.
            (13, 15, None),
        ],
    )
    def test_tokens_that_share_characters(self, start, stop, tokens):
        assert token_span(self.BEGINS, self.ENDS, start, stop) == tokens


class TestThreshold:
    def test_it_makes_the_mean_score_largest(self):
        random = np.random.default_rng(1)
        for _ in range(50):
            differences = random.integers(-5, 5, 12).astype(float)
            answered, silent = random.integers(0, 3, (2, 12)) / 2

            def mean(threshold, differences=differences, answered=answered, silent=silent):
                return np.where(differences > threshold, silent, answered).mean()

            best = max(mean(t) for t in np.arange(-7, 7, 0.5))
            assert mean(best_threshold(differences, answered, silent)) == best

    def test_it_lies_midway_between_rows(self):
        threshold = best_threshold(
            np.array([-4.0, 2.0]), answered=np.array([1.0, 0.0]), silent=np.array([0.0, 1.0])
        )
        assert threshold == -1.0


def test_losses_are_those_of_scipy_without_the_padding():
    random = np.random.default_rng(3)
    starts, ends = random.normal(0, 3, (2, 4, 7))
    targets, lengths = np.array([[0, 0], [2, 4], [6, 6], [1, 3]]), np.array([5, 7, 7, 4])
    found = span_losses(starts, ends, targets, lengths)
    for row, (first, last) in enumerate(targets):
        real = slice(lengths[row])
        start = log_softmax(starts[row, real])[first]
        end = log_softmax(ends[row, real])[last]
        assert found[row] == pytest.approx(-(start + end) / 2)


class TestEvidence:
    ALLOWED = np.ones((60, 30), bool) & (np.arange(30) >= CONTEXT_FROM)
    RANDOM = np.random.default_rng(4)
    FIRST = RANDOM.integers(CONTEXT_FROM, 27, 60)
    TARGETS = np.stack([FIRST, FIRST + RANDOM.integers(0, 3, 60)], axis=1)

    def test_it_is_standard_normal_for_guesses(self):
        found = [
            evidence(*self.RANDOM.normal(0, 1, (2, 60, 30)), self.ALLOWED, self.TARGETS)
            for _ in range(200)
        ]
        assert abs(np.mean(found)) < 0.25
        assert np.std(found) == pytest.approx(1.0, abs=0.15)

    def test_it_grows_with_what_the_model_knows(self):
        starts, ends = self.RANDOM.normal(0, 1, (2, 60, 30))
        rows = np.arange(60)
        starts[rows, self.TARGETS[:, 0]] += 1.0
        some = evidence(starts, ends, self.ALLOWED, self.TARGETS)
        ends[rows, self.TARGETS[:, 1]] += 3.0
        assert 2.0 < some < evidence(starts, ends, self.ALLOWED, self.TARGETS)

    def test_constant_scores_and_windows_of_one_span_are_none(self):
        assert evidence(*np.zeros((2, 60, 30)), self.ALLOWED, self.TARGETS) == 0.0
        one = np.arange(30)[None] == 5
        random = self.RANDOM.normal(0, 1, (2, 1, 30))
        assert evidence(*random, one, np.array([[5, 5]])) == 0.0
