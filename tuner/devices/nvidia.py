"""The machine's GPUs, as nvidia-smi also reports them, and the devices that trials may use.

A GPU in MIG mode (multi-instance GPU) computes only through the instances that it is cut into, and
a process computes on one instance at a time.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tuner.devices.gpu_usage import named, position
from tuner.formatting.size import size

QUERY = (
    "index", "uuid", "name", "driver_version", "memory.total", "memory.used", "mig.mode.current",
)  # fmt: skip
"""Fields that nvidia-smi reports of each GPU; drivers of 2020 know all of them."""

USED_BY_OTHERS = 1.0e9
"""Bytes in use above which somebody else computes; a display or an idle process take less."""

INSTANCE_SHARE = 0.9
"""Unit of the memory in an instance's name: `1g.18gb` has 16 GiB, which is 17.2 GB."""

_MIG = "MIG-"
_GPU_LINE = re.compile(r"GPU (\d+): ")
_INSTANCE_LINE = re.compile(r"\s+MIG (\S+)\s+Device\s+\d+: \(UUID: (\S+)\)")
_GIGABYTES = re.compile(r"\.(\d+)gb")


@dataclass(frozen=True, kw_only=True)
class Instance:
    """A part of a GPU in MIG mode.

    Attributes:
        uuid: As CUDA_VISIBLE_DEVICES names it.
        profile: Its size, as `3g.20gb`.
    """

    uuid: str
    profile: str

    @property
    def memory(self) -> int | None:
        """Bytes that it has at least, by its profile; None where that does not say."""
        found = _GIGABYTES.search(self.profile)
        return int(INSTANCE_SHARE * int(found[1]) * 10**9) if found else None


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """A GPU as the driver shows it.

    Attributes:
        index: As CUDA_VISIBLE_DEVICES counts.
        uuid: The same for good.
        name: Name of the product.
        driver: Version.
        memory: Bytes in total; None if unknown.
        used: Bytes in use; None if unknown, as for a GPU in MIG mode.
        is_cut: It is in MIG mode.
        instances: MIG instances of the GPU.
    """

    index: int
    uuid: str
    name: str
    driver: str
    memory: int | None
    used: int | None
    is_cut: bool = False
    instances: tuple[Instance, ...] = ()

    @property
    def devices(self) -> list[str]:
        """Names of the GPU, or of its instances, for CUDA_VISIBLE_DEVICES."""
        return [part.uuid for part in self.instances] if self.is_cut else [str(self.index)]


@dataclass(frozen=True, kw_only=True)
class Nvidia:
    """GPUs as the driver reports them.

    Attributes:
        gpus: GPUs that the driver shows.
        error: Why it shows none, where nvidia-smi is installed and failed.
        visible: The devices that trials may use, as CUDA_VISIBLE_DEVICES names them.
        is_chosen: CUDA_VISIBLE_DEVICES is set.
    """

    gpus: tuple[Gpu, ...] = ()
    error: str = ""
    visible: tuple[str, ...] = ()
    is_chosen: bool = False


def parse_gpus(queried: str, listed: str = "") -> tuple[Gpu, ...]:
    """Parse the output of nvidia-smi; other lines, such as warnings, are left out.

    Args:
        queried: The answer to `QUERY` with `--format=csv,noheader,nounits`.
        listed: The answer to `-L`, which alone names the instances of a GPU in MIG mode.
    """
    instances = _instances(listed)
    rows = [[cell.strip() for cell in line.split(",")] for line in queried.splitlines()]
    good = [row for row in rows if len(row) == len(QUERY) and row[0].isdigit()]
    return tuple(_gpu(row, instances.get(int(row[0]), [])) for row in good)


def _instances(listed: str) -> dict[int, list[Instance]]:
    """The instances of each GPU, by its index."""
    found: dict[int, list[Instance]] = {}
    index = -1
    for line in listed.splitlines():
        if gpu := _GPU_LINE.match(line):
            index = int(gpu[1])
        elif part := _INSTANCE_LINE.match(line):
            found.setdefault(index, []).append(Instance(uuid=part[2], profile=part[1]))
    return found


def _gpu(row: Sequence[str], instances: Sequence[Instance]) -> Gpu:
    index, uuid, name, driver, memory, used, mig = row
    return Gpu(
        index=int(index),
        uuid=uuid,
        name=name,
        driver=driver,
        memory=_mebibytes(memory),
        used=_mebibytes(used),
        is_cut=mig == "Enabled",
        instances=tuple(instances),
    )


def _mebibytes(text: str) -> int | None:
    return int(text) * 2**20 if text.isdigit() else None


def usable(gpus: Sequence[Gpu], chosen: str | None) -> list[str]:
    """The devices that trials may use, as CUDA_VISIBLE_DEVICES names them.

    Args:
        gpus: GPUs of the machine.
        chosen: An existing CUDA_VISIBLE_DEVICES, which is honoured; empty or -1 is none. A GPU in
            MIG mode that it names means its instances.
    """
    if chosen is None:
        return [device for gpu in gpus for device in gpu.devices]
    found = [(name, _meant(name, gpus)) for name in named(chosen)]
    return [
        device
        for name, gpu in found
        for device in (gpu.devices if gpu is not None and gpu.is_cut else [name])
    ]


def is_instance(device: str) -> bool:
    """True if a name of CUDA_VISIBLE_DEVICES is that of a MIG instance."""
    return device.startswith(_MIG)


def device_memory(devices: str, gpus: Sequence[Gpu]) -> int:
    """Bytes of the smallest of some devices.

    Args:
        devices: As CUDA_VISIBLE_DEVICES names them.
        gpus: GPUs of the machine.

    Returns:
        0 where one of them is unknown or does not tell.
    """
    return min((_memory(name, gpus) or 0 for name in named(devices)), default=0)


def _memory(name: str, gpus: Sequence[Gpu]) -> int | None:
    parts = [part for gpu in gpus for part in gpu.instances]
    if (which := position(name, [part.uuid for part in parts])) is not None and is_instance(name):
        return parts[which].memory
    gpu = _meant(name, gpus)
    return gpu.memory if gpu is not None else None


def _meant(name: str, gpus: Sequence[Gpu]) -> Gpu | None:
    """The GPU of an index, of a UUID or of the beginning of one."""
    if name.isdigit():
        return next((gpu for gpu in gpus if gpu.index == int(name)), None)
    which = position(name, [gpu.uuid for gpu in gpus])
    return None if which is None else gpus[which]


def notices(nvidia: Nvidia) -> Iterator[str]:
    """Notices about the GPUs before trials start on them.

    Args:
        nvidia: GPUs as the driver reported them before our own workers ran.
    """
    meant = {name: _meant(name, nvidia.gpus) for name in nvidia.visible}
    for name, gpu in meant.items():
        if gpu is not None and is_in_use(gpu):
            others = ",".join(other for other in nvidia.visible if other != name)
            mend = (
                f"CUDA_VISIBLE_DEVICES={others} leaves it out" if others else "no other is visible"
            )
            yield (
                f"GPU {gpu.index} ({gpu.name}) is in use already: {size(gpu.used or 0)} of "
                f"{size(gpu.memory or 0)} are taken, and trials may run out of memory; {mend}"
            )
    if not nvidia.is_chosen:
        for gpu in nvidia.gpus:
            if gpu.is_cut and not gpu.instances:
                yield (
                    f"GPU {gpu.index} ({gpu.name}) is in MIG mode and not cut into instances: no "
                    f"trial can run there; `nvidia-smi mig -i {gpu.index} -cgi PROFILE -C` cuts "
                    f"it, `nvidia-smi -i {gpu.index} -mig 0` gives it back whole"
                )


def is_in_use(gpu: Gpu) -> bool:
    """True if another process computes on it."""
    return gpu.used is not None and gpu.used > USED_BY_OTHERS
