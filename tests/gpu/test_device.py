"""GPUs that a worker sees, and memory that it takes."""

import pytest

from tuner.devices.room import gpu_memory
from tuner.settings.training_settings import PRECISIONS

pytestmark = [pytest.mark.gpu, pytest.mark.tf]


def test_tensorflow_computes_on_every_device_in_every_precision(loaded):
    for each in loaded.devices:
        assert each.products == dict.fromkeys(PRECISIONS, "")


def test_each_worker_sees_its_own_gpu_alone(workers, gpus):
    assert len(workers.devices) == len(gpus) or not gpus
    assert not any("," in shown for shown in workers.devices.values() if gpus)


def test_a_trial_takes_what_it_needs_and_not_the_whole_gpu(workers, gpus, make_settings):
    reports = workers.run(make_settings())
    assert [report.point for report in reports] == [1, 2]
    if gpus:
        pytest.importorskip("pynvml", reason="nvidia-ml-py is not installed")
        last = reports[-1]
        assert last.peak_memory_bytes < last.gpu_memory_bytes < gpu_memory(gpus[0]) / 2
        assert 0 <= last.gpu_utilization <= 1
