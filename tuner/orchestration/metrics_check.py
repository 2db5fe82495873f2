"""Trial run of users' metrics before anything is trained."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from tuner.data import PreparedData
from tuner.metrics import MetricRecord, load, measure

ROWS = 32
"""Validation rows whose targets metrics are tried with."""


def try_metrics(metrics: Iterable[MetricRecord], data: PreparedData) -> None:
    """Measure metrics with targets of the data and made-up predictions.

    Args:
        metrics: Metrics that trials will measure.
        data: Data of the trials.

    Raises:
        InputError: A metric cannot be imported, fails, or returns no finite number.
    """
    split = data.validation
    rows = data.interim_rows(min(ROWS, len(split)))  # Of all labels, also in a sorted file.
    targets, inputs = split.truth(rows), split.inputs_of(rows)
    head = data.checkpoint.family.head(data.task.head, len(data.labels))
    count = int(split.lengths[inputs].sum()) if data.task.head.per_token else len(inputs)
    outputs = np.random.default_rng(0).normal(size=(count, head.outputs))
    for record in metrics:
        once = replace(load(record), resamples=0)
        measure(record, once, *data.task.for_metrics(outputs, targets))
