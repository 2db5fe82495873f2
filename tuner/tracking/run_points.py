"""Evaluation points that MLflow has of each run, so that none is written twice.

MLflow itself drops a point only if name, step, time and value are equal. An attempt that
continues a saved state measures some points again, at another time.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from tuner.tracking.events import MetricsLogged

if TYPE_CHECKING:
    from mlflow import MlflowClient


class RunPoints:
    """Points of runs by metric and step, read from MLflow on first use."""

    def __init__(self, client: "Callable[[], MlflowClient]") -> None:
        """Start without any request.

        Args:
            client: Function that returns the client of the tracking store.
        """
        self._client = client
        self._whole: set[str] = set()
        self._counts: dict[str, dict[str, Counter[int]]] = {}

    def mark_own(self, run: str) -> None:
        """Note a run that this process made, to which nobody else has written points."""
        self._whole.add(run)

    def mark_shared(self, run: str) -> None:
        """Note a run that other attempts have written to, or will."""
        self._whole.discard(run)
        self._counts.pop(run, None)

    def lacks(self, run: str, metric: str, point: MetricsLogged) -> bool:
        """Return True if MLflow lacks a metric of a point.

        Args:
            run: MLflow's name for the run.
            metric: Name of the metric.
            point: Evaluation point; one that is no report of a trial (`nth` is 0) is always
                lacking.
        """
        if run in self._whole or not point.nth:
            return True
        counts = self._counts.setdefault(run, {})
        if metric not in counts:
            counts[metric] = self._steps(run, metric)
        return counts[metric][point.step] < point.nth

    def _steps(self, run: str, metric: str) -> Counter[int]:
        return Counter(found.step for found in self._client().get_metric_history(run, metric))

    def record(self, run: str, points: Iterable[MetricsLogged]) -> None:
        """Note points that MLflow has accepted."""
        for point in points:
            for metric in point.metrics:
                counts = self._counts.get(run, {}).get(metric)
                if counts is not None and point.nth:
                    counts[point.step] = max(counts[point.step], point.nth)
