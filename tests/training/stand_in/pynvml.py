"""A stand-in for NVIDIA's library, for machines without a GPU: what we call of it, as it answers.

Two GPUs; the environment says what they tell: NVML_NONE makes it find no driver, NVML_SHARED
makes it not tell processes apart. A part of a GPU (MIG) tells no utilisation.
"""

# ruff: noqa: N802 - the names are NVIDIA's

import os
from collections import Counter
from types import SimpleNamespace

UUIDS = ("GPU-aaaa-1", "GPU-bbbb-2")
counts = Counter()


class NVMLError(Exception):
    pass


def nvmlInit():
    if "NVML_NONE" in os.environ:
        raise NVMLError("NVML Shared Library Not Found")
    counts["opened"] += 1


def nvmlShutdown():
    counts["opened"] -= 1


def nvmlDeviceGetCount():
    return len(UUIDS)


def nvmlDeviceGetHandleByIndex(index):
    return UUIDS[index]


def nvmlDeviceGetHandleByUUID(uuid):
    if not uuid.startswith("MIG-"):
        raise NVMLError("Not Found")
    return uuid


def nvmlDeviceGetUUID(handle):
    return handle


def nvmlDeviceGetUtilizationRates(handle):
    counts["looks"] += 1
    if handle.startswith("MIG-"):
        raise NVMLError("Not Supported")
    return SimpleNamespace(gpu={"GPU-aaaa-1": 75, "GPU-bbbb-2": 25}[handle], memory=1)


def nvmlDeviceGetComputeRunningProcesses(handle):
    own = None if "NVML_SHARED" in os.environ else 1000
    return [
        SimpleNamespace(pid=1, usedGpuMemory=5000),
        SimpleNamespace(pid=os.getpid(), usedGpuMemory=own),
    ]


def nvmlDeviceGetMemoryInfo(handle):
    return SimpleNamespace(total=10_000, free=4000, used=6000)
