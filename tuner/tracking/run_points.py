"""Evaluation points that MLflow has of a run, so that none is written twice.

MLflow itself drops a point only where name, step, time and value are the same; an attempt that
goes on from a saved state measures some points again, at another time.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from tuner.tracking.events import MetricsLogged

if TYPE_CHECKING:
    from mlflow import MlflowClient


class RunPoints:
    """Points of runs by metric and step, asked for when they are needed first."""

    def __init__(self, client: "Callable[[], MlflowClient]") -> None:
        """Ask nothing yet.

        Args:
            client: Returns the client of the tracking store.
        """
        self._client = client
        self._whole: set[str] = set()
        self._counts: dict[str, dict[str, Counter[int]]] = {}

    def made(self, run: str) -> None:
        """Note a run that this process made: nobody else has written points to it."""
        self._whole.add(run)

    def shared(self, run: str) -> None:
        """Note a run that other attempts have written to, or are going to."""
        self._whole.discard(run)
        self._counts.pop(run, None)

    def lacks(self, run: str, metric: str, point: MetricsLogged) -> bool:
        """Return True if MLflow lacks a metric of a point.

        Args:
            run: MLflow's name for the run.
            metric: Name of the metric.
            point: The point; one that is no report of a trial (`nth` is 0) is always lacking.
        """
        if run in self._whole or not point.nth:
            return True
        counts = self._counts.setdefault(run, {})
        if metric not in counts:
            counts[metric] = self._steps(run, metric)
        return counts[metric][point.step] < point.nth

    def _steps(self, run: str, metric: str) -> Counter[int]:
        return Counter(found.step for found in self._client().get_metric_history(run, metric))

    def wrote(self, run: str, points: Iterable[MetricsLogged]) -> None:
        """Note points that MLflow has taken."""
        for point in points:
            for metric in point.metrics:
                counts = self._counts.get(run, {}).get(metric)
                if counts is not None and point.nth:
                    counts[point.step] = max(counts[point.step], point.nth)
