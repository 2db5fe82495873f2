"""Losses in a graph against those of transformers 5.24 for the same logits."""

import numpy as np
import pytest

pytestmark = pytest.mark.tf

STARTS = [[0.5, -1.0, 2.0, 0.0], [1.5, 0.25, -0.75, 3.0]]
ENDS = [[0.0, 1.0, -2.0, 0.5], [-1.0, 2.0, 0.5, 0.125]]
SPANS = np.stack([STARTS, ENDS], axis=-1).astype(np.float32)
CHOICES = np.array([[0.5], [-1.0], [2.0], [1.5], [0.25], [-0.75]], np.float32)


def ints(values):
    return np.array(values, np.int32)


class TestSpans:
    TARGETS = ints([[0, 2, 4], [1, 3, 4]])

    def loss(self, outputs, targets):
        from tuner.tasks.span_cross_entropy import SpanCrossEntropy

        loss = SpanCrossEntropy()
        plain, minimised = loss.sums(outputs, targets)
        assert plain is minimised
        return float(plain), loss.total_weight(targets)

    def test_it_is_that_of_bert_for_question_answering(self):
        total, windows = self.loss(SPANS, self.TARGETS)
        assert windows == 2
        assert total / windows == pytest.approx(2.6995134353637695)

    def test_padding_changes_nothing(self):
        padded = np.pad(SPANS, ((0, 1), (0, 3), (0, 0)), constant_values=9.0)
        targets = np.concatenate([self.TARGETS, ints([[-1, -1, -1]])])
        assert self.loss(padded, targets)[0] == pytest.approx(self.loss(SPANS, self.TARGETS)[0])

    def test_the_gradient_of_padding_is_zero(self):
        import tensorflow as tf

        from tuner.tasks.span_cross_entropy import SpanCrossEntropy

        outputs = tf.Variable(np.pad(SPANS, ((0, 1), (0, 3), (0, 0)), constant_values=9.0))
        targets = np.concatenate([self.TARGETS, ints([[-1, -1, -1]])])
        with tf.GradientTape() as tape:
            total, _ = SpanCrossEntropy().sums(outputs, targets)
        gradient = tape.gradient(total, outputs).numpy()
        assert np.isfinite(gradient).all()
        assert not gradient[:, 4:].any()
        assert not gradient[2].any()
        assert gradient[:2, :4].any(axis=(1, 2)).all()


class TestChoices:
    def loss(self, outputs, targets):
        from tuner.tasks.choice_cross_entropy import ChoiceCrossEntropy

        loss = ChoiceCrossEntropy(3)
        plain, _ = loss.sums(outputs, targets)
        return float(plain), loss.total_weight(targets)

    def test_it_is_that_of_bert_for_multiple_choice(self):
        total, rows = self.loss(CHOICES, ints([2, 2, 2, 1, 1, 1]))
        assert rows == 2
        assert total / rows == pytest.approx(0.9109919667243958)

    def test_rows_that_fill_up_count_nothing(self):
        more = np.concatenate([CHOICES, np.full((3, 1), 7.0, np.float32)])
        found = self.loss(more, ints([2, 2, 2, 1, 1, 1, -1, -1, -1]))[0]
        assert found / 2 == pytest.approx(0.9109919667243958)
