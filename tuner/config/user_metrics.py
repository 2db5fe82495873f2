"""Users' metrics that the trials of a configuration measure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tuner import metrics
from tuner.errors import InputError
from tuner.metrics import MetricRecord
from tuner.settings.objectives import measured_scores
from tuner.settings.settings import AgentSettings, SweepSettings
from tuner.tasks import Task


@dataclass(frozen=True, kw_only=True)
class GivenMetrics:
    """Metrics that a configuration may name beside those of installed packages."""

    passed: Sequence[MetricRecord] = ()
    """Metrics of the call; all are measured."""
    stored: Callable[[AgentSettings], Sequence[MetricRecord]] = field(default=lambda _: ())
    """Function that reads those of the study, asked for names that are not passed."""


NO_METRICS = GivenMetrics()
"""No metrics beside those of installed packages."""


def measured(
    sweep: SweepSettings,
    task: Task,
    passed: Sequence[MetricRecord],
    stored: Callable[[], Sequence[MetricRecord]],
) -> tuple[MetricRecord, ...]:
    """Return the passed metrics, and those that objectives and constraints name.

    Args:
        sweep: Objectives and constraints; a name that nothing brings is left to `check_goals`.
        task: Task of the trials.
        passed: Metrics of the call.
        stored: Function that returns the metrics of the study.

    Raises:
        InputError: A metric has the name of a score of the task, or a package's metric cannot be
            used.
    """
    found = {f"val_{record.name}": record for record in passed}
    scores = measured_scores(type(task))
    for name, record in found.items():
        if name in scores:
            raise InputError(
                f"the metric {record.source} has the name of a score of task={task.name}",
                where="metrics",
                remedy="another name",
            )
    wanted = [*(sweep.objectives or ()), *sweep.constraints]
    for name in dict.fromkeys(wanted):
        if name in scores or name in found or not name.startswith("val_"):
            continue
        own = name.removeprefix("val_")
        # The study's own first, whose values later ones are compared with.
        brought = next((r for r in stored() if r.name == own), None) or metrics.installed(own)
        if brought is not None:
            found[name] = brought
    return tuple(found.values())
