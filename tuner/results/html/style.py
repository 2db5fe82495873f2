"""Colours, and figures as people read them."""

import math
from collections.abc import Iterable, Mapping

from tuner.results.html.data import TrialView
from tuner.trial.records import Convergence

INK, QUIET, LINE = "#1f2328", "#656d76", "#d8dee4"
"""Text, lesser text, rules."""

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
"""In the order in which legends list them."""

NO_STATUS = "#24292f"
"""Colour of a trial that has no status yet."""

MINUTE, HOUR = 60.0, 3600.0
_SMALL = 1e-3
_LARGE = 1e5


def colour(trial: TrialView) -> str:
    """A trial's colour: that of its status."""
    return STATUS_COLOURS.get(trial.status, NO_STATUS)


def label(trial: TrialView) -> str:
    """The word that stands for a trial's colour: its status, else its state."""
    return trial.status or trial.state


def present(trials: Iterable[TrialView]) -> list[str]:
    """The labels that occur, in the order of legends."""
    found = dict.fromkeys(label(trial) for trial in trials)
    known = [status for status in STATUS_COLOURS if status in found]
    return [*known, *(other for other in found if other not in STATUS_COLOURS)]


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds >= HOUR:
        return f"{int(seconds // HOUR)} h {round(seconds % HOUR / MINUTE):02d} min"
    if seconds >= 2 * MINUTE:
        return f"{seconds / MINUTE:.0f} min"
    return f"{seconds:.0f} s" if seconds >= 1 else f"{seconds:.1f} s"


def tick(value: float) -> str:
    """A number on an axis."""
    if value and (abs(value) < _SMALL or abs(value) >= _LARGE):
        mantissa, _, exponent = f"{value:.1e}".partition("e")
        return f"{mantissa.removesuffix('.0')}e{int(exponent)}"
    return f"{value:.3g}"


def finite(value: float | None) -> float | None:
    """The value, or None where it is no number that can be drawn."""
    return value if value is not None and math.isfinite(value) else None


def nice_ticks(low: float, high: float, count: int) -> list[float]:
    """Round values between two bounds, about so many (Heckbert 1990, "Nice numbers")."""
    if high <= low:
        return [low]
    raw = (high - low) / max(count, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]
