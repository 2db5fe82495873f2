"""Users' metrics: functions of targets and predictions, measured beside the scores of a task.

A metric is found by its name in an installed package (entry points of the group `tuner.metrics`),
or passed to `tuner.sweep` and `tuner.train`. Its record, which names module and function, travels
to the workers and is stored with the study.
"""

from tuner.metrics.installed import installed, of_plug_in, plug_in_metrics
from tuner.metrics.measure import measure, with_metrics
from tuner.metrics.metric import Metric, metric
from tuner.metrics.record import (
    VERSION,
    MetricRecord,
    check_importable,
    load,
    records_of,
    versions,
)

__all__ = [
    "VERSION",
    "Metric",
    "MetricRecord",
    "check_importable",
    "installed",
    "load",
    "measure",
    "metric",
    "of_plug_in",
    "plug_in_metrics",
    "records_of",
    "versions",
    "with_metrics",
]
