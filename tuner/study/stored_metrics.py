"""Users' metrics of a study, stored with it for later starts, other agents and reports."""

from collections.abc import Mapping, Sequence
from typing import Any

from tuner.confirmation import searched_name
from tuner.errors import InputError
from tuner.metrics import MetricRecord
from tuner.trial.serialization import from_plain, to_plain

METRICS = "metrics"
"""User attribute of a study: name of a metric to its plain `MetricRecord`."""


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
