"""The HTML report page of a study: one file that needs no network."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from tuner.confirmation import HEADINGS, confirmation_lines, table_row
from tuner.diagnosis.sweep import FollowUp, SweepReading, statements
from tuner.results.html import figures
from tuner.results.html.data import StudyView, TrialView
from tuner.results.html.panels import panel
from tuner.results.html.slots import Bar, timeline
from tuner.results.html.style import NO_STATUS, STATUS_COLOURS, colour, duration, legend_labels
from tuner.results.html.tradeoffs import trade_off
from tuner.results.tables import figure
from tuner.search.goals import Goals, score
from tuner.search.ranking import gain
from tuner.soup import soup_lines

FEW = 6
"""Largest number of parameters with a column each in the ranked table, fewer with more metrics."""

CURVES, TRADE_OFF = "curves-", "trade-off-"
"""Prefixes of the ids of a metric's plots; its name follows."""


@dataclass(frozen=True, kw_only=True)
class Headline:
    """Figures at the top of the page."""

    gained: str
    """Gain over the untuned default; empty if that did not complete."""
    unmet: str
    """Reason why completed trials have no best; empty if there is one."""
    states: Mapping[str, int]
    """State to number of trials."""
    statuses: Mapping[str, int]
    """Convergence status to number of trials."""
    took: str
    """Time that trials ran, without pauses."""
    slots: int
    """Number of trials at a time."""


def render(
    study: StudyView,
    reading: SweepReading,
    now: datetime,
    *,
    rerun: FollowUp | None = None,
    best_file: str = "",
    model_note: str | None = None,
    refresh: int = 0,
) -> str:
    """Render the page.

    Args:
        study: Study to show.
        reading: Analysis of the whole study.
        rerun: Follow-up commands; None if the sweep's command is unknown.
        now: Local time of the page, up to which running trials are drawn.
        best_file: Path of the best configuration, if it exists.
        model_note: Message about best_model/; None if it is up to date.
        refresh: Seconds after which a browser reloads the page; 0 for never.

    Returns:
        The page as HTML.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "figure": figure, "colour": colour, "duration": duration, "score": score,
    }  # fmt: skip
    bars = timeline(study.trials, now)
    plots = build_plots(study, reading.importances, bars)
    template = environment.get_template("page.html")
    return template.render(
        study=study,
        goals=goals_text(study.goals),
        headline=headline(study, bars),
        statuses=STATUS_COLOURS,
        no_status=NO_STATUS,
        labels=legend_labels(study.trials),
        reading=statements(reading, rerun or FollowUp(study=study.name))[
            1:
        ],  # The first counts, as the tile does.
        confirmed=_confirmed(study),
        soup=[] if study.soup is None else list(soup_lines(study.soup)),
        best_file=best_file,
        model_note=model_note,
        refresh=refresh,
        made=f"{now:%Y-%m-%d %H:%M}",
        began=min((t.begun for t in study.trials if t.begun), default=None),
        in_columns=_in_columns(study),
        panels=_panels(study),
        has_importances=bool(reading.importances),
        trade_offs=[place for place in plots if place.startswith(TRADE_OFF)],
        curves=[place for place in plots if place.startswith(CURVES)],
        figures=_script_json(plots),
        plotly=Markup(get_plotlyjs()),  # noqa: S704  (Plotly's own)
    )


def goals_text(goals: Goals) -> str:
    """Return the goals of a study for the line below its name."""
    words = {"maximize": "larger", "minimize": "smaller"}
    parts = [
        f"{name}, {words[way]} is better"
        for name, way in zip(goals.objectives, goals.directions, strict=True)
    ]
    bounds = [f"{each.metric} {each.text}" for each in goals.constraints]
    return "; ".join([*parts, *([f"with {', '.join(bounds)}"] if bounds else [])])


def headline(study: StudyView, bars: Sequence[Bar]) -> Headline:
    """Return the figures at the top of the page."""
    statuses = Counter(trial.status for trial in study.trials if trial.status)
    return Headline(
        gained=_gained(study),
        unmet=_unmet(study),
        states=Counter(trial.state for trial in study.trials),
        statuses={s: statuses[s] for s in STATUS_COLOURS if statuses[s]},
        took=duration(_covered(bars)),
        slots=len({bar.lane for bar in bars}),
    )


def _gained(study: StudyView) -> str:
    best, untuned = study.best, study.untuned
    if best is None or untuned is None or best.value is None or untuned.value is None:
        return ""
    if study.goals.several:
        reached = [f"{name} {score(untuned.measured[name])}" for name in study.goals.objectives]
        return "the untuned default" if best is untuned else f"untuned: {', '.join(reached)}"
    if best is untuned:
        return "the untuned default: tuning gained nothing"
    better = gain(best.value, untuned.value, study.goals.direction)
    return f"{better:.4f} better than the untuned default ({untuned.value:.4f})"


def _unmet(study: StudyView) -> str:
    if study.best is not None:
        return ""
    completed = sum(trial.value is not None for trial in study.trials)
    if not completed:
        return "no trial completed yet"
    return f"none of the {completed} completed trials meets the constraints"


def build_plots(
    study: StudyView, importances: Mapping[str, float], bars: Sequence[Bar]
) -> dict[str, figures.Figure]:
    """Return the plots of the page by the id of their place."""
    curves = {f"{CURVES}val_loss": figures.losses(study)}
    for name in study.goals.objectives:
        curves.setdefault(f"{CURVES}{name}", figures.scores(study, name))
    plots = {name: plot for name, plot in curves.items() if plot["data"]}
    if any(trial.value is not None for trial in study.trials):
        others = study.goals.watched[1:]
        plots |= {f"{TRADE_OFF}{name}": trade_off(study, name) for name in others}
    plots["parallel"] = figures.parallel(study)
    if importances:
        plots["importances"] = figures.importances(importances)
    if bars:
        plots["timeline"] = figures.timeline(bars)
    return plots


def _confirmed(study: StudyView) -> Mapping[str, Sequence[Any]] | None:
    """Return the table of the confirmation and its sentences."""
    found = study.confirmation
    if found is None:
        return None
    return {
        "lines": confirmation_lines(found, study.goals, study.soup_model),
        "headings": HEADINGS,
        "rows": [table_row(configuration, found) for configuration in found.configurations],
    }


def _in_columns(study: StudyView) -> bool:
    """Return True if the ranked table has space for a column for each parameter."""
    more = len(study.goals.watched) - 1 + study.goals.several
    return len(study.keys) + more <= FEW


def _panels(study: StudyView) -> list[tuple[TrialView, Markup | None]]:
    bounds = figures.loss_range(study)
    return [
        (trial, panel(trial, bounds) if any(p.val_loss is not None for p in trial.curve) else None)
        for trial in study.trials
        if trial.state != "waiting" or trial.curve
    ]


def _covered(bars: Sequence[Bar]) -> float:
    return max((bar.begin + bar.seconds for bar in bars), default=0.0)


def _script_json(value: Any) -> Markup:
    """Return JSON that is safe in a script: no number that JSON lacks, no tag that ends it."""
    text = json.dumps(_without_infinities(value), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704  (escaped above)


def _without_infinities(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_infinities(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_infinities(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
