"""A stand-in for NVIDIA's library, for machines without a GPU: what we call of it, as it answers.

Two GPUs; the environment says what they tell: NVML_NONE makes it find no driver, NVML_SHARED
makes it not tell processes apart, NVML_OLD makes it know the first version of memory only,
NVML_CUT puts the second GPU in MIG mode with one instance, NVML_LOST loses the first GPU. A part
of a GPU (MIG) tells no utilisation.
"""

# ruff: noqa: N802, N816 - the names are NVIDIA's

import os
from collections import Counter
from types import SimpleNamespace

UUIDS = ("GPU-aaaa-1", "GPU-bbbb-2")
NVML_DEVICE_MIG_ENABLE = 1
nvmlMemory_v2 = 2
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


def nvmlSystemGetDriverVersion():
    return "550.54.15"


def nvmlDeviceGetHandleByIndex(index):
    if index == 0 and "NVML_LOST" in os.environ:
        raise NVMLError("GPU is lost")
    return UUIDS[index]


def nvmlDeviceGetHandleByUUID(uuid):
    if not uuid.startswith("MIG-"):
        raise NVMLError("Not Found")
    return uuid


def nvmlDeviceGetUUID(handle):
    return handle


def nvmlDeviceGetName(handle):
    return "NVIDIA A100 MIG 1g.5gb" if handle.startswith("MIG-") else "NVIDIA A100"


def nvmlDeviceGetMigMode(handle):
    if handle == UUIDS[0]:
        raise NVMLError("Not Supported")
    now = int("NVML_CUT" in os.environ)
    return [now, now]


def nvmlDeviceGetMaxMigDeviceCount(handle):
    return 7


def nvmlDeviceGetMigDeviceHandleByIndex(handle, index):
    if index != 2:
        raise NVMLError("Not Found")
    return "MIG-cccc"


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


def nvmlDeviceGetMemoryInfo(handle, version=None):
    if version and "NVML_OLD" in os.environ:
        raise NVMLError("Function Not Found")
    reserved = 500 if version else 0
    return SimpleNamespace(total=10_000, free=4000, used=6000 - reserved)
