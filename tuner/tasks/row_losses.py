"""Loss of each validation row, and how far its mean is known."""

import numpy as np


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the cross-entropy of each row in nats, float64 [rows]."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=1))
    losses: np.ndarray = log_sum - shifted[np.arange(len(labels)), labels]
    return losses


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return probabilities, float64 [rows, labels]."""
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    shares: np.ndarray = powers / powers.sum(axis=1, keepdims=True)
    return shares


def mean_with_errors(
    losses: np.ndarray, strata: np.ndarray | None = None
) -> tuple[float, float, float]:
    """Return a mean loss, its standard error, and that over rows drawn stratum by stratum.

    Args:
        losses: Loss of each row, float64 [rows].
        strata: Number of each row's stratum, [rows]; None: rows are drawn from one.
    """
    rows = len(losses)
    error = float(np.std(losses, ddof=1) / np.sqrt(rows)) if rows > 1 else 0.0
    within = None if strata is None else error_within_labels(losses, strata)
    return float(np.mean(losses)), error, error if within is None else within


def error_within_labels(losses: np.ndarray, labels: np.ndarray) -> float | None:
    """Return the standard error of a mean loss over rows drawn label by label, in their shares.

    A label with a single row has the variance that all labels have together.

    Args:
        losses: Loss of each row in nats, float64 [rows].
        labels: True label number of each row, [rows].

    Returns:
        None where no label has two rows.
    """
    counts = np.bincount(labels)
    sums = np.bincount(labels, weights=losses)
    squares = np.bincount(labels, weights=(losses - (sums / np.maximum(counts, 1))[labels]) ** 2)
    freedom = np.maximum(counts - 1, 0)
    if not freedom.any():
        return None
    pooled = squares.sum() / freedom.sum()
    variances = np.where(freedom > 0, squares / np.maximum(freedom, 1), pooled)
    return float(np.sqrt((counts * variances).sum()) / len(losses))
