"""Check that trials fit into the memory of their slots, before the first one runs."""

from collections.abc import Callable, Iterable

from tuner.devices.room import AvailableMemory
from tuner.errors import InputError
from tuner.settings.settings import TrialSettings
from tuner.settings.training_settings import AUTO
from tuner.trial.memory import ModelShape, estimate, fitting

USED = 0.9
"""Share of the room that `training.batch_size=auto` fills: estimates are not exact, and a GPU
has its driver's own memory beside."""


ShapeOf = Callable[[TrialSettings], ModelShape]
"""Sizes of a trial's model."""


def with_batch_size(
    settings: TrialSettings, room: AvailableMemory | None, shape_of: ShapeOf
) -> TrialSettings:
    """The trial with a number for `training.batch_size=auto`; any other as it is.

    Args:
        settings: Settings of the trial.
        room: Memory of the trial; None if unknown.
        shape_of: Sizes of a trial's model.

    Raises:
        InputError: The batch size is `auto` and the room unknown.
    """
    if settings.training.batch_size != AUTO:
        return settings
    if room is None:
        raise InputError(
            "the memory of the GPU is unknown",
            where="training.batch_size=auto",
            remedy="training.batch_size=32, or another number",
        )
    return fitting(shape_of(settings), settings, int(USED * room.bytes), on_host=room.on_host)


def memory_lines(
    variants: Iterable[TrialSettings], room: AvailableMemory | None, shape_of: ShapeOf
) -> list[str]:
    """Return lines about the memory that the largest of some trials is expected to need.

    Args:
        variants: Trials from all over the space, batch sizes decided.
        room: Memory of each trial; None if unknown.
        shape_of: Sizes of a trial's model.

    Returns:
        One line, and a warning if it is too much.
    """
    on_host = room is not None and room.on_host
    found = [(estimate(shape_of(v), v, on_host=on_host), v) for v in variants]
    memory, largest = max(found, key=lambda pair: pair[0].total)
    parts = ", ".join(f"{name} {_size(size)}" for name, size in memory.parts.items() if size)
    available = f" of {_size(room.bytes)} available" if room is not None else ""
    trial = (
        f"training.batch_size={largest.training.batch_size} "
        f"model.max_length={largest.model.max_length}"
    )
    total = f"{_size(memory.total)}{available} ({parts})"
    lines = [f"estimated memory of the largest trial: {total} with {trial}"]
    if room is not None and memory.total > room.bytes:
        lines.append(
            "warning: that is more than is available; trials that run out of memory continue with "
            "smaller batches and the same effective batch"
        )
    return lines


def _size(size: int) -> str:
    return f"{size / 10**9:.1f} GB" if size >= 10**9 else f"{size / 10**6:.0f} MB"
