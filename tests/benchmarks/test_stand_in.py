"""TensorFlow meets the stand-in for CUDA: it compiles, allocates and runs out of memory."""

import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager

import pytest

from benchmarks.stand_in.build import build, doing_nothing, environment, looked_for
from tuner.errors import InputError

GIGABYTE = 10**9
OUT_OF_MEMORY, NOT_READY = "2", "600"

LOOK = """
import json
import tensorflow as tf
from tensorflow.python.framework.errors import ResourceExhaustedError
found = {"gpus": len(tf.config.list_physical_devices("GPU"))}
for gpu in tf.config.list_physical_devices("GPU"):
    tf.config.experimental.set_memory_growth(gpu, True)
with tf.device("GPU:1"):
    one = tf.ones((512, 512))
    squared = tf.function(lambda x: tf.matmul(x, x) + 1.0, jit_compile=True)(one)
    found["computed on"] = squared.device
    found["peak"] = tf.config.experimental.get_memory_info("GPU:1")["peak"]
    try:
        tf.zeros((2**31,), tf.uint8)
    except ResourceExhaustedError as error:
        found["full"] = str(error)
print(json.dumps(found))
"""

DEVICE = """
import ctypes
driver = ctypes.CDLL("libcuda.so.1")
driver.cuInit(0)
count = ctypes.c_int()
driver.cuDeviceGetCount(ctypes.byref(count))
context = ctypes.c_void_p()
driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), 0)
driver.cuCtxSetCurrent(context)
"""
COUNT = "print(count.value)"
ALLOCATE = """
found = ctypes.c_uint64()
print(driver.cuMemAlloc_v2(ctypes.byref(found), ctypes.c_size_t(10**9)), flush=True)
input()
"""
LAUNCH = """
def made(create):
    found = ctypes.c_void_p()
    create(ctypes.byref(found), 0)
    return found
busy, waiting, beside, free = (made(driver.cuStreamCreate) for _ in range(4))
event = made(driver.cuEventCreate)
for stream in (busy, beside, beside):
    driver.cuLaunchKernel(None, 1, 1, 1, 1, 1, 1, 0, stream, None, None)
driver.cuEventRecord(event, busy)
driver.cuStreamWaitEvent(waiting, event, 0)
driver.stand_in_busy_seconds.restype = ctypes.c_double
queried = [driver.cuStreamQuery(stream) for stream in (busy, waiting, free)]
print(*queried, driver.cuEventQuery(event), round(driver.stand_in_busy_seconds()))
"""
GPUS = """
from tuner.devices.nvml import nvml_gpus
print([(gpu.index, gpu.memory, gpu.used, gpu.is_cut) for gpu in nvml_gpus()])
"""

compiled = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stand_in")
    build(folder)
    return folder


@contextmanager
def started(folder, script, visible="0,1", **machine):
    """A process on two devices of the stand-in, whose last words are read from it."""
    told = environment(folder, devices=2, **machine)
    with subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": visible, **told},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.communicate("\n")
        assert process.returncode == 0


def said(folder, script, **told):
    """First line that a process prints."""
    with started(folder, script, **told) as process:
        return process.stdout.readline().strip()


def test_a_function_that_no_source_has_does_nothing():
    assert doing_nothing(["cuInit"]).splitlines()[1] == (
        'long cuInit(void) __attribute__((weak, alias("nothing")));'
    )


def test_names_are_those_of_tables(tmp_path):
    library = tmp_path / "libtensorflow_framework.so.2"
    library.write_bytes(b"\0cuInit\0cudaMalloc\0cut\0 cuFree\0cublasLtCreate\0cuts off")
    assert looked_for(library) == ["cuInit", "cublasLtCreate", "cudaMalloc"]
    library.write_bytes(b"\0current\0")
    with pytest.raises(InputError, match="without CUDA"):
        looked_for(library)


def test_no_compiler_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(InputError, match="no C compiler"):
        build(tmp_path)


@compiled
@pytest.mark.parametrize(
    ("visible", "count"), [("0,1", "2"), ("1", "1"), ("1,7,0", "1"), ("-1", "0"), ("", "0")]
)
def test_devices_are_those_that_are_visible(stand_in, visible, count):
    assert said(stand_in, DEVICE + COUNT, visible=visible) == count


@compiled
def test_memory_is_counted_over_processes_and_comes_back_with_their_end(stand_in):
    machine = {"device_bytes": 4 * GIGABYTE}  # Each process has half a gigabyte beside its own.
    with started(stand_in, DEVICE + ALLOCATE, **machine) as first:
        assert first.stdout.readline() == "0\n"
        with started(stand_in, DEVICE + ALLOCATE, visible="0", **machine) as second:
            assert second.stdout.readline() == "0\n"
            assert said(stand_in, DEVICE + ALLOCATE, **machine) == OUT_OF_MEMORY
            assert said(stand_in, DEVICE + ALLOCATE, visible="1", **machine) == "0"
        assert said(stand_in, DEVICE + ALLOCATE, **machine) == "0"


@compiled
def test_the_management_library_shows_the_gpus(stand_in):
    shown = [(0, 2 * GIGABYTE, 0, False), (1, 2 * GIGABYTE, 0, False)]
    assert said(stand_in, GPUS, device_bytes=2 * GIGABYTE) == str(shown)


@compiled
def test_kernels_take_time_on_their_stream_and_on_those_that_wait_for_it(stand_in):
    hour = 3600
    expected = f"{NOT_READY} {NOT_READY} 0 {NOT_READY} {2 * hour}"
    assert said(stand_in, DEVICE + LAUNCH, kernel_us=hour * 1e6) == expected
    assert said(stand_in, DEVICE + LAUNCH, kernel_us=0) == "0 0 0 0 0"


@pytest.mark.tf
@compiled
def test_tensorflow_sees_two_devices_compiles_and_runs_out_of_memory(stand_in):
    found = json.loads(said(stand_in, LOOK, device_bytes=2 * GIGABYTE))
    assert found["gpus"] == 2
    assert found["computed on"].endswith("GPU:1")
    assert found["peak"] >= 4 * 512 * 512
    assert "OOM when allocating" in found["full"]
