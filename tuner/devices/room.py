"""Memory that one slot's trial may use."""

from collections.abc import Collection
from dataclasses import dataclass

from tuner.devices.gpu_share import share
from tuner.devices.host import host_memory
from tuner.devices.nvidia import device_memory
from tuner.devices.slots import Slot, find_nvidia


@dataclass(frozen=True, kw_only=True)
class AvailableMemory:
    """Memory for one trial.

    Attributes:
        bytes: Number of bytes.
        on_host: It is the machine's own memory; else that of a GPU.
    """

    bytes: int
    on_host: bool


def local_room(slots: Collection[Slot]) -> AvailableMemory | None:
    """Return the memory of each trial when one runs in every slot of this machine.

    To be asked before workers start, which already take some.

    Returns:
        The least that any slot has; None where the GPUs do not tell.
    """
    devices = [slot.environment["CUDA_VISIBLE_DEVICES"] for slot in slots]
    if devices[0] == "-1":
        return AvailableMemory(bytes=host_memory() // len(devices), on_host=True)
    sizes = [share(gpu_memory(names), devices.count(names)) for names in dict.fromkeys(devices)]
    return AvailableMemory(bytes=min(sizes), on_host=False) if min(sizes) > 0 else None


def gpu_limit(slot: Slot, slots: Collection[Slot]) -> int | None:
    """Bytes of a GPU that the worker of a slot may take, so that those beside it have theirs.

    Args:
        slot: One of the slots.
        slots: Slots of this machine.

    Returns:
        None where it has its GPU for itself, or has none, or the GPU does not tell.
    """
    names, *others = (s.environment.get("CUDA_VISIBLE_DEVICES", "-1") for s in (slot, *slots))
    sharing = others.count(names)
    if names == "-1" or sharing == 1:
        return None
    return share(gpu_memory(names), sharing) or None


def gpu_memory(names: str) -> int:
    """Bytes of the smallest of some GPUs.

    Args:
        names: As CUDA_VISIBLE_DEVICES has them: indices, UUIDs, instances of GPUs in MIG mode.

    Returns:
        0 where nvidia-smi does not tell.
    """
    return device_memory(names, find_nvidia({}).gpus)
