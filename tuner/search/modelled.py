"""Dimensions of a search space that a sampler models; it draws the others at random."""

from collections.abc import Iterable, Mapping
from typing import Any

from tuner.search.space import Choice, Dimension, SearchSpace

FIXED_SPACE = ("cmaes", "gp", "nsgaii", "qmc")
"""Samplers that model the dimensions common to all trials, all together."""


def modelled(sampler: str, space: SearchSpace) -> tuple[Dimension, ...]:
    """Return the dimensions that a sampler of `FIXED_SPACE` models.

    Conditional dimensions are excluded, since some trials lack them, and for CMA-ES also choices,
    since their values have no order.
    """
    return tuple(
        dimension
        for dimension in space.dimensions
        if not dimension.when
        and not is_single(dimension)
        and not (sampler == "cmaes" and isinstance(dimension.domain, Choice))
    )


def is_single(dimension: Dimension) -> bool:
    """Return True if the dimension has only one value, so that there is nothing to model."""
    return isinstance(dimension.domain, Choice) and len(dimension.domain.values) == 1


def sampler_line(sampler: Mapping[str, Any], space: SearchSpace) -> str:
    """Return a message about the keys that a sampler does not model.

    Args:
        sampler: Group `sampler`.
        space: Search space of the sweep.

    Returns:
        One sentence; empty if it models all keys, or by its nature none.
    """
    name = str(sampler["name"])
    if name == "tpe" and sampler.get("multivariate") and not sampler.get("group"):
        alone = _keys(d for d in space.dimensions if d.when and not is_single(d))
        note = f"models each of these conditional keys by itself: {', '.join(alone)}"
        return f"sampler=tpe with sampler.group=false {note}" if alone else ""
    if name not in FIXED_SPACE:
        return ""
    kept = modelled(name, space)
    left = [d for d in space.dimensions if d not in kept and not is_single(d)]
    if not left:
        return ""
    reasons = {
        "conditional": _keys(d for d in left if d.when),
        "choices": _keys(d for d in left if not d.when),
    }
    named = "; ".join(f"{why}: {', '.join(keys)}" for why, keys in reasons.items() if keys)
    how = f"models {', '.join(_keys(kept))} only" if kept else "models no key of this space"
    return (
        f"sampler={name} {how}; drawn at random instead are {named}; sampler=tpe models every key"
    )


def _keys(dimensions: Iterable[Dimension]) -> list[str]:
    return list(dict.fromkeys(dimension.key for dimension in dimensions))
