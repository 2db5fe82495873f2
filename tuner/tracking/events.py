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
    """The first line of a spool."""

    at: int
    """When."""
    store: str
    """MLflow's tracking URI, for which the rest is meant; empty: nobody said."""
    study_id: str | None = None
    """Id of the study whose runs these are; None: written by a version without ids, or there is no
    study.
    """


@dataclass(frozen=True, kw_only=True)
class RunStarted:
    """A run begins."""

    at: int
    """When."""
    run: str
    """The name that later events of this spool have for it."""
    identity: Mapping[str, str]
    """Tags that no other run has; one that has them is gone on with."""
    name: str
    """Shown in MLflow."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Beside those of `identity`; written again when the run is gone on with."""
    params: Mapping[str, str] = field(default_factory=dict)
    """By name."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """File name to text, logged as artifacts."""
    parent: str = ""
    """The run of this spool that it is nested in; empty: none."""
    datasets: tuple[TrialDataset, ...] = ()
    """The data that it uses."""
    resumes: bool = False
    """The attempt goes on from a saved state, in the run that an earlier one made."""
    seconds_before: float = 0.0
    """Seconds that earlier attempts trained, for the start of a run that has to be made anew."""


@dataclass(frozen=True, kw_only=True)
class MetricsLogged:
    """Metrics of a run at a step."""

    at: int
    """When."""
    run: str
    """Which."""
    step: int
    """Training examples consumed."""
    metrics: Mapping[str, float]
    """By name."""
    nth: int = 1
    """Number of the trial's points at this step so far, this one included; with few updates
    several fall on one. 0: not an evaluation point.
    """


@dataclass(frozen=True, kw_only=True)
class RunEnded:
    """A run ends."""

    at: int
    """When."""
    run: str
    """Which."""
    status: str
    """MLflow's, as `FINISHED`."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """By name."""
    step: int = 0
    """Of the metrics."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """By name."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """File name to text, logged as artifacts."""
    files: tuple[str, ...] = ()
    """Kept beside the spool (see `Spool.attach`), logged as artifacts."""
    if_running: bool = False
    """Leave a run alone that somebody else has ended meanwhile."""


@dataclass(frozen=True, kw_only=True)
class ViewSaved:
    """The experiment's page gets a view to open with (see `tuner.tracking.view`)."""

    at: int
    view: str


@dataclass(frozen=True, kw_only=True)
class TrialsAbandoned:
    """Trials were put back because their agent is gone; their runs are running no more."""

    at: int
    """When."""
    numbers: tuple[int, ...]
    """The trials."""
    role: str = "trial"
    """`trial`, or `confirm` for repeats of trials."""


@dataclass(frozen=True, kw_only=True)
class ParetoFrontChanged:
    """Of several objectives, the trials that no other one beats in all of them."""

    at: int
    """When."""
    numbers: tuple[int, ...]
    """The trials; no others are any more."""


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
