"""Interactive plots of the report page, as plain dicts for Plotly.

Texts that come from users are escaped here, because Plotly interprets some HTML.
"""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from html import escape
from typing import Any

from tuner.results.html.data import CurvePoint, StudyView, TrialView
from tuner.results.html.parallel import axes as parallel_axes
from tuner.results.html.slots import Bar
from tuner.results.html.style import INK, LINE, QUIET, colour, duration, finite, label
from tuner.results.tables import figure as figure_text
from tuner.search.goals import score

Figure = dict[str, Any]

SYMBOLS = {"complete": "circle", "running": "circle-open", "pruned": "line-ns-open"}
"""Marker at the end of a curve by the trial's state; a cross for other states."""

FAMILY = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
AXIS_MEDIANS = 2.0
"""Multiple of the median loss at which the axis ends."""

MINUTE, HOUR = 60.0, 3600.0
LONG_KEY = 24


def losses(study: StudyView) -> Figure:
    """Plot the validation loss of every trial against the share of its budget."""
    layout = _against_budget("validation loss (nats)")
    layout["yaxis"]["range"] = loss_range(study, training=False)
    layout |= _guess_line(study, "val_loss")
    return {"data": _curves(study, lambda point: point.val_loss), "layout": layout}


def scores(study: StudyView, objective: str) -> Figure:
    """Plot an objective of every trial against the share of its budget."""
    layout = _against_budget(escape(objective))
    if objective.endswith("loss"):
        layout["yaxis"]["range"] = loss_range(study)
    layout |= _guess_line(study, objective)
    return {"data": _curves(study, lambda point: point.measured.get(objective)), "layout": layout}


def _guess_line(study: StudyView, metric: str) -> Figure:
    """Draw the result of the constant guess as a line for curves to beat."""
    guess = next((o.guess for o in study.outcomes if o.guess is not None), None)
    known = {} if guess is None else {"val_loss": guess.loss, f"val_{guess.name}": guess.score}
    if metric not in known:
        return {}
    line = {
        "type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": known[metric],
        "y1": known[metric], "line": {"color": QUIET, "dash": "dot", "width": 1},
    }  # fmt: skip
    note = {
        "xref": "paper", "x": 1, "y": known[metric], "xanchor": "right", "yanchor": "bottom",
        "text": "constant guess", "showarrow": False, "font": {"color": QUIET, "size": 11},
    }  # fmt: skip
    return {"shapes": [line], "annotations": [note]}


def loss_range(study: StudyView, *, training: bool = True) -> tuple[float, float]:
    """Return bounds of a loss axis for usual trials; exploded losses lie outside.

    Args:
        study: Study with the losses.
        training: True to include training losses.
    """
    seen = [
        loss
        for trial in study.trials
        if trial.status != "diverged"
        for point in trial.curve
        for loss in (point.val_loss, point.train_loss if training else None)
        if loss is not None and math.isfinite(loss)
    ]
    if not seen:
        return 0.0, 1.0
    low, high = min(seen), min(max(seen), AXIS_MEDIANS * statistics.median(seen))
    margin = 0.05 * (high - low) or 0.1
    return max(0.0, low - margin), high + margin


def _curves(study: StudyView, of: Callable[[CurvePoint], float | None]) -> list[Figure]:
    """Draw a line for each trial, the best last."""
    traces = []
    for trial in _best_last(study):
        known = [(p, y) for p in trial.curve if (y := finite(of(p))) is not None]
        if not known:
            continue
        best, inner = trial is study.best, len(known) - 1
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": [p.share for p, _ in known],
                "y": [y for _, y in known],
                "meta": label(trial),
                "line": {"color": colour(trial), "width": 3.5 if best else 1.5},
                "opacity": 1.0 if best else 0.75,
                "marker": {
                    "color": colour(trial),
                    "symbol": ["circle"] * inner + [SYMBOLS.get(trial.state, "x-thin-open")],
                    "size": [3] * inner + [9],
                    "line": {"color": colour(trial), "width": [0] * inner + [2]},
                },
                "text": [f"{hover_text(trial, p)}<br><b>{score(y)}</b>" for p, y in known],
                "hovertemplate": "%{text}<extra></extra>",
            }
        )
    return traces


def _best_last(study: StudyView) -> list[TrialView]:
    """Return the trials in drawing order, so that good ones are above poor ones."""
    unranked = len(study.trials) + 1
    return sorted(study.trials, key=lambda trial: -(trial.rank or unranked))


def hover_text(trial: TrialView, point: CurvePoint | None = None) -> str:
    """Return the hover text of a trial, or of one of its points."""
    head = f"<b>trial {trial.number}</b> · {escape(trial.state)}"
    if trial.status:
        head += f" · {trial.status.replace('_', ' ')}"
    lines = [head]
    lines += [f"{escape(k)} {escape(figure_text(v))}" for k, v in trial.parameters.items()]
    if point is not None:
        seen = "" if point.examples is None else f", {point.examples:,} examples"
        lines.append(f"point {point.point}: {point.share:.0%} of the budget{seen}")
    return "<br>".join(lines)


def metric_lines(study: StudyView, trial: TrialView) -> list[str]:
    """Return a line for each watched metric of a trial, and for each missed constraint."""
    known = [name for name in study.goals.watched if name in trial.measured]
    lines = [f"<b>{escape(name)} {score(trial.measured[name])}</b>" for name in known]
    return [*lines, *(f"misses {escape(text)}" for text in trial.missed)]


def _against_budget(title: str) -> Figure:
    layout = base_layout(height=340)
    layout["xaxis"] |= {"tickformat": ".0%", "range": [0, 1.02]}
    layout["xaxis"]["title"]["text"] = "share of the budget"
    layout["yaxis"]["title"]["text"] = title
    return layout


def parallel(study: StudyView) -> Figure:
    """Draw every trial as a line across its parameters to the objectives.

    A parameter that a trial does not have gets no marker; the line skips it.
    """
    trials = [trial for trial in _best_last(study) if trial.parameters]
    axes = parallel_axes(study, trials)
    layout = base_layout(height=380)
    layout |= {"margin": {"l": 40, "r": 50, "t": 20, "b": 46}}
    layout["xaxis"] |= {
        "tickvals": list(range(len(axes))),
        "ticktext": [_wrapped(axis.name) for axis in axes],
        "range": [-0.12, len(axes) - 0.85],
        "showgrid": False,
        "zeroline": False,
        "fixedrange": True,
        "ticks": "",
    }
    layout["yaxis"] |= {"visible": False, "range": [-0.06, 1.06], "fixedrange": True}
    layout["shapes"] = [
        {
            "type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "layer": "below",
            "line": {"color": "#8c959f", "width": 1},
        }
        for x in range(len(axes))
    ]  # fmt: skip
    layout["annotations"] = [
        {
            "x": x, "y": y, "text": escape(text), "showarrow": False, "xanchor": "left",
            "xshift": 5, "font": {"size": 11, "color": QUIET}, "bgcolor": "rgba(255,255,255,.75)",
        }
        for x, axis in enumerate(axes)
        for y, text in axis.ticks
    ]  # fmt: skip
    crossings = zip(*(axis.heights for axis in axes), strict=True)
    lines = [_crossing(study, t, heights) for t, heights in zip(trials, crossings, strict=True)]
    return {"data": lines, "layout": layout}


def _crossing(study: StudyView, trial: TrialView, heights: Sequence[float | None]) -> Figure:
    best = trial is study.best
    text = "<br>".join([hover_text(trial), *metric_lines(study, trial)])
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": list(range(len(heights))),
        "y": list(heights),
        "connectgaps": True,
        "meta": label(trial),
        "line": {
            "color": colour(trial),
            "width": 3.5 if best else 1.6,
            "dash": "solid" if trial.rank else "dot",
        },
        "marker": {"size": 8 if best else 5, "color": colour(trial)},
        "opacity": 1.0 if best else 0.7,
        "text": [text] * len(heights),
        "hovertemplate": "%{text}<extra></extra>",
    }


def _wrapped(key: str) -> str:
    """Return a long key in two lines."""
    group, dot, leaf = key.partition(".")
    return escape(f"{group}.") + "<br>" + escape(leaf) if dot else escape(key)


def importances(shares: Mapping[str, float]) -> Figure:
    """Plot the importance of each parameter, the largest on top."""
    items = sorted(shares.items(), key=lambda item: item[1])
    layout = base_layout(height=max(130, 60 + 40 * len(items)))
    layout |= {"margin": {"l": 10, "r": 40, "t": 6, "b": 30}}
    layout["xaxis"] |= {"tickformat": ".0%", "range": [0, 1.12 * max(shares.values())]}
    layout["yaxis"] |= {"automargin": True, "showgrid": False, "ticksuffix": "  "}
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": [share for _, share in items],
        "y": [_wrapped(k) if len(k) > LONG_KEY else escape(k) for k, _ in items],
        "text": [f"{share:.0%}" for _, share in items],
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": "#0969da"},
        "hoverinfo": "skip",
    }
    return {"data": [bars], "layout": layout}


def timeline(bars: Sequence[Bar]) -> Figure:
    """Plot when each trial ran, in lanes by slot."""
    end = max((bar.begin + bar.seconds for bar in bars), default=0.0)
    unit, seconds = ("hours", HOUR) if end >= 2 * HOUR else ("minutes", MINUTE)
    if end < 2 * MINUTE:
        unit, seconds = "seconds", 1.0
    lanes = sorted({bar.lane for bar in bars}, reverse=True)
    layout = base_layout(height=90 + 34 * max(len(lanes), 1))
    layout |= {"barmode": "overlay", "bargap": 0.25}
    layout["margin"] |= {"t": 6, "l": 20}
    layout["xaxis"]["title"]["text"] = f"{unit} since the first trial began"
    layout["xaxis"]["range"] = [0, end / seconds or 1.0]
    layout["yaxis"] |= {
        "automargin": True, "showgrid": False, "type": "category",
        "categoryorder": "array", "categoryarray": [escape(lane) for lane in lanes],
        "ticksuffix": "  ",
    }  # fmt: skip
    trace = {
        "type": "bar",
        "orientation": "h",
        "y": [escape(bar.lane) for bar in bars],
        "base": [bar.begin / seconds for bar in bars],
        "x": [bar.seconds / seconds for bar in bars],
        "text": [str(bar.trial.number) for bar in bars],
        "textposition": "inside",
        "insidetextanchor": "middle",
        "textangle": 0,
        "constraintext": "none",
        "textfont": {"color": "white"},
        "marker": {
            "color": [colour(bar.trial) for bar in bars],
            "line": {"color": "white", "width": 1},
        },
        "customdata": [f"{hover_text(bar.trial)}<br>{duration(bar.seconds)}" for bar in bars],
        "hovertemplate": "%{customdata}<extra></extra>",
    }
    return {"data": [trace], "layout": layout}


def base_layout(*, height: int) -> Figure:
    """Return the layout common to all plots; the height is in pixels."""
    axis = {
        "gridcolor": "#eaeef2",
        "linecolor": LINE,
        "zeroline": False,
        "title": {"font": {"size": 12, "color": QUIET}, "standoff": 8},
        "tickfont": {"size": 11, "color": QUIET},
        "exponentformat": "SI",
    }
    return {
        "height": height,
        "margin": {"l": 56, "r": 16, "t": 26, "b": 44},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "font": {"family": FAMILY, "size": 12, "color": INK},
        "hoverlabel": {"align": "left", "bgcolor": "white", "bordercolor": LINE,
                       "font": {"color": INK, "family": FAMILY, "size": 12}},
        "hovermode": "closest",
        "showlegend": False,
        "xaxis": deepcopy(axis),
        "yaxis": deepcopy(axis),
    }  # fmt: skip
