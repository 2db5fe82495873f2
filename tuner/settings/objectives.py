"""Metrics of trials: the direction in which each improves, and its range."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from tuner.metrics import MetricRecord
from tuner.tasks import Direction, Score, Task
from tuner.tasks.score import AT_LEAST_0

INFERENCE_MS = "inference_ms"
"""Metric that trials measure only where it is a goal of the sweep."""

OF_EVERY_TASK: Mapping[str, Score] = MappingProxyType(
    {
        "val_loss": Score(title="loss", direction="minimize", values=AT_LEAST_0),
        "train_loss": Score(title="training loss", direction="minimize", values=AT_LEAST_0),
        "examples_per_second": Score(title="examples per second", values=AT_LEAST_0),
        "peak_memory_bytes": Score(title="peak memory", direction="minimize", values=AT_LEAST_0),
        INFERENCE_MS: Score(title="inference time", direction="minimize", values=AT_LEAST_0),
        "model_mb": Score(title="model size", direction="minimize", values=AT_LEAST_0),
    }
)
"""Metrics that every task has."""


def measured_scores(task: type[Task], metrics: Iterable[MetricRecord] = ()) -> dict[str, Score]:
    """Return metric to title, direction and range, of all that trials of a task measure.

    Args:
        task: Task of the trials.
        metrics: Users' metrics that they measure.
    """
    own = {**task.scores, **{each.name: each.score for each in metrics}}
    return {f"val_{name}": score for name, score in own.items()} | dict(OF_EVERY_TASK)


def sign(way: Direction) -> float:
    """Return what turns values so that larger is better."""
    return 1.0 if way == "maximize" else -1.0
