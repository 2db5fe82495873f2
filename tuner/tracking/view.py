"""The view that MLflow's page opens with: columns, order and charts, as its own page stores them.

The page keeps a shared view as a tag of the experiment, JSON that is deflated and written in
base64, and opens it where `viewStateShareKey` names it.
"""

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

KEY = "tuner"
TAG = f"mlflow.sharedViewState.{KEY}"
CURVES = ("val_loss", "train_loss", "learning_rate", "grad_norm")
"""Charted below the objective."""

DATABASE = "mlflow.db"
"""MLflow's own default, in the folder where a command runs."""

LOCAL_SERVER = "http://127.0.0.1:5000"
"""Where `mlflow ui` listens."""

_SHOWN_RUNS = "FIRST_20_RUNS"
_SECTION = "sweep"


@dataclass(frozen=True, kw_only=True)
class View:
    """What a sweep's page shows.

    Attributes:
        objective: Metric name.
        direction: Whether a smaller or a larger objective is better.
        keys: The searched ones.
    """

    objective: str
    direction: Literal["minimize", "maximize"]
    keys: Sequence[str]

    def tag(self) -> str:
        """The value of the experiment's tag `TAG`."""
        plain = json.dumps(self._state(), separators=(",", ":")).encode()
        return "deflate;" + base64.b64encode(zlib.compress(plain, 9)).decode()

    def _state(self) -> Mapping[str, Any]:
        columns = [
            "metrics.`objective`",
            "tags.`convergence`",
            "tags.`trial_state`",
            *(f"params.`{key}`" for key in self.keys),
            "attributes.`Description`",
        ]
        return {
            "orderByKey": "metrics.`objective`",
            "orderByAsc": self.direction == "minimize",
            "selectedColumns": columns,
            "columnOrder": columns,
            "runsHiddenMode": _SHOWN_RUNS,
            "compareRunCharts": self._charts(),
            "compareRunSections": [
                {
                    "uuid": _SECTION,
                    "name": "Sweep",
                    "display": True,
                    "isReordered": False,
                    "deleted": False,
                    "isGenerated": False,
                }
            ],
        }

    def _charts(self) -> list[dict[str, Any]]:
        curves = dict.fromkeys((self.objective, *CURVES))
        return [
            _chart(
                "PARALLEL",
                "parameters",
                selectedParams=list(self.keys),
                selectedMetrics=["objective"],
                showAllRuns=True,
            ),
            *(_chart("LINE", name, metricKey=name, selectedMetricKeys=[name]) for name in curves),
        ]


def review(uri: str, experiment: str | None) -> str:
    """How people get to see the runs.

    Args:
        uri: MLflow's tracking URI, without a password.
        experiment: MLflow's name for the experiment, where the page has its view; else None.
    """
    if uri.startswith(("http://", "https://")):
        return _page(uri, experiment) if experiment else uri
    here = uri in (f"sqlite:///{DATABASE}", f"sqlite:///{Path.cwd() / DATABASE}")
    command = "mlflow ui   (in this folder)" if here else f"mlflow ui --backend-store-uri {uri}"
    return f"{command}, then {_page(LOCAL_SERVER, experiment)}" if experiment else command


def _page(server: str, experiment: str) -> str:
    runs = f"{server.rstrip('/')}/#/experiments/{experiment}/runs"
    return f"{runs}?viewStateShareKey={KEY}&workflowType=machine_learning"


def _chart(kind: str, name: str, **settings: Any) -> dict[str, Any]:
    """One chart, as the page stores it; what is not given it fills in itself."""
    return {
        "uuid": name,
        "type": kind,
        "displayName": name,
        "metricSectionId": _SECTION,
        "runsCountToCompare": 20,
        "deleted": False,
        "isGenerated": False,
        **_DEFAULTS.get(kind, {}),
        **settings,
    }


_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "LINE": {
        "lineSmoothness": 0,
        "scaleType": "linear",
        "xAxisScaleType": "linear",
        "xAxisKey": "step",
        "selectedXAxisMetricKey": "",
        "yAxisKey": "metric",
        "yAxisExpressions": [],
        "range": {},
        "ignoreOutliers": False,
        "useGlobalXaxisKey": True,
        "useGlobalLineSmoothing": True,
    },
}
