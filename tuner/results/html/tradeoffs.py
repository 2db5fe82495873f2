"""Plots of one metric against another: the possible trade-offs, and their price."""

from collections.abc import Sequence
from dataclasses import replace
from html import escape

from tuner.results.html.data import StudyView, TrialView
from tuner.results.html.figures import Figure, base_layout, hover_text, metric_lines
from tuner.results.html.style import INK, QUIET, colour, label
from tuner.search.goals import Constraint
from tuner.search.pareto import as_maximized, undominated

HEIGHT = 360
RULE = "#8c959f"
"""Colour of the line that bounds what is reachable."""

_ARROWS = {"top right": "↗", "top left": "↖", "bottom right": "↘", "bottom left": "↙"}


def trade_off(study: StudyView, across: str) -> Figure:
    """Plot the first objective of every completed trial against another watched metric.

    Args:
        study: Study with the trials.
        across: The other metric; for an objective, a line bounds what both allow.
    """
    ended = [trial for trial in study.trials if trial.value is not None]
    corner = better_corner(study, across)
    shapes, notes = _bounds(study, across)
    layout = base_layout(height=HEIGHT)
    layout["xaxis"]["title"]["text"] = escape(across)
    layout["yaxis"]["title"]["text"] = escape(study.objective)
    layout |= {"shapes": shapes, "annotations": [*notes, _better(corner)]}
    shown = [_marks(study, across, ended, name) for name in dict.fromkeys(map(label, ended))]
    line = [_staircase(study, across)] if across in study.goals.objectives else []
    best = [_ring(study, across, study.best)] if study.best is not None else []
    return {"data": [*line, *shown, *best], "layout": layout}


def better_corner(study: StudyView, across: str) -> str:
    """Return the corner of a plot that is best in both metrics, for example `top right`."""
    row = "top" if study.goals.direction == "maximize" else "bottom"
    return f"{row} {'right' if _increases(study, across) else 'left'}"


def _increases(study: StudyView, metric: str) -> bool:
    return study.goals.scores[metric].direction == "maximize"


def front_corners(study: StudyView, across: str) -> list[tuple[float, float]]:
    """Return the corners of the line that bounds what usable trials reach in two objectives.

    Args:
        study: Study with the trials.
        across: Objective beside the first.

    Returns:
        Points by the value of `across`.
    """
    pair = replace(study.goals, objectives=(across, study.objective), constraints=())
    known = [trial.measured for trial in study.trials if trial.rank is not None]
    best = undominated(as_maximized(values, pair) for values in known)
    return sorted(
        {(v[across], v[study.objective]) for v in known if as_maximized(v, pair) in best}
    )


def _staircase(study: StudyView, across: str) -> Figure:
    points = front_corners(study, across)
    # From each point the line first runs along the region that the point dominates.
    shape = "vh" if _increases(study, across) else "hv"
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [x for x, _ in points],
        "y": [y for _, y in points],
        "line": {"shape": shape, "color": RULE, "width": 1.5},
        "hoverinfo": "skip",
    }


def _marks(study: StudyView, across: str, ended: Sequence[TrialView], name: str) -> Figure:
    """Draw the completed trials of one colour; those on the front are large and numbered."""
    own = [trial for trial in reversed(ended) if label(trial) == name]
    return {
        "type": "scatter",
        "mode": "markers+text",
        "x": [trial.measured[across] for trial in own],
        "y": [trial.measured[study.objective] for trial in own],
        "meta": name,
        "marker": {
            "color": [QUIET if trial.missed else colour(trial) for trial in own],
            "symbol": ["circle-open" if trial.missed else "circle" for trial in own],
            "size": [11 if trial.on_front else 8 for trial in own],
            "opacity": [1.0 if trial.on_front else 0.55 for trial in own],
        },
        "text": [str(trial.number) if trial.on_front else "" for trial in own],
        "textposition": better_corner(study, across),
        "textfont": {"size": 11, "color": QUIET},
        "customdata": [
            "<br>".join([hover_text(trial), *metric_lines(study, trial)]) for trial in own
        ],
        "hovertemplate": "%{customdata}<extra></extra>",
        "cliponaxis": False,
    }


def _ring(study: StudyView, across: str, best: TrialView) -> Figure:
    """Draw a ring around the best trial."""
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [best.measured[across]],
        "y": [best.measured[study.objective]],
        "marker": {
            "symbol": "circle-open", "size": 20, "color": INK, "line": {"width": 2},
        },
        "hoverinfo": "skip",
        "cliponaxis": False,
    }  # fmt: skip


def _better(corner: str) -> Figure:
    """Name the better corner of the plot."""
    row, side = corner.split()
    right = side == "right"
    text = f"better {_ARROWS[corner]}" if right else f"{_ARROWS[corner]} better"
    return {
        "xref": "paper", "yref": "paper", "x": float(right), "y": float(row == "top"),
        "xanchor": side, "yanchor": "bottom", "text": text, "showarrow": False,
        "font": {"size": 12, "color": QUIET},
    }  # fmt: skip


def _bounds(study: StudyView, across: str) -> tuple[list[Figure], list[Figure]]:
    """Draw the missed constraints of both metrics as lines with their texts.

    A constraint that every trial meets may lie far away and would stretch the axis.
    """
    axes = {across: "x", study.objective: "y"}
    missed = [c for c in study.goals.constraints if any(t.misses(c.metric) for t in study.trials)]
    found = [(axes[c.metric], c) for c in missed if c.metric in axes]
    return [_bound(axis, c) for axis, c in found], [_bound_note(axis, c) for axis, c in found]


def _bound(axis: str, constraint: Constraint) -> Figure:
    other = "y" if axis == "x" else "x"
    return {
        "type": "line", "layer": "below", f"{other}ref": "paper", f"{other}0": 0, f"{other}1": 1,
        f"{axis}0": constraint.bound, f"{axis}1": constraint.bound,
        "line": {"color": QUIET, "dash": "dash", "width": 1},
    }  # fmt: skip


def _bound_note(axis: str, constraint: Constraint) -> Figure:
    other = "y" if axis == "x" else "x"
    return {
        f"{other}ref": "paper", other: 0, axis: constraint.bound, "text": escape(constraint.text),
        "xanchor": "left", "yanchor": "bottom", "showarrow": False,
        "font": {"size": 11, "color": QUIET},
    }  # fmt: skip
