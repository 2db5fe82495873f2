"""Values of metrics on some rows, with standard errors by the bootstrap."""

import math
import numbers
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tuner.errors import InputError
from tuner.metrics.metric import Metric
from tuner.metrics.record import MetricRecord
from tuner.tasks import Evaluation

SEED = 0
"""Seed of the draws: the same rows are drawn at every evaluation of a sweep."""


def with_metrics(
    evaluation: Evaluation,
    metrics: Mapping[MetricRecord, Metric],
    targets: Any,
    predictions: Any,
    *,
    with_errors: bool = True,
) -> Evaluation:
    """Return an evaluation with the values of metrics among its scores.

    Args:
        evaluation: Scores of the task; if its loss is not finite, the model has diverged, and no
            metric is measured.
        metrics: Metrics to measure.
        targets: Targets as `Task.for_metrics` returns them.
        predictions: Predictions, likewise.
        with_errors: True to estimate standard errors, which takes `Metric.resamples` times as
            long.

    Raises:
        InputError: A metric fails, or returns no finite number.
    """
    if not metrics or not math.isfinite(evaluation.loss):
        return evaluation
    scores, errors = dict(evaluation.scores), dict(evaluation.errors)
    for record, metric in metrics.items():
        drawn = metric if with_errors else replace(metric, resamples=0)
        scores[record.name], error = measure(record, drawn, targets, predictions)
        if error is not None:
            errors[record.name] = error
    return replace(evaluation, scores=scores, errors=errors)


def measure(
    record: MetricRecord, metric: Metric, targets: Any, predictions: Any
) -> tuple[float, float | None]:
    """Return the value of a metric and its standard error.

    The error is the standard deviation over `Metric.resamples` draws of the rows with
    replacement (Efron 1979). Draws for which the metric is not defined, such as those that miss a
    label, are left out.

    Args:
        record: Its record, for messages.
        metric: Metric to measure.
        targets: Targets of the rows, shape (rows, ...).
        predictions: Predictions of the rows, shape (rows, ...).

    Returns:
        The error is None if it is unknown: for a single row, without draws, and where more than
        half of them are not defined.

    Raises:
        InputError: The metric fails, or returns no finite number.
    """
    import numpy as np  # noqa: PLC0415 - configuration knows metrics and needs no arrays

    rows = len(targets)
    try:
        value = _number(metric(targets, predictions))
    except Exception as error:
        text = " ".join(str(error).split())
        raise InputError(
            f"the metric {record.source} failed: {type(error).__name__}: {text}",
            where=f"{record.target}, with the targets and predictions of {rows} rows",
            remedy="a function that returns a finite number for any rows; docs/extending.md has "
            "the shapes",
        ) from error
    random, drawn = np.random.default_rng(SEED), []
    for _ in range(metric.resamples if rows > 1 else 0):
        chosen = random.integers(0, rows, rows)
        try:
            drawn.append(_number(metric(targets[chosen], predictions[chosen])))
        except Exception:  # noqa: S112 - it is not defined for these rows
            continue
    known = len(drawn) > max(1, metric.resamples // 2)
    return value, float(np.std(drawn, ddof=1)) if known else None


def _number(value: Any) -> float:
    """The number that a metric returned; arrays of one item are numbers, too."""
    plain = value.item() if hasattr(value, "item") else value
    if isinstance(plain, bool) or not isinstance(plain, numbers.Real):
        raise TypeError(f"it returned {plain!r}, which is no number")
    if not math.isfinite(plain):
        raise ValueError(f"it returned {plain!r}")
    return float(plain)
