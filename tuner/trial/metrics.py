"""Scores of a classifier from its confusion matrix: rows are true labels, columns predicted."""

import math
from collections.abc import Sequence

Confusion = Sequence[Sequence[int]]
"""Square; entry [i][j] counts rows of label i that were predicted as j."""


def accuracy(confusion: Confusion) -> float:
    """Share of the rows that were predicted right; 0 where there are no rows."""
    total = sum(sum(row) for row in confusion)
    right = sum(row[label] for label, row in enumerate(confusion))
    return right / total if total else 0.0


def majority_share(confusion: Confusion) -> float:
    """Share of the rows that got the most frequent prediction; 1 where all are guessed alike."""
    predicted: list[int] = [sum(column) for column in zip(*confusion, strict=True)]
    total = sum(predicted)
    return max(predicted) / total if total else 0.0


def macro_f1(confusion: Confusion) -> float:
    """Mean of the labels' F1 scores, each label weighing the same.

    A label that neither stands in the data nor was ever predicted is left out, as
    `sklearn.metrics.f1_score(average="macro")` does.
    """
    scores = []
    for label, row in enumerate(confusion):
        true, predicted = sum(row), sum(other[label] for other in confusion)
        if true + predicted:
            scores.append(2 * row[label] / (true + predicted))
    return math.fsum(scores) / len(scores) if scores else 0.0


def matthews_correlation(confusion: Confusion) -> float:
    """Matthews correlation coefficient for any number of labels, -1 to 1 (Gorodkin 2004).

    Zero where it is not defined: one label only, or always the same prediction.
    """
    true = [sum(row) for row in confusion]
    predicted: list[int] = [sum(column) for column in zip(*confusion, strict=True)]
    total = sum(true)
    right = sum(row[label] for label, row in enumerate(confusion))
    covariance = right * total - sum(t * p for t, p in zip(true, predicted, strict=True))
    spread_true = total * total - sum(t * t for t in true)
    spread_predicted = total * total - sum(p * p for p in predicted)
    if not spread_true or not spread_predicted:
        return 0.0
    return covariance / math.sqrt(spread_true * spread_predicted)
