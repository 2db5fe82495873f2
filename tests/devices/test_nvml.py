"""The machine's GPUs by NVIDIA's library, on a stand-in for it: no GPU is here."""

import sys

import pytest

from tests.devices.nvidia_texts import TWO
from tuner.devices.nvidia import Gpu, Instance
from tuner.devices.nvml import nvml_gpus
from tuner.devices.slots import find_nvidia

FIRST = Gpu(
    index=0, uuid="GPU-aaaa-1", name="NVIDIA A100", driver="550.54.15", memory=10_000, used=5500
)


def test_the_library_shows_gpus_without_the_program(nvml, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    found = find_nvidia({})
    assert found.gpus[0] == FIRST
    assert (found.visible, found.error) == (("0", "1"), "")


def test_an_old_driver_counts_what_it_reserves_as_in_use(nvml, monkeypatch):
    monkeypatch.setenv("NVML_OLD", "1")
    assert nvml_gpus()[0].used == 6000


def test_the_instances_of_a_gpu_in_mig_mode(nvml, monkeypatch):
    monkeypatch.setenv("NVML_CUT", "1")
    whole, cut = nvml_gpus()
    assert not whole.is_cut
    assert (cut.is_cut, cut.used) == (True, None)
    assert cut.instances == (Instance(uuid="MIG-cccc", profile="1g.5gb"),)
    assert find_nvidia({}).visible == ("0", "MIG-cccc")


def test_a_lost_gpu_is_left_out(nvml, monkeypatch):
    monkeypatch.setenv("NVML_LOST", "1")
    assert [gpu.index for gpu in nvml_gpus()] == [1]


@pytest.mark.parametrize("missing", ["driver", "package"])
def test_without_the_library_the_program_is_asked(nvidia_smi, nvml, monkeypatch, missing):
    nvidia_smi(TWO)
    if missing == "driver":
        monkeypatch.setenv("NVML_NONE", "1")
    else:
        monkeypatch.setitem(sys.modules, "pynvml", None)
    assert [gpu.driver for gpu in find_nvidia({}).gpus] == ["550.54.15", "550.54.15"]
    assert find_nvidia({}).gpus[1].name == "Tesla V100-SXM2-16GB"
