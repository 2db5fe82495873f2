"""The loss of each validation row, and how far its mean is known."""

import numpy as np


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Cross-entropy of each row in nats, float64 [rows]."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=1))
    losses: np.ndarray = log_sum - shifted[np.arange(len(labels)), labels]
    return losses


def error_within_labels(losses: np.ndarray, labels: np.ndarray) -> float | None:
    """Standard error of a mean loss over rows drawn label by label, in their shares.

    A label of which there is one row has the variance that all labels have together.

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
