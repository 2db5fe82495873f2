"""The view that MLflow's page opens with: columns, order and charts, as its own page stores them.

The page keeps a shared view as a tag of the experiment, JSON that is deflated and written in
base64, and opens it where `viewStateShareKey` names it.
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
NOTE_TAG = "mlflow.note.content"
"""The experiment's description, which stands above all its pages."""

COLOUR_TAG = "mlflow.runColor"
"""Of a run and its curves; else MLflow takes one of a few, for several trials the same."""

CURVES = ("val_loss", "train_loss", "learning_rate", "grad_norm")
"""Charted beside the objective, on logarithmic axes: trials differ by orders of magnitude."""

DATABASE = "mlflow.db"
"""MLflow's own default, in the folder where a command runs."""

LOCAL_SERVER = "http://127.0.0.1:5000"
"""Where `mlflow ui` listens."""

TRAINING = "workflowType=machine_learning"
"""In an address: the page as it is for training, not for generative AI."""

_GOLDEN = 0.618034
"""Turns of the colour circle from one trial to the next, which come near no earlier one soon."""
_LIGHTNESS = (0.4, 0.55, 0.3)

_SHORT = 8
"""Characters of an id that tell studies of one experiment apart."""

_NOTE = "Sweep"
"""How a line of ours begins in the experiment's description."""

_SHOWN_RUNS = "FIRST_20_RUNS"
_SECTION = "sweep"


def view_key(study_id: str | None) -> str:
    """The view's name: each study has its own, since several may be in one experiment."""
    return f"{KEY}-{study_id[:_SHORT]}" if study_id else KEY


def view_tag(study_id: str | None) -> str:
    """The experiment's tag that holds the view of a study."""
    return f"mlflow.sharedViewState.{view_key(study_id)}"


@dataclass(frozen=True, kw_only=True)
class View:
    """What a sweep's page shows."""

    goals: Goals
    """What the sweep is run for."""
    keys: Sequence[str]
    """The searched ones."""
    study: StudyIdentity | None = None
    """Whose runs are shown; None: all of the experiment."""

    def tag(self) -> str:
        """The value of the experiment's tag `TAG`."""
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
        # The metrics' last values, which pruned trials have too.
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
    """A trial's colour, as `#rrggbb`: unlike that of every trial near it in number."""
    lightness = _LIGHTNESS[trial % len(_LIGHTNESS)]
    parts = colorsys.hls_to_rgb(trial * _GOLDEN % 1, lightness, 0.7)
    return "#" + "".join(f"{round(255 * part):02x}" for part in parts)


def note(experiment: str, study_id: str | None = None) -> str:
    """A line of the experiment's description: the ways to a study's view.

    Args:
        experiment: MLflow's name for the experiment.
        study_id: Id of the study.
    """
    page = _page(experiment, study_id)
    which = f" {study_id[:_SHORT]}" if study_id else ""
    return f"{_NOTE}{which}: [trials by score]({page}) · [curves]({page}&compareRunsMode=CHART)"


def with_note(description: str, line: str) -> str:
    """The experiment's description with a study's line; one that people wrote stays as it is.

    Args:
        description: As it is.
        line: See `note`.
    """
    lines = description.split("\n\n")
    if not description:
        return line
    is_ours = all(each.startswith(_NOTE) for each in lines)
    return f"{description}\n\n{line}" if is_ours and line not in lines else description


def review(uri: str, experiment: str | None, study_id: str | None = None) -> str:
    """How people get to see the runs.

    Args:
        uri: MLflow's tracking URI, without a password.
        experiment: MLflow's name for the experiment, where the page has its view; else None.
        study_id: Id of the study that the view is of.
    """
    return ", then ".join(review_steps(uri, experiment, study_id))


def review_steps(uri: str, experiment: str | None, study_id: str | None = None) -> tuple[str, ...]:
    """Return what is to be typed and then opened to see the runs; see `review`."""
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
    """What sends the runs that agents have spooled.

    Args:
        study: Its name.
        uri: MLflow's tracking URI, without a password; None: whoever sends them knows it.
    """
    return f"`{sending_command(study, uri)}` sends the runs to MLflow"


def sending_command(study: str, uri: str | None) -> str:
    """Return the command that sends the runs which agents have spooled; see `sending`."""
    return f"tuner report {override('study', study)} {override('tracking.uri', uri or 'URI')}"


def _page(experiment: str, study_id: str | None) -> str:
    """Relative to the server's root, since it may stand behind a prefix."""
    shown = f"viewStateShareKey={view_key(study_id)}&{TRAINING}"
    return f"#/experiments/{experiment}/runs?{shown}"


def _width(name: str) -> int:
    """Pixels in which a name stands whole, and below a long one a number with its exponent."""
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
    """One chart, as the page stores it; what is not given it fills in itself."""
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
