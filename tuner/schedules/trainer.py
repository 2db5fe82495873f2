"""A schedule as transformers' Trainer computes it, where both rate curves are the same.

Both decay alike, but a warm-up of W updates is another one: update u has u / (W + 1) of the peak
here and (u - 1) / W there, so that the Trainer's first update changes nothing. One of its
schedulers, `cosine_warmup_with_min_lr`, climbs as ours do: it serves wherever what follows the
warm-up is half a cosine, level, or nothing. The formulas are those of `transformers.optimization`.
"""

from typing import Any

from tuner.fields.left_out import LeftOut
from tuner.schedules.base import Schedule, Scheduler, warmup_updates

_SAME_WARMUP = "cosine_warmup_with_min_lr"


def trainer_arguments(
    schedule: Schedule, peak: float, updates: int | None
) -> tuple[dict[str, Any], list[LeftOut]]:
    """Return a schedule as keyword arguments of TrainingArguments.

    Args:
        schedule: Schedule to translate.
        peak: Largest learning rate.
        updates: Updates of the whole trial; None where their number is unknown.

    Returns:
        Arguments, none where no scheduler has the same decay, and what differs from the rates of
        the trial.
    """
    fraction = schedule.warmup_fraction
    if updates is None:
        # As a share of the updates, which 1.0 is not: that means one update.
        nearest = _same_decay(schedule, fraction, peak) if fraction < 1.0 else None
        warmup = None
    else:
        warmup = warmup_updates(fraction, updates)
        if same := _same(schedule, warmup, updates):
            return same.arguments(), []
        nearest = _same_decay(schedule, warmup, peak)
    if nearest is None:
        return {}, [_no_counterpart(schedule, updates)]
    climbs = fraction > 0 if warmup is None else warmup > 0
    return nearest.arguments(), [_other_warmup(schedule, warmup, updates)] * climbs


def _same(schedule: Schedule, warmup: int, updates: int) -> Scheduler | None:
    """The scheduler with the same warm-up and the same decay."""
    after = updates - warmup
    if not warmup:
        return None
    if after <= 1 or schedule.stays_at_peak:  # One update after the warm-up is at the peak.
        return _climbing(warmup, cycles=0.0, end=0.0)
    end = schedule.half_cosine_end
    if end is None:
        return None
    return _climbing(warmup, cycles=0.5 * (after - 1) / after, end=end)


def _climbing(warmup: int, *, cycles: float, end: float) -> Scheduler:
    kwargs = {"num_cycles": cycles, "min_lr_rate": end}
    return Scheduler(name=_SAME_WARMUP, warmup_steps=warmup + 1, kwargs=kwargs)


def _same_decay(schedule: Schedule, warmup: float, peak: float) -> Scheduler | None:
    """The scheduler that is the same but for the warm-up."""
    if schedule.stays_at_peak:
        return Scheduler(
            name="constant_with_warmup" if warmup else "constant", warmup_steps=warmup
        )
    return schedule.trainer_decay(warmup, peak)


def _other_warmup(schedule: Schedule, warmup: int | None, updates: int | None) -> LeftOut:
    most = "1 / (W + 1)" if warmup is None else f"{1 / (warmup + 1):.1%}"
    return LeftOut(
        key="schedule.warmup_fraction",
        value=schedule.warmup_fraction,
        remedy=f"in a warm-up of W = {'W' if warmup is None else warmup} updates, update u has "
        f"u / (W + 1) of the peak here and (u - 1) / W in the Trainer: up to {most} of the peak "
        f"less; the same rates come from {_as_code(schedule, updates)}",
    )


def _no_counterpart(schedule: Schedule, updates: int | None) -> LeftOut:
    return LeftOut(
        key="schedule",
        value=schedule.to_mapping(),
        remedy="no scheduler of transformers has these rates, and without one the Trainer takes "
        f"`linear`; they come from {_as_code(schedule, updates)}",
    )


def _as_code(schedule: Schedule, updates: int | None) -> str:
    """Python that gives the Trainer exactly our rates."""
    total = "TOTAL_UPDATES" if updates is None else updates
    rate = f"learning_rate(1.0, min(step + 1, {total}), {total})"
    return (
        "Trainer(optimizers=(optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: "
        f"from_mapping({schedule.to_mapping()!r}).{rate}))), with `from tuner.schedules import "
        "from_mapping`"
    )
