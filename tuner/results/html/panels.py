"""Small drawing (SVG) of a trial's own curves, with the points that decided its status."""

import math
from collections.abc import Callable, Sequence

from markupsafe import Markup

from tuner.results.html.data import CurvePoint, TrialView
from tuner.results.html.style import LINE, QUIET, colour, finite, nice_ticks, tick

WIDTH, HEIGHT = 340.0, 150.0
LEFT, RIGHT, TOP, BOTTOM = 34.0, 8.0, 8.0, 18.0
TRAINING = "#8c959f"
"""Colour of all training losses."""

Scale = Callable[[float], float]


def panel(trial: TrialView, bounds: tuple[float, float]) -> Markup:
    """Draw training and validation loss against the share of the budget.

    Args:
        trial: Trial with the curves.
        bounds: Bounds of the loss axis, equal in all panels so that they are comparable; losses
            above it are marked at the upper edge.
    """
    low, high = bounds

    def across(share: float) -> float:
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def down(loss: float) -> float:
        share = (min(max(loss, low), high) - low) / (high - low)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    parts = [_grid(low, high, across, down)]
    training = [(p.share, p.train_loss) for p in trial.curve if p.train_loss is not None]
    validation = [(p.share, p.val_loss) for p in trial.curve if p.val_loss is not None]
    parts.append(_line(training, across, down, TRAINING, 'stroke-dasharray="4 3"'))
    parts.append(_line(validation, across, down, colour(trial), 'stroke-width="2.2"'))
    parts += [_mark(trial, point, high, across, down) for point in trial.curve]
    head = f'<svg viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" role="img" '
    head += f'aria-label="losses of trial {trial.number}">'
    # It consists of our numbers and colours only.
    return Markup(head + "".join(parts) + "</svg>")  # noqa: S704


def _grid(low: float, high: float, across: Scale, down: Scale) -> str:
    right, floor = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = []
    for value in nice_ticks(low, high, 3):
        y = down(value)
        parts.append(
            f'<line x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="{LINE}" '
            f'stroke-width=".7"/><text x="{LEFT - 5}" y="{y + 3.5:.1f}" text-anchor="end" '
            f'fill="{QUIET}">{tick(value)}</text>'
        )
    for share in (0.0, 0.5, 1.0):
        anchor = {0.0: "start", 1.0: "end"}.get(share, "middle")
        parts.append(
            f'<text x="{across(share):.1f}" y="{HEIGHT - 4}" text-anchor="{anchor}" '
            f'fill="{QUIET}">{share:.0%}</text>'
        )
    parts.append(
        f'<line x1="{LEFT}" x2="{right}" y1="{floor}" y2="{floor}" stroke="#8c959f" '
        'stroke-width=".8"/>'
    )
    return "".join(parts)


def _line(
    points: Sequence[tuple[float, float]], across: Scale, down: Scale, stroke: str, more: str
) -> str:
    steps, pen = [], "M"
    for share, loss in points:
        if not math.isfinite(loss):
            pen = "M"
            continue
        steps.append(f"{pen}{across(share):.1f} {down(loss):.1f}")
        pen = "L"
    path = "".join(steps)
    return f'<path d="{path}" fill="none" stroke="{stroke}" {more}/>' if steps else ""


def _mark(trial: TrialView, point: CurvePoint, high: float, across: Scale, down: Scale) -> str:
    """Draw a dot at a point, a ring if it decided, an arrow if the loss is above the axis."""
    if point.val_loss is None:
        return ""
    x, ink = across(point.share), colour(trial)
    decided = point.point in trial.deciding
    text = f"point {point.point}, {point.share:.0%} of the budget: validation loss "
    text += f"{point.val_loss:.4f}, training loss {point.train_loss or math.nan:.4f}"
    text += ", decided the status" if decided else ""
    loss = finite(point.val_loss)
    if loss is None or loss > high:
        shape = f'<path d="M{x - 4:.1f} {TOP + 4}h8l-4-6z" fill="{ink}"/>'
        if decided:
            shape += f'<circle cx="{x:.1f}" cy="{TOP + 1}" r="7" fill="none" stroke="{ink}"/>'
    elif decided:
        shape = (
            f'<circle cx="{x:.1f}" cy="{down(loss):.1f}" r="4.6" fill="white" stroke="{ink}" '
            'stroke-width="2"/>'
        )
    else:
        shape = f'<circle cx="{x:.1f}" cy="{down(loss):.1f}" r="2" fill="{ink}"/>'
    return f"<g>{shape}<title>{text}</title></g>"
