"""Optuna's own plots of a study: one interactive page, and an image of each plot."""

import html
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import optuna
import optuna.importance  # Now: Optuna itself would import it, and scipy, while it draws.
from optuna.trial import FrozenTrial
from optuna.visualization import matplotlib
from plotly.offline import get_plotlyjs

from tuner.files.atomic import write_whole

PAGE = "plots.html"

PLOTS = {
    "optimization_history": "Optimization history",
    "intermediate_values": "Intermediate values",
    "parallel_coordinate": "Parallel coordinates",
    "param_importances": "Importances",
    "slice": "Slices",
    "timeline": "Timeline",
}
"""Optuna's name of each plot to its heading."""

FRONT = {"pareto_front": "Pareto front"}
"""Plots for several objectives only; Optuna draws two or three."""

_DRAWN_OBJECTIVES = (2, 3)

_SINGLE = ("intermediate_values",)
"""Plots for one objective only."""

_NAMED = ("optimization_history", "parallel_coordinate", "param_importances", "slice")
"""Plots that show the objective and take its name."""

DPI = 120
FIGURE_INCHES = (9.0, 5.0)

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body {{ font-family: sans-serif; margin: 2em; }} h2 {{ margin: 2em 0 0; }}</style>
<script>{plotly}</script></head>
<body><h1>{title}</h1>
{plots}
</body></html>
"""


def draw(study: optuna.Study, objectives: Sequence[str], folder: Path) -> list[Path]:
    """Draw every plot; plots that need more trials stay empty.

    Args:
        study: Study of Optuna.
        objectives: Names of the objectives; a plot of one objective shows the first.
        folder: Folder of the files.

    Returns:
        The page, then the images.
    """
    folder.mkdir(parents=True, exist_ok=True)
    mpl.use("agg")
    mpl.rcParams["figure.figsize"] = FIGURE_INCHES
    parts, images = [], []
    with _quiet():
        for name, heading in _plots(objectives).items():
            options = _options(name, objectives)
            parts.append(f"<h2>{heading}</h2>" + _interactive(name, study, options))
            images.append(_image(name, study, options, folder / f"{name}.png"))
    page = folder / PAGE
    write_whole(
        page,
        _PAGE.format(
            title=html.escape(f"{study.study_name}: Optuna's plots"),
            plotly=get_plotlyjs(),
            plots="\n".join(parts),
        ),
    )
    return [page, *images]


def _plots(objectives: Sequence[str]) -> Mapping[str, str]:
    """Return the plots that can be drawn, with their headings."""
    if len(objectives) == 1:
        return PLOTS
    front = FRONT if len(objectives) in _DRAWN_OBJECTIVES else {}
    return front | {name: text for name, text in PLOTS.items() if name not in _SINGLE}


def _options(name: str, objectives: Sequence[str]) -> dict[str, Any]:
    if name in FRONT:
        return {"target_names": list(objectives)}
    if name not in _NAMED:
        return {}
    target = {"target": _first} if len(objectives) > 1 else {}
    return {"target_name": objectives[0], **target}


def _first(trial: FrozenTrial) -> float:
    return float(trial.values[0])


def _interactive(name: str, study: optuna.Study, options: Mapping[str, Any]) -> str:
    plot: Callable[..., Any] = getattr(optuna.visualization, f"plot_{name}")
    drawn: str = plot(study, **options).to_html(include_plotlyjs=False, full_html=False)
    return drawn


def _image(name: str, study: optuna.Study, options: Mapping[str, Any], file: Path) -> Path:
    from matplotlib import pyplot as plt  # noqa: PLC0415  (after the backend is chosen)

    plot: Callable[..., Any] = getattr(matplotlib, f"plot_{name}")
    plot(study, **options)
    plt.gcf().savefig(file, dpi=DPI, bbox_inches="tight")
    plt.close("all")
    return file


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress warnings that these plots are experimental or have few trials."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(level)
