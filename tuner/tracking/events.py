"""What is to be written to MLflow, as plain data: one JSON object a line in the spool.

Every event carries the time at which it happened (milliseconds since the epoch), and sending one
twice leaves MLflow as sending it once does.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import cattrs
from cattrs.strategies import configure_tagged_union

from tuner.tracking.datasets import TrialDataset
from tuner.trial.serialization import converter


@dataclass(frozen=True, kw_only=True)
class Opened:
    """The first line of a spool.

    Attributes:
        at: When.
        store: MLflow's tracking URI, for which the rest is meant; empty: nobody said.
        study_id: Id of the study whose runs these are; None: written by a version without ids, or
            there is no study.
    """

    at: int
    store: str
    study_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class RunStarted:
    """A run begins.

    Attributes:
        at: When.
        run: The name that later events of this spool have for it.
        identity: Tags that no other run has; one that has them is gone on with.
        name: Shown in MLflow.
        tags: Beside those of `identity`; written again when the run is gone on with.
        params: By name.
        texts: File name to text, logged as artifacts.
        parent: The run of this spool that it is nested in; empty: none.
        datasets: The data that it uses.
        resumes: The attempt goes on from a saved state, in the run that an earlier one made.
        seconds_before: Seconds that earlier attempts trained, for the start of a run that has to
            be made anew.
    """

    at: int
    run: str
    identity: Mapping[str, str]
    name: str
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    parent: str = ""
    datasets: tuple[TrialDataset, ...] = ()
    resumes: bool = False
    seconds_before: float = 0.0


@dataclass(frozen=True, kw_only=True)
class MetricsLogged:
    """Metrics of a run at a step.

    Attributes:
        at: When.
        run: Which.
        step: Training examples consumed.
        metrics: By name.
        nth: Number of the trial's points at this step so far, this one included; with few updates
            several fall on one. 0: not an evaluation point.
    """

    at: int
    run: str
    step: int
    metrics: Mapping[str, float]
    nth: int = 1


@dataclass(frozen=True, kw_only=True)
class RunEnded:
    """A run ends.

    Attributes:
        at: When.
        run: Which.
        status: MLflow's, as `FINISHED`.
        metrics: By name.
        step: Of the metrics.
        tags: By name.
        texts: File name to text, logged as artifacts.
        files: Kept beside the spool (see `Spool.attach`), logged as artifacts.
        if_running: Leave a run alone that somebody else has ended meanwhile.
    """

    at: int
    run: str
    status: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    step: int = 0
    tags: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    if_running: bool = False


@dataclass(frozen=True, kw_only=True)
class ViewSaved:
    """The experiment's page gets a view to open with (see `tuner.tracking.view`)."""

    at: int
    view: str


@dataclass(frozen=True, kw_only=True)
class TrialsAbandoned:
    """Trials were put back because their agent is gone; their runs are running no more.

    Attributes:
        at: When.
        numbers: The trials.
        role: `trial`, or `confirm` for repeats of trials.
    """

    at: int
    numbers: tuple[int, ...]
    role: str = "trial"


@dataclass(frozen=True, kw_only=True)
class ParetoFrontChanged:
    """Of several objectives, the trials that no other one beats in all of them.

    Attributes:
        at: When.
        numbers: The trials; no others are any more.
    """

    at: int
    numbers: tuple[int, ...]


Event = (
    Opened
    | RunStarted
    | MetricsLogged
    | RunEnded
    | ViewSaved
    | TrialsAbandoned
    | ParetoFrontChanged
)

_WRITTEN = {
    "RunStarted": "Begun", "MetricsLogged": "Logged", "RunEnded": "Ended", "ViewSaved": "Viewed",
    "TrialsAbandoned": "Abandoned", "ParetoFrontChanged": "Fronted",
}  # fmt: skip
"""Event to its name in a spool, where earlier versions wrote it."""

configure_tagged_union(
    Event, converter, tag_generator=lambda kind: _WRITTEN.get(kind.__name__, kind.__name__)
)


def to_line(event: Event) -> bytes:
    """An event as a line of JSON, newline included; NaN and Infinity as Python writes them."""
    union: Any = Event
    return json.dumps(converter.unstructure(event, union)).encode() + b"\n"


def from_line(line: bytes) -> Event | None:
    """The event of a line; None where it is none, as after a disk that was full or failed."""
    union: Any = Event
    try:
        event: Event = converter.structure(json.loads(line), union)
    except (ValueError, KeyError, TypeError, AttributeError, cattrs.BaseValidationError):
        return None
    return event
