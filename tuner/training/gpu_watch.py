"""Looks at a trial's own GPUs while it runs, through NVIDIA's management library (NVML)."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Any

from tuner.devices.gpu_usage import GpuUsage, Look, named, position, summary
from tuner.devices.nvml import opened_nvml

SECONDS = 1.0
"""Between two looks; the driver's own figures are means over up to a second."""


@contextmanager
def watched(devices: int, seconds: float = SECONDS) -> Iterator[Callable[[], GpuUsage]]:
    """Sample the trial's GPUs meanwhile.

    Args:
        devices: Number of the process's GPUs that the trial uses: the first ones.
        seconds: Between two looks.

    Yields:
        What gives their usage since it was last called; nothing is known of it where there is no
        NVIDIA driver.
    """
    names = _visible(devices)
    if not names:
        yield GpuUsage
        return
    with opened_nvml() as nvml:
        gpus = None if nvml is None else _gpus(nvml, names)
        if gpus is None:
            yield GpuUsage
            return
        watch = _Watch(gpus, seconds)
        watch.start()
        try:
            yield watch.usage
        finally:
            watch.end()


def _visible(devices: int) -> list[str]:
    """Names of the first GPUs that this process may use."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = named(visible) if visible is not None else map(str, range(devices))
    return list(names)[:devices]


class _Watch:
    """A thread that looks again and again."""

    def __init__(self, gpus: "_Gpus", seconds: float) -> None:
        self._gpus = gpus
        self._seconds = seconds
        self._looks: list[Look] = []
        self._over = Event()
        self._thread = Thread(target=self._run, name="gpu watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        self._thread.join()

    def usage(self) -> GpuUsage:
        """Since the last call, with a look of its own: points may follow one another fast."""
        looks, self._looks = self._looks, []
        return summary([*looks, self._gpus.look()])

    def _run(self) -> None:
        while not self._over.wait(self._seconds):
            self._looks.append(self._gpus.look())


class _Gpus:
    """GPUs by their handles in NVML."""

    def __init__(self, nvml: Any, handles: Sequence[Any]) -> None:
        self._nvml = nvml
        self._handles = handles

    def look(self) -> Look:
        """Return their usage now."""
        busy, memory = [], []
        for handle in self._handles:
            with suppress(self._nvml.NVMLError):  # A part of a GPU (MIG) does not tell.
                busy.append(self._nvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100)
            with suppress(self._nvml.NVMLError):
                memory.append(self._taken(handle))
        return Look(busy=tuple(busy), memory=tuple(memory))

    def _taken(self, handle: Any) -> int:
        """Bytes that this process has; of all processes where the driver does not tell them apart.

        Inside a container it often knows them by other process ids.
        """
        with suppress(self._nvml.NVMLError):
            for process in self._nvml.nvmlDeviceGetComputeRunningProcesses(handle):
                if process.pid == os.getpid() and process.usedGpuMemory is not None:
                    return int(process.usedGpuMemory)
        return int(self._nvml.nvmlDeviceGetMemoryInfo(handle).used)


def _gpus(nvml: Any, names: Sequence[str]) -> _Gpus | None:
    """GPUs of these names; None where one is not there."""
    try:
        return _Gpus(nvml, [_handle(nvml, name) for name in names])
    except (nvml.NVMLError, LookupError):
        return None


def _handle(nvml: Any, name: str) -> Any:
    """The handle of a device as CUDA_VISIBLE_DEVICES names it.

    Raises:
        LookupError: There is none of this name.
    """
    if name.startswith("MIG-"):
        return nvml.nvmlDeviceGetHandleByUUID(name)
    handles = [nvml.nvmlDeviceGetHandleByIndex(n) for n in range(nvml.nvmlDeviceGetCount())]
    found = position(name, [nvml.nvmlDeviceGetUUID(handle) for handle in handles])
    if found is None:
        raise LookupError(name)
    return handles[found]
