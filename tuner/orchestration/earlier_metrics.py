"""Users' metrics of a study's earlier starts, which later ones measure as well."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from tuner.config import ComposedSweep
from tuner.errors import InputError
from tuner.metrics import MetricRecord, check_importable, load
from tuner.study.stored_metrics import stored_metrics, stored_scores


def with_earlier_metrics(
    composed: ComposedSweep, attributes: Mapping[str, Any], warn: Callable[[str], None]
) -> ComposedSweep:
    """Add the metrics of a study's earlier starts, so that all its trials measure the same.

    Args:
        composed: Configuration of this start; its own metrics come before stored ones.
        attributes: User attributes of the study.
        warn: Function that shows a warning about a metric that cannot be measured here.
    """
    scores = {**stored_scores(attributes), **composed.goals.scores}
    return replace(
        composed,
        goals=replace(composed.goals, scores=scores),
        metrics=(*composed.metrics, *_earlier(composed, attributes, warn)),
    )


def _earlier(
    composed: ComposedSweep, attributes: Mapping[str, Any], warn: Callable[[str], None]
) -> Iterator[MetricRecord]:
    own = {record.name for record in composed.metrics}
    for record in stored_metrics(attributes):
        if record.name in own:
            continue
        try:
            load(record)
            if not composed.agent.launcher.runs_inline:
                check_importable([record])
        except InputError as error:
            warn(f"an earlier start's metric is not measured: {error.problem}")
        else:
            yield record
