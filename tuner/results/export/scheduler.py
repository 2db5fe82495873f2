"""A schedule as transformers' Trainer computes it, where both rate curves are the same.

Both decay alike, but a warm-up of W updates is another one: update u has u / (W + 1) of the peak
here and (u - 1) / W there, so that the Trainer's first update changes nothing. One of its
schedulers, `cosine_warmup_with_min_lr`, climbs as ours do: it serves wherever what follows the
warm-up is half a cosine, level, or nothing. The formulas are those of `transformers.optimization`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tuner.results.export.left_out import LeftOut
from tuner.trial.schedule import default_fields, warmup_updates

_SAME_WARMUP = "cosine_warmup_with_min_lr"


@dataclass(frozen=True, kw_only=True)
class Scheduler:
    """Arguments of `transformers.get_scheduler`."""

    name: str
    """Value of `lr_scheduler_type`."""

    warmup_steps: float = 0
    """Updates, or below 1 a share of them."""

    kwargs: Mapping[str, float] = field(default_factory=dict)
    """Value of `lr_scheduler_kwargs`."""

    def arguments(self) -> dict[str, Any]:
        """The same as keyword arguments of TrainingArguments."""
        given = {"lr_scheduler_type": self.name, "warmup_steps": self.warmup_steps}
        return given | ({"lr_scheduler_kwargs": dict(self.kwargs)} if self.kwargs else {})


def scheduler(
    schedule: Mapping[str, Any], peak: float, updates: int | None
) -> tuple[dict[str, Any], list[LeftOut]]:
    """Translate a schedule.

    Args:
        schedule: `name`, `warmup_fraction` and the schedule's own fields.
        peak: The largest learning rate.
        updates: Updates of the whole trial; None where nobody knows.

    Returns:
        Keyword arguments of TrainingArguments, none where no scheduler has the same decay, and
        what differs from the rates of the trial.
    """
    name, own = str(schedule["name"]), _fields(schedule)
    fraction = float(schedule.get("warmup_fraction", 0.0))
    if updates is None:
        return _without_count(schedule, name, own, fraction, peak)
    warmup = warmup_updates(fraction, updates)
    if same := _same(name, own, warmup, updates):
        return same.arguments(), []
    nearest = _same_decay(name, own, warmup, peak)
    if nearest is None:
        return {}, [_no_counterpart(schedule, updates)]
    return nearest.arguments(), [_other_warmup(fraction, warmup, schedule, updates)] * (warmup > 0)


def _fields(schedule: Mapping[str, Any]) -> dict[str, Any]:
    """The schedule's own fields, those that are not given too."""
    given = {k: v for k, v in schedule.items() if k not in ("name", "warmup_fraction")}
    return {**default_fields(str(schedule["name"])), **given}


def _same(name: str, own: Mapping[str, Any], warmup: int, updates: int) -> Scheduler | None:
    """The scheduler with the same warm-up and the same decay."""
    after = updates - warmup
    if not warmup:
        return None
    end = float(own.get("end_fraction", 0.0))
    if after <= 1 or _is_level(name, own):  # One update after the warm-up is at the peak.
        return _climbing(warmup, cycles=0.0, end=0.0)
    if name == "cosine" or (name == "cosine_restarts" and own["cycles"] == 1):
        return _climbing(warmup, cycles=0.5 * (after - 1) / after, end=end)
    return None


def _climbing(warmup: int, *, cycles: float, end: float) -> Scheduler:
    kwargs = {"num_cycles": cycles, "min_lr_rate": end}
    return Scheduler(name=_SAME_WARMUP, warmup_steps=warmup + 1, kwargs=kwargs)


def _is_level(name: str, own: Mapping[str, Any]) -> bool:
    """True if the schedule stays at the peak."""
    return name == "constant" or own.get("end_fraction") == 1.0 or own.get("decay_rate") == 1.0


def _same_decay(name: str, own: Mapping[str, Any], warmup: float, peak: float) -> Scheduler | None:
    """The scheduler that is the same but for the warm-up."""
    end = float(own.get("end_fraction", 0.0))
    if _is_level(name, own):
        return Scheduler(
            name="constant_with_warmup" if warmup else "constant", warmup_steps=warmup
        )
    kind, kwargs = "", {}
    match name:
        case "linear" if not end:
            kind = "linear"
        case "linear":
            kind, kwargs = "polynomial", {"power": 1.0, "lr_end": end * peak}
        case "polynomial":
            kind, kwargs = "polynomial", {"power": float(own["power"]), "lr_end": end * peak}
        case "cosine" | "cosine_restarts" if end and own.get("cycles", 1) == 1:
            kind, kwargs = "cosine_with_min_lr", {"min_lr_rate": end}
        case "cosine":
            kind = "cosine"
        case "cosine_restarts" if not end:
            kind, kwargs = "cosine_with_restarts", {"num_cycles": own["cycles"]}
        case "inverse_sqrt":
            # Without a warm-up transformers' own time scale is 10,000 updates.
            kind, kwargs = "inverse_sqrt", {} if warmup else {"timescale": 1}
    return Scheduler(name=kind, warmup_steps=warmup, kwargs=kwargs) if kind else None


def _without_count(
    schedule: Mapping[str, Any], name: str, own: Mapping[str, Any], fraction: float, peak: float
) -> tuple[dict[str, Any], list[LeftOut]]:
    # As a share of the updates, which 1.0 is not: that means one update.
    nearest = _same_decay(name, own, fraction, peak) if fraction < 1.0 else None
    if nearest is None:
        return {}, [_no_counterpart(schedule, None)]
    return nearest.arguments(), [_other_warmup(fraction, None, schedule, None)] * (fraction > 0)


def _other_warmup(
    fraction: float, warmup: int | None, schedule: Mapping[str, Any], updates: int | None
) -> LeftOut:
    most = "1 / (W + 1)" if warmup is None else f"{1 / (warmup + 1):.1%}"
    return LeftOut(
        key="schedule.warmup_fraction",
        value=fraction,
        remedy=f"in a warm-up of W = {'W' if warmup is None else warmup} updates, update u has "
        f"u / (W + 1) of the peak here and (u - 1) / W in the Trainer: up to {most} of the peak "
        f"less; the same rates come from {_as_code(schedule, updates)}",
    )


def _no_counterpart(schedule: Mapping[str, Any], updates: int | None) -> LeftOut:
    return LeftOut(
        key="schedule",
        value=dict(schedule),
        remedy="no scheduler of transformers has these rates, and without one the Trainer takes "
        f"`linear`; they come from {_as_code(schedule, updates)}",
    )


def _as_code(schedule: Mapping[str, Any], updates: int | None) -> str:
    """Python that gives the Trainer exactly our rates."""
    total = "TOTAL_UPDATES" if updates is None else updates
    rate = f"learning_rate({dict(schedule)!r}, 1.0, min(step + 1, {total}), {total})"
    return (
        "Trainer(optimizers=(optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: "
        f"{rate}))), with `from tuner.trial.schedule import learning_rate`"
    )
