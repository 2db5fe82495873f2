"""Timeline of trials: which ran at the same time, in a lane for each slot."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from tuner.results.html.data import TrialView

PAUSE = 60.0
"""Seconds without a running trial after which time is left out, since the sweep was stopped."""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One trial on the timeline."""

    trial: TrialView
    """Trial of the bar."""
    lane: str
    """Host and slot; the slot's number is inferred from the trials that ran together."""
    begin: float
    """Seconds since the first trial began, without pauses."""
    seconds: float
    """Seconds that it ran."""


def timeline(trials: Iterable[TrialView], now: datetime) -> list[Bar]:
    """Arrange trials on a timeline.

    Args:
        trials: Trials; those that have begun get a bar.
        now: Time up to which running trials are drawn.
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
    for (start, ended, trial), lane in zip(spans, lanes, strict=True):
        since = (start - spans[0][0]).total_seconds()
        if since - busy_until > PAUSE:
            origin += since - busy_until
        seconds = max((ended - start).total_seconds(), 0.0)
        busy_until = max(busy_until, since + seconds)
        bars.append(Bar(trial=trial, lane=lane, begin=since - origin, seconds=seconds))
    return bars


def _lanes(spans: Sequence[tuple[datetime, datetime, TrialView]]) -> list[str]:
    """Return for each trial the first free lane of its host."""
    several = len({trial.host for _, _, trial in spans}) > 1
    free: dict[str, list[datetime]] = {}
    lanes = []
    for start, ended, trial in spans:
        slots = free.setdefault(trial.host, [])
        slot = next((i for i, until in enumerate(slots) if until <= start), len(slots))
        slots[slot : slot + 1] = [ended]
        lanes.append(f"{trial.host or 'unknown'} · slot {slot}" if several else f"slot {slot}")
    return lanes
