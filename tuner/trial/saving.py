"""When a trial's state is worth saving."""

SAVE_AFTER = 180.0
"""Seconds that a trial must take for it; a shorter one is sooner run again."""

SAVING_SHARE = 0.02
"""Largest share of a trial's time for saving."""

ASSUMED_SPEED = 200e6
"""Bytes a second before a first save has shown better: a slow disk."""


def worth_saving(setting: str, *, elapsed: float, share: float, since: float, cost: float) -> bool:
    """Decide at an evaluation point whether to save the state.

    Args:
        setting: `training.save_state`.
        elapsed: Seconds of the trial so far, those of earlier attempts included.
        share: Share of its budget that is spent, above 0.
        since: Seconds since the last save, or since this attempt began.
        cost: Seconds that saving takes.
    """
    if setting != "auto":
        return setting == "always"
    return elapsed / share > SAVE_AFTER and cost <= SAVING_SHARE * since


def expected_cost(size: int, measured: float | None) -> float:
    """Seconds that saving so many bytes takes; as long as the last time, if there was one."""
    return size / ASSUMED_SPEED if measured is None else measured
