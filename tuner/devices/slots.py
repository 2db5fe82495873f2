"""Slots of this machine: groups of GPUs, or shares of its cores."""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tuner.devices.host import host_memory, usable_cores
from tuner.devices.nvidia import QUERY, Gpu, Nvidia, is_instance, notices, parse_gpus, usable
from tuner.devices.nvml import nvml_gpus
from tuner.errors import InputError

WORKER_MEMORY = 3 * 2**30
"""Bytes of host memory that a CPU worker is given room for: TensorFlow, model, optimizer, data."""

VISIBLE = "CUDA_VISIBLE_DEVICES"
"""The variable that decides which devices a process sees."""

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


def find_nvidia(environment: Mapping[str, str]) -> Nvidia:
    """Return the GPUs that the driver reports; none without a driver.

    Its library (NVML) is asked first, its program nvidia-smi where that shows no GPU: the program
    may exist without the library, and reports why it fails.

    Args:
        environment: An existing CUDA_VISIBLE_DEVICES in it is honoured; empty or -1 is no GPU.
    """
    chosen = environment.get(VISIBLE)
    gpus, error = nvml_gpus(), ""
    if not gpus and (program := shutil.which("nvidia-smi")):
        gpus, error = _ask(program)
    return Nvidia(
        gpus=gpus,
        error=error,
        visible=tuple(usable(gpus, chosen)),
        is_chosen=chosen is not None,
    )


def _ask(program: str) -> tuple[tuple[Gpu, ...], str]:
    """The GPUs, or why the program does not tell them."""
    query = [program, f"--query-gpu={','.join(QUERY)}", "--format=csv,noheader,nounits"]
    try:
        answer, listed = (
            subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=NVIDIA_SECONDS
            )
            for command in (query, [program, "-L"])
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return (), str(error)
    gpus = parse_gpus(answer.stdout, listed.stdout)
    if answer.returncode != 0 or not gpus:
        output = (answer.stdout + answer.stderr).strip().splitlines()
        return (), output[0] if output else f"exit {answer.returncode}"
    return gpus, ""


def default_slots(gpus: int, cores: int, memory: int, devices: int = 1) -> int:
    """Number of trials that run at a time by default.

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
        wanted: Number of slots; None: `default_slots`.
        gpus: Visible devices by name; slots beyond their number, or that of their groups, share
            them. What is left over when groups are formed stays unused.
        cores: Usable CPU cores.
        memory: Bytes of memory free to use.
        devices: GPUs for one trial, the most that any trial takes.
        per_gpu: Trials at a time on each GPU, or on each group of them, without `wanted`.

    Raises:
        InputError: There are fewer GPUs than one trial takes; of MIG instances it takes one.
    """
    if devices > 1:
        gpus = _whole(gpus, devices)
    most = max(1, len(gpus))
    if not 1 <= devices <= most:
        raise _too_many(devices, f"this machine shows {len(gpus)} GPUs", most)
    count = wanted or default_slots(len(gpus), cores, memory, devices) * (per_gpu if gpus else 1)
    groups = [
        ",".join(gpus[start : start + devices])
        for start in range(0, len(gpus) - devices + 1, devices)
    ]
    return [
        Slot(
            index=index,
            # -1 hides every GPU from TensorFlow.
            environment={VISIBLE: groups[index % len(groups)] if groups else "-1"},
            threads=max(1, cores // count),
        )
        for index in range(count)
    ]


def _whole(gpus: Sequence[str], devices: int) -> list[str]:
    """The GPUs that several of may work on one trial.

    Raises:
        InputError: There are too few without the instances of GPUs in MIG mode.
    """
    whole = [name for name in gpus if not is_instance(name)]
    if len(whole) < devices and len(whole) < len(gpus):
        why = "a process sees one MIG instance at a time"
        raise _too_many(devices, f"{why}; {len(whole)} of the GPUs are whole", max(1, len(whole)))
    return whole


def _too_many(devices: int, why: str, most: int) -> InputError:
    return InputError(
        f"training.devices is {devices}, and {why}",
        where="training.devices",
        remedy=f"training.devices={most}, and a larger training.batch_size or "
        "training.accumulation_steps for the same effective batch",
    )


def local_slots(
    wanted: int | None,
    devices: int = 1,
    per_gpu: int = 1,
    notice: Callable[[str], None] = lambda text: None,  # noqa: ARG005
) -> list[Slot]:
    """The slots of this machine; see `cut_slots`.

    Args:
        wanted: Number of slots.
        devices: GPUs for one trial.
        per_gpu: Trials at a time on each GPU.
        notice: Shows the GPUs that others use, and those that cannot be used.
    """
    nvidia = find_nvidia(os.environ)
    for text in notices(nvidia):
        notice(text)
    return cut_slots(
        wanted, nvidia.visible, usable_cores(), host_memory(), devices, per_gpu=per_gpu
    )
