"""Events to write to MLflow as plain data: one JSON object per line of the spool.

Every event has the time at which it happened (milliseconds since the epoch). Sending an event
twice leaves MLflow in the same state as sending it once.
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
    """First line of a spool."""

    at: int
    """Time of the event."""
    store: str
    """MLflow's tracking URI that the events are for; empty if the user named none."""
    study_id: str | None = None
    """Id of the study of these runs; None if a version without ids wrote them, or without a study.
    """


@dataclass(frozen=True, kw_only=True)
class RunStarted:
    """A run begins."""

    at: int
    """Time of the event."""
    run: str
    """Name of the run in later events of this spool."""
    identity: Mapping[str, str]
    """Tags that no other run has; an existing run with them is continued."""
    name: str
    """Name shown in MLflow."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Tags beside those of `identity`; written again when the run is continued."""
    params: Mapping[str, str] = field(default_factory=dict)
    """Param name to value."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """File name to text, logged as artifacts."""
    parent: str = ""
    """Run of this spool that it is nested in; empty if none."""
    datasets: tuple[TrialDataset, ...] = ()
    """Data sets that it uses."""
    resumes: bool = False
    """True if the attempt continues a saved state, in the run of an earlier attempt."""
    seconds_before: float = 0.0
    """Seconds that earlier attempts trained; moves the start of a run that has to be made anew."""


@dataclass(frozen=True, kw_only=True)
class MetricsLogged:
    """Metrics of a run at a step."""

    at: int
    """Time of the event."""
    run: str
    """Name of the run."""
    step: int
    """Number of training examples consumed."""
    metrics: Mapping[str, float]
    """Metric name to value."""
    nth: int = 1
    """Number of the trial's points at this step so far, including this one: with few updates
    several share a step. 0 if it is not an evaluation point.
    """


@dataclass(frozen=True, kw_only=True)
class RunEnded:
    """A run ends."""

    at: int
    """Time of the event."""
    run: str
    """Name of the run."""
    status: str
    """Status of the run in MLflow, for example `FINISHED`."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Metric name to value."""
    step: int = 0
    """Step of the metrics."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Tag name to value."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """File name to text, logged as artifacts."""
    files: tuple[str, ...] = ()
    """Files kept beside the spool (see `Spool.attach`), logged as artifacts."""
    if_running: bool = False
    """True to leave a run alone that somebody else has ended meanwhile."""


@dataclass(frozen=True, kw_only=True)
class ViewSaved:
    """The experiment's page gets a view (see `tuner.tracking.view`)."""

    at: int
    view: str


@dataclass(frozen=True, kw_only=True)
class TrialsAbandoned:
    """Trials were requeued because their agent is gone; their runs have ended."""

    at: int
    """Time of the event."""
    numbers: tuple[int, ...]
    """Numbers of the trials."""
    role: str = "trial"
    """Role of the runs: `trial`, or `confirm` for repeats of trials."""


@dataclass(frozen=True, kw_only=True)
class ParetoFrontChanged:
    """With several objectives, the set of undominated trials has changed."""

    at: int
    """Time of the event."""
    numbers: tuple[int, ...]
    """Numbers of all trials that are now on the front."""


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
"""Event to its name in a spool, which earlier versions wrote."""

configure_tagged_union(
    Event, converter, tag_generator=lambda kind: _WRITTEN.get(kind.__name__, kind.__name__)
)


def to_line(event: Event) -> bytes:
    """Return an event as a line of JSON, with its newline and with NaN and Infinity."""
    union: Any = Event
    return json.dumps(converter.unstructure(event, union)).encode() + b"\n"


def from_line(line: bytes) -> Event | None:
    """Return the event of a line; None if the line is damaged, for example by a full disk."""
    union: Any = Event
    try:
        event: Event = converter.structure(json.loads(line), union)
    except (ValueError, KeyError, TypeError, AttributeError, cattrs.BaseValidationError):
        return None
    return event
