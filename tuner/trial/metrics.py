"""Scores of a classifier from its confusion matrix: rows are true labels, columns predicted."""

from collections.abc import Sequence
from statistics import fmean

Confusion = Sequence[Sequence[int]]
"""Square; entry [i][j] counts rows of label i that were predicted as j."""


# scikit-learn scores rows; of counts this is a division, and a sweep asks for it of every trial.
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
    """Return the mean of the labels' F1 scores, each label weighing the same.

    A label that is neither in the data nor ever predicted is left out. 0 without rows.
    """
    from sklearn.metrics import f1_score  # noqa: PLC0415 - slow to import

    pairs = weighted_pairs(confusion)
    met = {
        label
        for true, predicted, count in zip(*pairs.values(), strict=True)
        if count
        for label in (true, predicted)
    }
    if not met:
        return 0.0
    # This mean does not depend on the labels' order, so that equal trials stay equal.
    return fmean(f1_score(**pairs, labels=sorted(met), average=None, zero_division=0.0))


def matthews_correlation(confusion: Confusion) -> float:
    """Return the Matthews correlation coefficient for any number of labels, -1 to 1.

    0 where it is not defined (Gorodkin 2004): one label only, or always the same prediction.
    """
    from sklearn.metrics import matthews_corrcoef  # noqa: PLC0415 - slow to import

    if len(confusion) < 2 or not any(map(any, confusion)):  # noqa: PLR2004
        return 0.0
    return float(matthews_corrcoef(**weighted_pairs(confusion)))


def weighted_pairs(confusion: Confusion) -> dict[str, list[int]]:
    """Return each pair of true and predicted label with its count, for scikit-learn."""
    labels = range(len(confusion))
    return {
        "y_true": [true for true in labels for _ in labels],
        "y_pred": [predicted for _ in labels for predicted in labels],
        "sample_weight": [count for row in confusion for count in row],
    }
