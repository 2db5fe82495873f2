"""The machine's GPUs as NVIDIA's management library (NVML) shows them."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from tuner.devices.nvidia import Gpu, Instance


@contextmanager
def opened_nvml() -> Iterator[Any]:
    """Open NVIDIA's library.

    Yields:
        Module `pynvml`; None where it or the driver is missing or fails.
    """
    nvml = _initialised()
    try:
        yield nvml
    finally:
        if nvml is not None:
            nvml.nvmlShutdown()


def _initialised() -> Any:
    try:
        import pynvml  # noqa: PLC0415 - needed only where somebody asks for GPUs

        pynvml.nvmlInit()
    except ImportError:
        return None
    except pynvml.NVMLError:
        return None
    return pynvml


def nvml_gpus() -> tuple[Gpu, ...]:
    """Return the GPUs; none where the driver or its library is missing or fails.

    A GPU that cannot be reached is left out.
    """
    with opened_nvml() as nvml:
        try:
            return () if nvml is None else tuple(_gpus(nvml))
        except nvml.NVMLError:
            return ()


def _gpus(nvml: Any) -> Iterator[Gpu]:
    driver = nvml.nvmlSystemGetDriverVersion()
    for index in range(nvml.nvmlDeviceGetCount()):
        with suppress(nvml.NVMLError):
            yield _gpu(nvml, index, driver)


def _gpu(nvml: Any, index: int, driver: str) -> Gpu:
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    is_cut = _is_cut(nvml, handle)
    memory, used = _memory(nvml, handle)
    return Gpu(
        index=index,
        uuid=nvml.nvmlDeviceGetUUID(handle),
        name=nvml.nvmlDeviceGetName(handle),
        driver=driver,
        memory=memory,
        used=None if is_cut else used,
        is_cut=is_cut,
        instances=tuple(_instances(nvml, handle)) if is_cut else (),
    )


def _memory(nvml: Any, handle: Any) -> tuple[int | None, int | None]:
    """Bytes in all and in use; None where the GPU does not tell."""
    # The first version counts what the driver reserves as in use; nvidia-smi does not.
    for version in (nvml.nvmlMemory_v2, None):
        with suppress(nvml.NVMLError):
            found = nvml.nvmlDeviceGetMemoryInfo(handle, version)
            return int(found.total), int(found.used)
    return None, None


def _is_cut(nvml: Any, handle: Any) -> bool:
    with suppress(nvml.NVMLError):
        now, _ = nvml.nvmlDeviceGetMigMode(handle)
        return bool(now == nvml.NVML_DEVICE_MIG_ENABLE)
    return False


def _instances(nvml: Any, handle: Any) -> Iterator[Instance]:
    """The parts in the order of their indices, which may have gaps."""
    for index in range(nvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
        with suppress(nvml.NVMLError):
            part = nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, index)
            # The name ends with the profile: "NVIDIA A100-SXM4-40GB MIG 1g.5gb".
            profile = nvml.nvmlDeviceGetName(part).rpartition("MIG ")[2]
            yield Instance(uuid=nvml.nvmlDeviceGetUUID(part), profile=profile)
