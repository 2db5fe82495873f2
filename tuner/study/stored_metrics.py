"""Metrics of a study, stored with it for later starts, other agents and reports."""

from collections.abc import Mapping, Sequence
from typing import Any

from tuner.confirmation import searched_name
from tuner.errors import InputError
from tuner.metrics import MetricRecord
from tuner.settings.objectives import measured_scores
from tuner.study.definition import DEFINITION
from tuner.tasks import REGISTRY, Classification, Score
from tuner.trial.serialization import from_plain, to_plain

METRICS = "metrics"
"""User attribute of a study: name of a metric to its plain `MetricRecord`."""

SCORES = "scores"
"""User attribute of a study: metric to its plain `Score`, of all that its trials measure."""


def metrics_attributes(
    name: str, stored: Mapping[str, Any], metrics: Sequence[MetricRecord]
) -> dict[str, Any]:
    """Return the attribute with the metrics of this start and of earlier ones.

    Args:
        name: Name of the study.
        stored: Attributes of the study; empty if it is new.
        metrics: Metrics of this start; their code may be another one than before.

    Raises:
        InputError: A metric improves in the other direction than before.
    """
    before = {record.name: record for record in stored_metrics(stored)}
    for record in metrics:
        was = before.get(record.name, record).direction
        if was != record.direction:
            raise InputError(
                f"the study '{name}' was made with direction={was!r} of the metric "
                f"{record.source}, and it is {record.direction!r} now",
                where=f"study={name}",
                remedy=f"the direction as before; or study={searched_name(name)}-2, a new study",
            )
    found = before | {record.name: record for record in metrics}
    return {METRICS: {key: to_plain(record) for key, record in found.items()}} if metrics else {}


def stored_metrics(attributes: Mapping[str, Any]) -> tuple[MetricRecord, ...]:
    """Return the metrics of a study.

    Args:
        attributes: User attributes of the study.
    """
    found = attributes.get(METRICS) or {}
    return tuple(from_plain(MetricRecord, plain) for plain in found.values())


def scores_attributes(
    stored: Mapping[str, Any], scores: Mapping[str, Score]
) -> dict[str, dict[str, Any]]:
    """Return the attribute with title, direction and range of each metric, of all starts.

    Args:
        stored: Attributes of the study; empty if it is new.
        scores: Metrics that the trials of this start measure.
    """
    # A study of before there was the attribute has metrics that this start may not name.
    before = stored_scores(stored) if stored.keys() & {SCORES, DEFINITION} else {}
    found = {**before, **scores}
    return {SCORES: {name: to_plain(score) for name, score in found.items()}}


def stored_scores(attributes: Mapping[str, Any]) -> dict[str, Score]:
    """Return title, direction and range of each metric of a study.

    Args:
        attributes: User attributes of the study.

    Raises:
        InputError: An earlier version made the study, for a task that is not installed.
    """
    if SCORES in attributes:
        return {name: from_plain(Score, plain) for name, plain in attributes[SCORES].items()}
    # Before there were tasks, classification was the only one.
    task = attributes[DEFINITION]["base"].get("task") or Classification().to_mapping()
    return measured_scores(REGISTRY.find(task["name"]), stored_metrics(attributes))
