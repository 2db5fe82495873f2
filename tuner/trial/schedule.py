"""Learning-rate schedules as plain functions of the optimizer update.

Updates count, never micro-batches: two trials that make up the same effective batch in another
way see the same rate at the same example. Warm-up rises linearly and is never zero at the first
update; the decay reaches its end only after the last update, so no update is spent at zero.
"""

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

Decay = Callable[..., float]
"""Takes `progress` (0 at the first update after warm-up, below 1 at the last), `since` (updates
after warm-up, from 0), `warmup` (warm-up updates) and its own fields; returns a share of the
peak."""


def constant(*, progress: float, since: int, warmup: int) -> float:  # noqa: ARG001
    """The peak, all the way."""
    return 1.0


def linear(*, progress: float, since: int, warmup: int, end_fraction: float = 0.0) -> float:  # noqa: ARG001
    """A straight line from the peak to `end_fraction` of it."""
    return 1.0 + (end_fraction - 1.0) * progress


def cosine(*, progress: float, since: int, warmup: int, end_fraction: float = 0.0) -> float:  # noqa: ARG001
    """Half a cosine wave from the peak to `end_fraction` of it (Loshchilov & Hutter 2017)."""
    wave = (1.0 + math.cos(math.pi * progress)) / 2.0
    return end_fraction + (1.0 - end_fraction) * wave


def cosine_restarts(
    *, progress: float, since: int, warmup: int, cycles: int = 2, end_fraction: float = 0.0
) -> float:
    """`cycles` half cosine waves of equal length, each starting at the peak."""
    if cycles < 1:
        raise ValueError(f"cycles is {cycles}; it must be 1 or more")
    within = (progress * cycles) % 1.0
    return cosine(progress=within, since=since, warmup=warmup, end_fraction=end_fraction)


def polynomial(
    *,
    progress: float,
    since: int,  # noqa: ARG001
    warmup: int,  # noqa: ARG001
    power: float = 2.0,
    end_fraction: float = 0.0,
) -> float:
    """`(1 - progress) ** power`, down to `end_fraction` of the peak."""
    return end_fraction + (1.0 - end_fraction) * math.pow(1.0 - progress, power)


def exponential(
    *,
    progress: float,
    since: int,  # noqa: ARG001
    warmup: int,  # noqa: ARG001
    decay_rate: float = 0.5,
    steps: int = 4,
    staircase: bool = False,
) -> float:
    """Times `decay_rate` at each of `steps` equal parts of the run; in jumps if `staircase`.

    The parts are shares of the run and not a number of updates, so that the curve is the same
    for every batch size.
    """
    if decay_rate <= 0.0:
        raise ValueError(f"decay_rate is {decay_rate}; it must be above 0")
    exponent = progress * steps
    return float(decay_rate ** (math.floor(exponent) if staircase else exponent))


def inverse_sqrt(*, progress: float, since: int, warmup: int) -> float:  # noqa: ARG001
    """Falls with the square root of the update, on the time scale of the warm-up.

    Half the peak is reached after four times the warm-up (Vaswani et al. 2017).
    """
    scale = max(1, warmup)
    return math.sqrt(scale / (scale + since))


SCHEDULES: Mapping[str, Decay] = {
    "constant": constant,
    "linear": linear,
    "cosine": cosine,
    "cosine_restarts": cosine_restarts,
    "polynomial": polynomial,
    "exponential": exponential,
    "inverse_sqrt": inverse_sqrt,
}
_GIVEN = {"progress", "since", "warmup"}


def fields_of(name: str) -> set[str]:
    """The fields that a schedule takes besides `name` and `warmup_fraction`.

    Raises:
        ValueError: There is no such schedule.
    """
    if name not in SCHEDULES:
        raise ValueError(f"there is no schedule {name!r}; there are {', '.join(SCHEDULES)}")
    return set(inspect.signature(SCHEDULES[name]).parameters) - _GIVEN


def default_fields(name: str) -> dict[str, Any]:
    """Values of the fields that a schedule takes where a configuration leaves them out.

    Raises:
        ValueError: There is no such schedule.
    """
    fields = fields_of(name)
    parameters = inspect.signature(SCHEDULES[name]).parameters
    return {field: parameters[field].default for field in fields}


def warmup_updates(warmup_fraction: float, total_updates: int) -> int:
    """Updates that the warm-up takes; any fraction above 0 takes at least one."""
    if not 0.0 <= warmup_fraction <= 1.0:
        raise ValueError(f"warmup_fraction is {warmup_fraction}; it must be between 0 and 1")
    return math.ceil(round(warmup_fraction * total_updates, 6))


def learning_rate(
    schedule: Mapping[str, Any], peak: float, update: int, total_updates: int
) -> float:
    """The learning rate that one update is made with.

    Args:
        schedule: `name`, `warmup_fraction` (share of the updates; default 0) and the schedule's
            own fields.
        peak: The rate that warm-up ends at.
        update: Counted from 1 to `total_updates`.
        total_updates: Updates in the whole budget.

    Raises:
        ValueError: An unknown schedule or field, or a value out of its range.
    """
    own: dict[str, Any] = dict(schedule)
    name = str(own.pop("name", "constant"))
    warmup = warmup_updates(float(own.pop("warmup_fraction", 0.0)), total_updates)
    unknown = set(own) - fields_of(name)
    if unknown:
        allowed = sorted({"warmup_fraction", *fields_of(name)})
        raise ValueError(
            f"the schedule {name} has no field {', '.join(sorted(unknown))}; "
            f"it has {', '.join(allowed)}"
        )
    since = update - 1 - warmup
    if since < 0:
        return peak * update / (warmup + 1)
    progress = since / max(1, total_updates - warmup)
    return peak * SCHEDULES[name](progress=progress, since=since, warmup=warmup, **own)
