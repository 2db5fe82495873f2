"""GPUs that CUDA_VISIBLE_DEVICES names, and their usage from samples."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile


@dataclass(frozen=True, kw_only=True)
class Look:
    """One look at all GPUs of a trial; what a GPU does not tell is left out.

    Attributes:
        busy: Share of the last second in which each GPU computed, 0 to 1.
        memory: Bytes taken on each.
    """

    busy: tuple[float, ...] = ()
    memory: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class GpuUsage:
    """Usage of a trial's GPUs over some time.

    Attributes:
        utilization: Mean share of the time in which they computed, 0 to 1; None: unknown.
        memory_bytes: The most that was taken at a time, summed over them; None: unknown.
    """

    utilization: float | None = None
    memory_bytes: int | None = None


def named(visible: str) -> list[str]:
    """The devices that a value of CUDA_VISIBLE_DEVICES names.

    As CUDA reads it, the first name that is none hides all that follow; -1 is none.
    """
    names = (name.strip() for name in visible.split(","))
    return list(takewhile(lambda name: name not in ("", "-1"), names))


def position(name: str, uuids: Sequence[str]) -> int | None:
    """Return the GPUs of the machine that a name means.

    Args:
        name: Its index, or its UUID or the beginning of it, as CUDA_VISIBLE_DEVICES has it.
        uuids: UUIDs of the machine's GPUs, in the order of their indices.

    Returns:
        The index; None where none or several are meant.
    """
    if name.isdigit():
        return int(name) if int(name) < len(uuids) else None
    found = [index for index, uuid in enumerate(uuids) if uuid.startswith(name)]
    return found[0] if len(found) == 1 else None


def summary(looks: Sequence[Look]) -> GpuUsage:
    """Return the usage over samples at equal intervals."""
    busy = [share for look in looks for share in look.busy]
    memory = [sum(look.memory) for look in looks if look.memory]
    return GpuUsage(
        utilization=math.fsum(busy) / len(busy) if busy else None,
        memory_bytes=max(memory, default=None),
    )
