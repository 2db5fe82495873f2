"""Size of a search, and messages about it at the start."""

from collections.abc import Iterable, Mapping
from typing import Any

from tuner.search.grid import Grid, is_finite
from tuner.search.modelled import sampler_line
from tuner.search.space import SearchSpace, Values


def grid_of(space: SearchSpace, sampler: Mapping[str, Any]) -> Grid | None:
    """Return the grid of points that a search can draw; None if it is infinite.

    Args:
        space: Search space of the sweep.
        sampler: Group `sampler`.
    """
    if sampler["name"] == "grid":
        return Grid(space, sampler["points_per_interval"])
    return Grid(space) if is_finite(space) else None


def most_trials(
    space: SearchSpace, sampler: Mapping[str, Any], untuned: Values, first: Iterable[Values]
) -> int | None:
    """Return the number of trials after which nothing is left to try; None if it is infinite.

    Args:
        space: Search space of the sweep.
        sampler: Group `sampler`.
        untuned: Searched keys of the untuned default, which is always tried.
        first: Points of the space that are tried first; they may lie outside a grid.

    Returns:
        Number of trials; None if the space is infinite.
    """
    grid = grid_of(space, sampler)
    if grid is None:
        return None
    beside = [untuned, *(first if sampler["name"] == "grid" else ())]
    return grid.size + sum(not grid.has(values) for values in beside)


def search_lines(
    space: SearchSpace, sampler: Mapping[str, Any], untuned: Values, n_trials: int
) -> list[str]:
    """Return messages about the search space before a search begins.

    Args:
        space: Search space of the sweep.
        sampler: Group `sampler`.
        untuned: Searched keys of the untuned default.
        n_trials: Number of trials of the sweep.
    """
    lines = [line for line in (sampler_line(sampler, space),) if line]
    grid = grid_of(space, sampler)
    if grid is None:
        return lines
    outside = 0 if grid.has(untuned) else 1
    most = grid.size + outside
    if sampler["name"] == "grid":
        lines.append(f"grid: {grid.size:,} points, in a random order given by sampler.seed")
    if most < n_trials:
        beside = " and the untuned default" if outside else ""
        lines.append(
            f"the search space has {grid.size:,} configurations{beside}: the sweep ends "
            f"after {most:,} trials at most, before sweep.n_trials={n_trials}"
        )
    elif sampler["name"] == "grid" and n_trials < most:
        lines.append(
            f"sweep.n_trials={n_trials} covers {n_trials - outside:,} of them; "
            f"sweep.n_trials={most} covers all"
        )
    return lines
