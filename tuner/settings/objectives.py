"""Objectives of a sweep, and the direction in which each metric improves."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from types import MappingProxyType

from tuner import metrics, tasks
from tuner.errors import InputError
from tuner.fields.intervals import Range
from tuner.tasks import Direction, Score, Task
from tuner.tasks.score import AT_LEAST_0

INFERENCE_MS = "inference_ms"
"""Metric that trials measure only where it is a goal of the sweep."""

OF_EVERY_TASK: Mapping[str, Direction] = MappingProxyType(
    {
        "val_loss": "minimize",
        "train_loss": "minimize",
        "examples_per_second": "maximize",
        "peak_memory_bytes": "minimize",
        INFERENCE_MS: "minimize",
        "model_mb": "minimize",
    }
)
"""Metrics that every task has, and the direction in which each gets better."""


def objectives(task: type[Task]) -> dict[str, Direction]:
    """Return metric to the direction in which it gets better, for trials of one task."""
    scores = {f"val_{name}": score.direction for name, score in task.scores.items()}
    return scores | dict(OF_EVERY_TASK)


def _tasks() -> Iterator[type[Task]]:
    """All tasks that can be used, those of installed packages last."""
    yield from tasks.REGISTRY.bundled()
    for each in tasks.REGISTRY.plug_ins:
        with suppress(InputError):
            yield tasks.REGISTRY.find(each.name)


def sign(way: Direction) -> float:
    """Return what turns values so that larger is better."""
    return 1.0 if way == "maximize" else -1.0


def direction(name: str) -> Direction:
    """Return which way a metric gets better.

    Raises:
        ValueError: It is no metric that a sweep can be run for.
    """
    known = dict(OF_EVERY_TASK)
    for task in _tasks():
        known |= objectives(task)
        if name in known:
            return known[name]
    if (score := score_of(name)) is not None:
        return score.direction
    raise ValueError(f"{name!r} is no objective. Expected one of {', '.join(known)}")


def score_of(metric: str) -> Score | None:
    """Return the score that a metric is of, whichever split it is of: `val_mcc`, `mcc`."""
    for task in _tasks():
        for name, score in task.scores.items():
            if metric in (name, f"val_{name}", f"test_{name}"):
                return score
    return metrics.score_of(metric.removeprefix("val_").removeprefix("test_"))


def range_of(metric: str) -> Range:
    """Return the values that a metric can have, whichever split it is of."""
    score = score_of(metric)
    return AT_LEAST_0 if score is None else score.values
