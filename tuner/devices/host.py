"""CPU cores and memory that this process may use: the machine's, its container's, its job's."""

import os
import platform
from contextlib import suppress
from pathlib import Path

import psutil

from tuner.devices.allocation import granted_cores, granted_memory
from tuner.devices.cgroups import cpu_limit, free_memory


def usable_cores() -> int:
    """CPU cores that this process may run on, at least 1.

    The least of its CPU affinity, the CPU limit of its container rounded down, and what a
    scheduler gave to it.
    """
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    limit = cpu_limit()
    if limit is not None:
        cores = min(cores, int(limit))
    return max(1, min(cores, granted_cores(os.environ) or cores))


def processor() -> str:
    """Name of the processor, such as `AMD EPYC`; its architecture where the system names none."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def host_memory() -> int:
    """Bytes of memory that are free to use: on the machine, in our container, in our job."""
    free = int(psutil.virtual_memory().available)
    limits = (free_memory(), granted_memory(os.environ) or None)
    return min([free, *(limit for limit in limits if limit is not None)])
