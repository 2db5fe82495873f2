"""The calls to NVIDIA's library, on a stand-in for it: no GPU is here."""

import sys
import time

import pytest

from tuner.devices.gpu_usage import GpuUsage
from tuner.training.gpu_watch import watched


@pytest.mark.parametrize(
    ("visible", "devices", "usage"),
    [
        ("0", 1, GpuUsage(utilization=0.75, memory_bytes=1000)),
        ("1,0", 1, GpuUsage(utilization=0.25, memory_bytes=1000)),
        ("0,1", 2, GpuUsage(utilization=0.5, memory_bytes=2000)),
        ("GPU-bbbb", 1, GpuUsage(utilization=0.25, memory_bytes=1000)),
        ("MIG-cccc", 1, GpuUsage(memory_bytes=1000)),
        ("7", 1, GpuUsage()),
        ("-1", 1, GpuUsage()),
    ],
)
def test_the_usage_of_the_trials_own_gpus(nvml, monkeypatch, visible, devices, usage):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    with watched(devices) as look:
        assert look() == usage


def test_memory_of_the_device_where_processes_are_not_told_apart(nvml, monkeypatch):
    monkeypatch.setenv("NVML_SHARED", "1")
    with watched(1) as look:
        assert look().memory_bytes == 6000


def test_it_looks_again_and_again_while_a_trial_runs(nvml):
    with watched(1, seconds=0.001) as look:
        while nvml.counts["looks"] < 3:
            time.sleep(0.001)
        assert look() == GpuUsage(utilization=0.75, memory_bytes=1000)
    seen = nvml.counts["looks"]
    time.sleep(0.02)
    assert nvml.counts["looks"] == seen


def test_without_a_driver_or_its_library_nothing_is_known(nvml, monkeypatch):
    monkeypatch.setenv("NVML_NONE", "1")
    with watched(1) as look:
        assert look() == GpuUsage()
    monkeypatch.setitem(sys.modules, "pynvml", None)  # An import then raises ImportError.
    with watched(1) as look:
        assert look() == GpuUsage()
