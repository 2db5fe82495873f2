"""GPUs that this process sees, from CUDA's driver, without TensorFlow."""

import ctypes

OUT_OF_MEMORY = 2
"""CUDA_ERROR_OUT_OF_MEMORY."""


def free_gpu_memory() -> int | None:
    """Bytes that are free on the fullest GPU; None where there is no GPU or it does not tell.

    What TensorFlow has reserved for itself is not free, though it may be unused.
    """
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None
    count = ctypes.c_int()
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
        return None
    found = [_free(driver, ordinal) for ordinal in range(count.value)]
    return min((free for free in found if free is not None), default=None)


def _free(driver: ctypes.CDLL, ordinal: int) -> int | None:
    """Bytes free on one GPU: 0 where not even a context can be made."""
    device, context = ctypes.c_int(), ctypes.c_void_p()
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    if driver.cuDeviceGet(ctypes.byref(device), ordinal):
        return None
    retained = driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), device)
    if retained:
        return 0 if retained == OUT_OF_MEMORY else None
    driver.cuCtxPushCurrent_v2(context)
    failed = driver.cuMemGetInfo_v2(ctypes.byref(free), ctypes.byref(total))
    driver.cuCtxPopCurrent_v2(ctypes.byref(context))
    driver.cuDevicePrimaryCtxRelease_v2(device)
    return None if failed else free.value
