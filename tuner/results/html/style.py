"""Colours and number formats of the report page."""

import math
from collections.abc import Iterable, Mapping

from tuner.results.html.data import TrialView
from tuner.trial.records import Convergence

INK, QUIET, LINE = "#1f2328", "#656d76", "#d8dee4"
"""Colours of text, secondary text and rules."""

STATUS_COLOURS: Mapping[str, str] = {
    Convergence.CONVERGED: "#1a7f37",
    Convergence.IMPROVING: "#0969da",
    Convergence.PLATEAUED: "#9a6700",
    Convergence.NOT_LEARNING: "#6e7781",
    Convergence.OSCILLATING: "#8250df",
    Convergence.OVERFITTING: "#e16f24",
    Convergence.DIVERGED: "#cf222e",
    Convergence.UNDETERMINED: "#afb8c1",
}
"""Colour of each status, in the order of legends."""

NO_STATUS = "#24292f"
"""Colour of a trial without a status."""

MINUTE, HOUR = 60.0, 3600.0
_SMALL = 1e-3
_LARGE = 1e5


def colour(trial: TrialView) -> str:
    """Return a trial's colour by its status."""
    return STATUS_COLOURS.get(trial.status, NO_STATUS)


def label(trial: TrialView) -> str:
    """Return the text for a trial's colour: its status, or else its state."""
    return trial.status or trial.state


def legend_labels(trials: Iterable[TrialView]) -> list[str]:
    """Return the labels that occur, in the order of legends."""
    found = dict.fromkeys(label(trial) for trial in trials)
    known = [status for status in STATUS_COLOURS if status in found]
    return [*known, *(other for other in found if other not in STATUS_COLOURS)]


def duration(seconds: float) -> str:
    """Return a duration as text."""
    if seconds >= HOUR:
        return f"{int(seconds // HOUR)} h {round(seconds % HOUR / MINUTE):02d} min"
    if seconds >= 2 * MINUTE:
        return f"{seconds / MINUTE:.0f} min"
    return f"{seconds:.0f} s" if seconds >= 1 else f"{seconds:.1f} s"


def tick(value: float) -> str:
    """Return the text of a number on an axis."""
    if value and (abs(value) < _SMALL or abs(value) >= _LARGE):
        mantissa, _, exponent = f"{value:.1e}".partition("e")
        return f"{mantissa.removesuffix('.0')}e{int(exponent)}"
    return f"{value:.3g}"


def finite(value: float | None) -> float | None:
    """Return the value, or None if it is not finite."""
    return value if value is not None and math.isfinite(value) else None


def nice_ticks(low: float, high: float, count: int) -> list[float]:
    """Return about `count` round values between two bounds (Heckbert 1990, "Nice numbers")."""
    if high <= low:
        return [low]
    raw = (high - low) / max(count, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]
