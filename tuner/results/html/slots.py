"""Which trials ran at the same time: lanes of a timeline, one for each slot."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from tuner.results.html.data import TrialView

PAUSE = 60.0
"""Seconds in which nothing ran and after which time is left out: the sweep was stopped."""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One trial on the timeline."""

    trial: TrialView
    """The trial."""
    lane: str
    """Host and slot; which slot of a host it was is inferred from what ran at once."""
    begin: float
    """Seconds since the first trial began, pauses left out."""
    seconds: float
    """How long it ran."""


def timeline(trials: Iterable[TrialView], now: datetime) -> list[Bar]:
    """Lays the trials out.

    Args:
        trials: Those that have begun are laid out.
        now: When those that still run are drawn to.
    """
    spans = sorted(
        (
            (trial.begun, trial.ended or now, trial)
            for trial in trials
            if trial.begun is not None and trial.state != "waiting"
        ),
        key=lambda span: (span[0], span[2].number),
    )
    lanes = _lanes(spans)
    bars, origin, busy_until = [], 0.0, 0.0
    for (begun, ended, trial), lane in zip(spans, lanes, strict=True):
        since = (begun - spans[0][0]).total_seconds()
        if since - busy_until > PAUSE:
            origin += since - busy_until
        seconds = max((ended - begun).total_seconds(), 0.0)
        busy_until = max(busy_until, since + seconds)
        bars.append(Bar(trial=trial, lane=lane, begin=since - origin, seconds=seconds))
    return bars


def _lanes(spans: Sequence[tuple[datetime, datetime, TrialView]]) -> list[str]:
    """The first lane of the trial's host that is free when it begins."""
    several = len({trial.host for _, _, trial in spans}) > 1
    free: dict[str, list[datetime]] = {}
    lanes = []
    for begun, ended, trial in spans:
        slots = free.setdefault(trial.host, [])
        slot = next((i for i, until in enumerate(slots) if until <= begun), len(slots))
        slots[slot : slot + 1] = [ended]
        lanes.append(f"{trial.host or 'unknown'} · slot {slot}" if several else f"slot {slot}")
    return lanes
