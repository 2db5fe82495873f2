"""Correlations and their standard errors."""

import math
import warnings
from typing import Any


def pearson(found: Any, true: Any) -> float:
    """Return Pearson's correlation of two arrays of shape (rows,); 0 where one is constant."""
    from scipy import stats

    return _correlation(stats.pearsonr, found, true)


def spearman(found: Any, true: Any) -> float:
    """Return Spearman's rank correlation, ties at their mean rank; 0 where one is constant."""
    from scipy import stats

    return _correlation(stats.spearmanr, found, true)


def _correlation(function: Any, found: Any, true: Any) -> float:
    import numpy as np

    # A model that diverged has no score; its loss says so.
    if len(true) < 2 or not np.isfinite(found).all():  # noqa: PLR2004
        return 0.0
    with warnings.catch_warnings():  # Of constant input, which gives NaN.
        warnings.simplefilter("ignore")
        value = float(function(found, true).statistic)
    return value if math.isfinite(value) else 0.0


def pearson_error(value: float, rows: int) -> float:
    """Return the standard error of Pearson's correlation (Fisher 1915)."""
    return (1.0 - value**2) / math.sqrt(rows - 1) if rows > 1 else 0.0


def spearman_error(value: float, rows: int) -> float:
    """Return the standard error of Spearman's correlation (Bonett & Wright 2000)."""
    few = 3
    if rows <= few:
        return 0.0
    return (1.0 - value**2) * math.sqrt((1.0 + value**2 / 2.0) / (rows - few))
