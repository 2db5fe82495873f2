"""Real workers, and what takes a GPU's memory away from them."""

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path

from tuner.devices.host import usable_cores
from tuner.devices.slots import cut_slots
from tuner.launchers.launcher import WorkerExited
from tuner.launchers.local import LocalLauncher
from tuner.settings.settings import TrialSettings
from tuner.trial.records import Decision, Report, TrialError, TrialSpec
from tuner.worker.protocol import Answer, Failed, Finished, Ready, Reported, Run, Started

HOG = """
import ctypes, sys

driver, left = ctypes.CDLL("libcuda.so.1"), int(sys.argv[1])
device, context, taken = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_void_p()
free, total = ctypes.c_size_t(), ctypes.c_size_t()

def call(name, *arguments):
    code = getattr(driver, name)(*arguments)
    assert code == 0, f"{name}: CUDA error {code}"

call("cuInit", 0)
call("cuDeviceGet", ctypes.byref(device), 0)
call("cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
call("cuCtxSetCurrent", context)
for size in (2**30, 2**26, 2**21):
    call("cuMemGetInfo_v2", ctypes.byref(free), ctypes.byref(total))
    for _ in range((free.value - left) // size):
        call("cuMemAlloc_v2", ctypes.byref(taken), ctypes.c_size_t(size))
print("ready", flush=True)
sys.stdin.read()
"""
"""Takes GPU 0 but for some bytes by CUDA's driver: TensorFlow's allocator takes other amounts than
it is asked for, and leaves a part of the GPU alone."""


def slots(gpus: Sequence[str]):
    """One for each GPU, or what a machine without one has."""
    return cut_slots(None, gpus, usable_cores(), 2**50)


class Workers:
    """Workers that are ready, one for each slot, each on a GPU where there is one.

    Attributes:
        devices: Device of each slot's worker.
        started: The last trial came to its first update.
    """

    def __init__(self, gpus: Sequence[str], folder: Path) -> None:
        self._folder = folder
        self._launcher = LocalLauncher(slots(gpus))
        self._number = 0
        self.started = False
        self.devices: dict[int, str] = {}
        for slot in self._launcher.slots:
            self._launcher.start(slot)
        while len(self.devices) < len(self._launcher.slots):
            for event in self._launcher.poll(1.0):
                assert isinstance(event.message, Ready), event.message
                assert event.message.device.startswith("CPU") != bool(gpus)
                self.devices[event.slot] = event.message.device

    def run(self, settings: TrialSettings) -> list[Report] | TrialError:
        """One trial in the first slot: its reports, or why it failed."""
        self._number += 1
        self.started = False
        folder = self._folder / f"trial-{self._number}"
        spec = TrialSpec(number=self._number, parameters={}, settings=settings, folder=str(folder))
        self._launcher.send(0, Run(spec=spec))
        reports = []
        while True:
            for event in self._launcher.poll(1.0):
                match event.message:
                    case Started():
                        self.started = True
                    case Reported(report=report):
                        reports.append(report)
                        self._launcher.send(event.slot, Answer(Decision.CONTINUE))
                    case Failed(error=error):
                        return error
                    case Finished(diverged=diverged):
                        assert not diverged
                        return reports
                    case WorkerExited(log=log):
                        raise AssertionError(log)

    def close(self) -> None:
        self._launcher.close(10.0)


@contextmanager
def nearly_full(gpu: str, left: int):
    """All but so many bytes of a GPU that are free now belong to somebody else meanwhile.

    Args:
        gpu: As CUDA_VISIBLE_DEVICES names it.
        left: Bytes; to the nearest 2 MiB.
    """
    environment = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", **os.environ, "CUDA_VISIBLE_DEVICES": gpu}
    with subprocess.Popen(
        [sys.executable, "-c", HOG, str(left)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
    ) as hog:
        try:
            assert hog.stdout.readline() == b"ready\n"
            yield
        finally:
            hog.stdin.close()
