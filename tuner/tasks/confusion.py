"""Scores of a classifier from its confusion matrix: rows are true labels, columns predicted."""

import math
from collections.abc import Iterator, Sequence
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

    A label that neither stands in the data nor was ever predicted is left out. 0 without rows.
    """
    from sklearn.metrics import f1_score

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
    from sklearn.metrics import matthews_corrcoef

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


def confusion_error(confusion: Confusion, metric: str) -> float:
    """Return the standard error of a score over the drawing of its rows.

    That of the accuracy is binomial, the others follow by the delta method on the matrix as a
    multinomial sample (Takahashi et al. 2022).

    Args:
        confusion: Counts by true label (rows) and predicted one (columns); one row at least.
        metric: `accuracy`, `macro_f1` or `mcc`.
    """
    binomial = binomial_error(accuracy(confusion), sum(map(sum, confusion)))
    if metric == "accuracy":
        return binomial
    slopes = {"macro_f1": _f1_slopes, "mcc": _mcc_slopes}[metric]
    # Where all rows are right the linear term vanishes; accuracy's error is of the same size.
    return _delta(confusion, list(slopes(confusion))) or binomial


def binomial_error(share: float, examples: int) -> float:
    """Return the standard error of a share of rows, with two right and two wrong rows added.

    So a perfect score on few rows has an error, too (Agresti & Coull 1998).
    """
    adjusted = (share * examples + 2.0) / (examples + 4.0)
    return math.sqrt(adjusted * (1.0 - adjusted) / (examples + 4.0))


def beyond_share(share: float, guess: float, examples: int) -> float:
    """Return by how many binomial standard errors a share of rows beats that of a guess.

    Args:
        share: Share of the rows that are right.
        guess: Share of them that the guess has right.
        examples: Number of rows.
    """
    error = math.sqrt(guess * (1.0 - guess) / examples)
    gain = share - guess
    return gain / error if error else math.copysign(math.inf, gain) if gain else 0.0


def _delta(confusion: Confusion, slopes: Sequence[float]) -> float:
    """Standard error of a function of the cells' shares, from its slopes row by row."""
    counts = [count for row in confusion for count in row]
    total = sum(counts)
    if not slopes or not total:
        return 0.0
    mean = math.fsum(n * g for n, g in zip(counts, slopes, strict=True)) / total
    squares = math.fsum(n * (g - mean) ** 2 for n, g in zip(counts, slopes, strict=True))
    return math.sqrt(squares) / total


def _f1_slopes(confusion: Confusion) -> Iterator[float]:
    """Change of macro-F1 with the share of each cell."""
    total = sum(map(sum, confusion))
    columns = [sum(column) for column in zip(*confusion, strict=True)]
    met = [
        (sum(row) + column) / max(1, total) for row, column in zip(confusion, columns, strict=True)
    ]
    f1 = [
        2.0 * row[label] / total / met[label] if met[label] else 0.0
        for label, row in enumerate(confusion)
    ]
    labels = max(1, sum(share > 0 for share in met))
    for i, row in enumerate(confusion):
        for j, _ in enumerate(row):
            right = 2.0 / met[i] if i == j and met[i] else 0.0
            lost = sum(f1[k] / met[k] for k in (i, j) if met[k])
            yield (right - lost) / labels


def _mcc_slopes(confusion: Confusion) -> Iterator[float]:
    """Change of the Matthews correlation with the share of each cell; nothing if undefined."""
    total = max(1, sum(map(sum, confusion)))
    true = [sum(row) / total for row in confusion]
    guessed = [sum(column) / total for column in zip(*confusion, strict=True)]
    right = sum(row[label] for label, row in enumerate(confusion)) / total
    of_true = 1.0 - math.fsum(share * share for share in true)
    of_guessed = 1.0 - math.fsum(share * share for share in guessed)
    if min(of_true, of_guessed) <= 1e-12:  # noqa: PLR2004  (all of one label, but for rounding)
        return
    covariance = right - math.fsum(t * g for t, g in zip(true, guessed, strict=True))
    scale = math.sqrt(of_true * of_guessed)
    for i, row in enumerate(confusion):
        for j, _ in enumerate(row):
            rise = (i == j) + right - guessed[i] - true[j]
            widening = (1.0 - true[i]) / of_true + (1.0 - guessed[j]) / of_guessed
            yield rise / scale - covariance / scale * widening
