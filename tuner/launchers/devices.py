"""What this machine has to run trials on, and how it is cut into slots."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil

from tuner.core.gpu_usage import named
from tuner.errors import InputError

WORKER_MEMORY = 3 * 2**30
"""Bytes of host memory that a CPU worker is given room for: TensorFlow, model, optimizer, data."""

NVIDIA_SECONDS = 30.0
"""Without its persistence daemon a driver takes seconds to wake a GPU."""


@dataclass(frozen=True, kw_only=True)
class Slot:
    """Room for one trial at a time.

    Attributes:
        index: Counted from 0.
        environment: Variables set for the slot's worker.
        threads: CPU threads that its worker may use.
    """

    index: int
    environment: Mapping[str, str]
    threads: int


def visible_gpus(environment: Mapping[str, str]) -> list[str]:
    """The GPUs that trials may use, as CUDA_VISIBLE_DEVICES would name them.

    Args:
        environment: An existing CUDA_VISIBLE_DEVICES in it is honoured; empty or -1 is no GPU.
    """
    chosen = environment.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return named(chosen)
    lines = nvidia_smi("-L").splitlines()
    return [str(index) for index, line in enumerate(x for x in lines if x.startswith("GPU "))]


def nvidia_smi(*options: str) -> str:
    """What the driver's own program says; nothing where there is none, or none that answers."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ""
    with suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(
            [program, *options], capture_output=True, text=True, check=True, timeout=NVIDIA_SECONDS
        ).stdout
    return ""


def usable_cores() -> int:
    """CPU cores that this process may run on."""
    return (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )


def default_slots(gpus: int, cores: int, memory: int, devices: int = 1) -> int:
    """How many trials run at a time when nobody says.

    One for each GPU, or for each group of as many GPUs as one trial takes. Without a GPU one for
    each core, as far as memory goes: one-thread workers side by side get more examples a second
    out of the same cores than one with all threads (`python benchmarks/slots.py` measures it).

    Args:
        gpus: Visible GPUs.
        cores: Usable CPU cores.
        memory: Bytes of memory free to use.
        devices: GPUs for one trial.
    """
    return gpus // devices or max(1, min(cores, memory // WORKER_MEMORY))


def cut_slots(
    wanted: int | None,
    gpus: Sequence[str],
    cores: int,
    memory: int,
    devices: int = 1,
    *,
    per_gpu: int = 1,
) -> list[Slot]:
    """The machine's slots: groups of GPUs in turn, or the cores shared out evenly.

    Args:
        wanted: How many; None: `default_slots`.
        gpus: Visible GPUs by name; slots beyond their number, or that of their groups, share
            them. What is left over when groups are formed stays unused.
        cores: Usable CPU cores.
        memory: Bytes of memory free to use.
        devices: GPUs for one trial, the most that any trial takes.
        per_gpu: Trials at a time on each GPU, or on each group of them, when nobody says `wanted`.

    Raises:
        InputError: There are fewer GPUs than one trial takes.
    """
    most = max(1, len(gpus))
    if not 1 <= devices <= most:
        raise InputError(
            f"training.devices is {devices}, and this machine shows {len(gpus)} GPUs",
            where="training.devices",
            remedy=f"1 to {most}, and a larger training.batch_size or "
            "training.accumulation_steps for the same effective batch",
        )
    count = wanted or default_slots(len(gpus), cores, memory, devices) * (per_gpu if gpus else 1)
    groups = [
        ",".join(gpus[start : start + devices])
        for start in range(0, len(gpus) - devices + 1, devices)
    ]
    return [
        Slot(
            index=index,
            # -1 hides every GPU from TensorFlow.
            environment={"CUDA_VISIBLE_DEVICES": groups[index % len(groups)] if groups else "-1"},
            threads=max(1, cores // count),
        )
        for index in range(count)
    ]


def local_slots(wanted: int | None, devices: int = 1, per_gpu: int = 1) -> list[Slot]:
    """The slots of this machine; see `cut_slots`."""
    gpus, memory = visible_gpus(os.environ), psutil.virtual_memory().available
    return cut_slots(wanted, gpus, usable_cores(), memory, devices, per_gpu=per_gpu)
