"""The view with which MLflow's page opens: columns, order and charts.

The page keeps a shared view as a tag of the experiment: JSON, deflated and written in base64. It
opens the view that `viewStateShareKey` names.
"""

import base64
import colorsys
import json
import shlex
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuner.files.sqlite_address import sqlite_path
from tuner.processes.invocation import script
from tuner.search.goals import Goals
from tuner.settings.overrides import override
from tuner.trial.study_identity import STUDY_ID, StudyIdentity

KEY = "tuner"
DESCRIPTION_TAG = "mlflow.note.content"
"""Tag of the experiment's description, which is shown above all its pages."""

COLOUR_TAG = "mlflow.runColor"
"""Tag of a run's colour; MLflow's own few colours repeat among trials."""

CURVES = ("val_loss", "train_loss", "learning_rate", "grad_norm")
"""Metrics charted beside the objective, on logarithmic axes, since trials differ by magnitudes."""

DATABASE = "mlflow.db"
"""MLflow's default store, in the folder where a command runs."""

LOCAL_SERVER = "http://127.0.0.1:5000"
"""Address of `mlflow ui`."""

TRAINING = "workflowType=machine_learning"
"""Part of an address that selects the page for training, not for generative AI."""

_GOLDEN = 0.618034
"""Turns of the colour circle from one trial to the next, far from all recent ones."""
_LIGHTNESS = (0.4, 0.55, 0.3)

_SHORT = 8
"""Number of characters that identify a study within an experiment."""

_NOTE = "Sweep"
"""First word of our lines in the experiment's description."""

_SHOWN_RUNS = "FIRST_20_RUNS"
_SECTION = "sweep"


def view_key(study_id: str | None) -> str:
    """Return the view's name: each study of an experiment has its own."""
    return f"{KEY}-{study_id[:_SHORT]}" if study_id else KEY


def view_tag(study_id: str | None) -> str:
    """Return the experiment's tag that holds the view of a study."""
    return f"mlflow.sharedViewState.{view_key(study_id)}"


@dataclass(frozen=True, kw_only=True)
class View:
    """Columns and charts of a sweep's page."""

    goals: Goals
    """Goals of the sweep."""
    keys: Sequence[str]
    """Searched keys."""
    study: StudyIdentity | None = None
    """Study whose runs are shown; None for all runs of the experiment."""

    def tag(self) -> str:
        """Return the value of the experiment's tag `view_tag`."""
        plain = json.dumps(self._state(), separators=(",", ":")).encode()
        return "deflate;" + base64.b64encode(zlib.compress(plain, 9)).decode()

    def _state(self) -> Mapping[str, Any]:
        columns = {
            "metrics.`objective`": "objective",
            **{f"metrics.`{name}`": name for name in self.goals.watched},
            "tags.`convergence`": "convergence",
            "tags.`trial_state`": "trial_state",
            **({"tags.`front`": "front"} if self.goals.several else {}),
            **({"tags.`constraints`": "constraints"} if self.goals.constraints else {}),
            **{f"params.`{key}`": key for key in self.keys},
        }
        return {
            **self._filter(),
            "orderByKey": "metrics.`objective`",
            "orderByAsc": self.goals.direction == "minimize",
            "selectedColumns": list(columns),
            "columnOrder": list(columns),
            "columnWidths": {column: _width(name) for column, name in columns.items()},
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
                    "columns": 2,
                    "cardHeight": 280,
                }
            ],
        }

    def _filter(self) -> Mapping[str, str]:
        if self.study is None or self.study.id is None or self.study.has_unmarked_runs:
            return {}
        return {"searchFilter": f"tags.{STUDY_ID} = '{self.study.id}'"}

    def _charts(self) -> list[dict[str, Any]]:
        # Last values of metrics, which pruned trials have too.
        parallel = _chart(
            "PARALLEL",
            "parameters",
            selectedParams=list(self.keys),
            selectedMetrics=list(self.goals.watched),
            showAllRuns=True,
        )
        first, *others = map(_line, dict.fromkeys((*self.goals.watched, *CURVES)))
        return [first, parallel, *others]


def colour(trial: int) -> str:
    """Return a trial's colour as `#rrggbb`, unlike that of any trial with a close number."""
    lightness = _LIGHTNESS[trial % len(_LIGHTNESS)]
    parts = colorsys.hls_to_rgb(trial * _GOLDEN % 1, lightness, 0.7)
    return "#" + "".join(f"{round(255 * part):02x}" for part in parts)


def note(experiment: str, study_id: str | None = None) -> str:
    """Return a line for the experiment's description with the links to a study's view.

    Args:
        experiment: MLflow's id of the experiment.
        study_id: Id of the study.
    """
    page = _page(experiment, study_id)
    which = f" {study_id[:_SHORT]}" if study_id else ""
    return f"{_NOTE}{which}: [trials by score]({page}) · [curves]({page}&compareRunsMode=CHART)"


def with_line(description: str, line: str) -> str:
    """Add a study's line to the experiment's description; people's own text stays unchanged.

    Args:
        description: Present description.
        line: See `note`.
    """
    lines = description.split("\n\n")
    if not description:
        return line
    is_ours = all(each.startswith(_NOTE) for each in lines)
    return f"{description}\n\n{line}" if is_ours and line not in lines else description


def review(uri: str, experiment: str | None, study_id: str | None = None) -> str:
    """Return a text on how to see the runs.

    Args:
        uri: MLflow's tracking URI, without a password.
        experiment: MLflow's id of the experiment if its page has the view; else None.
        study_id: Id of the study of the view.
    """
    return ", then ".join(review_steps(uri, experiment, study_id))


def review_steps(uri: str, experiment: str | None, study_id: str | None = None) -> tuple[str, ...]:
    """Return the commands and addresses that show the runs; see `review`."""
    page = _page(experiment, study_id) if experiment else ""
    if uri.startswith(("http://", "https://")):
        return (f"{uri.rstrip('/')}/{page}" if experiment else uri,)
    path = sqlite_path(uri)
    here = path is not None and path.absolute() == Path.cwd() / DATABASE
    command = f"{script('mlflow')} ui"
    if not here:
        command += f" --backend-store-uri {shlex.quote(uri)}"
    return (command, f"{LOCAL_SERVER}/{page}") if experiment else (command,)


def sending(study: str, uri: str | None) -> str:
    """Return a text with the command that sends the spooled runs.

    Args:
        study: Name of the study.
        uri: MLflow's tracking URI without a password; None if the sender has to name it.
    """
    return f"`{sending_command(study, uri)}` sends the runs to MLflow"


def sending_command(study: str, uri: str | None) -> str:
    """Return the command that sends the spooled runs; see `sending`."""
    return f"tuner report {override('study', study)} {override('tracking.uri', uri or 'URI')}"


def _page(experiment: str, study_id: str | None) -> str:
    """Return the page relative to the server's root, which may be behind a prefix."""
    shown = f"viewStateShareKey={view_key(study_id)}&{TRAINING}"
    return f"#/experiments/{experiment}/runs?{shown}"


def _width(name: str) -> int:
    """Return a width in pixels that fits a name, or a number with its exponent."""
    return max(90, 26 + 13 * len(name) // 2)


def _line(metric: str) -> dict[str, Any]:
    return _chart(
        "LINE",
        metric,
        metricKey=metric,
        selectedMetricKeys=[metric],
        lineSmoothness=0,
        scaleType="log" if metric in CURVES else "linear",
        xAxisScaleType="linear",
        xAxisKey="step",
        selectedXAxisMetricKey="",
        yAxisKey="metric",
        yAxisExpressions=[],
        range={},
        ignoreOutliers=False,
        useGlobalXaxisKey=True,
        useGlobalLineSmoothing=True,
    )


def _chart(kind: str, name: str, **settings: Any) -> dict[str, Any]:
    """Return one chart as the page stores it; the page completes missing settings."""
    return {
        "uuid": name,
        "type": kind,
        "displayName": name,
        "metricSectionId": _SECTION,
        "runsCountToCompare": 20,
        "deleted": False,
        "isGenerated": False,
        **settings,
    }
