import dataclasses

import pytest

from tests.devices.nvidia_texts import (
    CUT,
    CUT_LISTED,
    OLD_DRIVER,
    OLD_DRIVER_LISTED,
    SICK,
    TWO,
    TWO_LISTED,
)
from tuner.devices.nvidia import Gpu, Nvidia, device_memory, notices, parse_gpus, usable

BIG, SMALL = "MIG-ec4c3916-65fa-5948-b9b5-9f21a2ddfcc0", "MIG-000d40d3-5924-5906-9879-8b69bf58689b"


def test_nvidia_smi_is_read_whatever_it_leaves_untold():
    a100, v100 = parse_gpus(TWO, TWO_LISTED)
    assert a100 == Gpu(
        index=0,
        uuid="GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77",
        name="NVIDIA A100-SXM4-80GB",
        driver="550.54.15",
        memory=80 * 2**30,
        used=4 * 2**20,
    )
    assert (v100.index, v100.used, v100.is_cut) == (1, 12034 * 2**20, False)
    [sick] = parse_gpus(SICK)
    assert (sick.index, sick.memory, sick.used) == (1, None, None)
    assert parse_gpus("No devices were found\n") == ()


def test_the_instances_of_a_gpu_in_mig_mode_stand_for_it():
    whole, cut = parse_gpus(CUT, CUT_LISTED)
    assert (whole.devices, cut.is_cut, cut.used) == (["0"], True, None)
    assert cut.devices == [BIG, SMALL]
    [old] = parse_gpus(OLD_DRIVER, OLD_DRIVER_LISTED)
    assert [part.profile for part in old.instances] == ["4g.20gb", "1g.5gb"]
    assert old.devices[1] == "MIG-GPU-9de3d0e8-33f5-10dc-0c79-2c88a7ab0a23/9/0"
    assert parse_gpus(CUT, "")[1].devices == []


@pytest.mark.parametrize(
    ("chosen", "devices"),
    [
        (None, ["0", BIG, SMALL]),
        ("0", ["0"]),
        ("1", [BIG, SMALL]),
        ("GPU-e52dfcc4,0", [BIG, SMALL, "0"]),
        ("GPU-b614723c-e261-4605-066e-79daab4c00ff", ["GPU-b614723c-e261-4605-066e-79daab4c00ff"]),
        (SMALL, [SMALL]),
        ("7", ["7"]),
        ("", []),
        ("-1", []),
        (" 0 , -1 , 1", ["0"]),
    ],
)
def test_cuda_visible_devices_is_honoured_by_index_uuid_and_instance(chosen, devices):
    assert usable(parse_gpus(CUT, CUT_LISTED), chosen) == devices


@pytest.mark.parametrize(
    ("devices", "memory"),
    [
        ("0", 80 * 2**30),
        ("0,1", 16 * 2**30),
        ("GPU-18a3e86f", 16 * 2**30),
        ("2", 0),
        ("0,2", 0),
        ("GPU-", 0),
        ("", 0),
    ],
)
def test_the_memory_of_devices_is_that_of_the_smallest(devices, memory):
    assert device_memory(devices, parse_gpus(TWO, TWO_LISTED)) == memory


def test_an_instance_has_the_memory_of_its_profile():
    gpus = parse_gpus(CUT, CUT_LISTED)
    assert device_memory(BIG, gpus) == 18 * 10**9
    assert device_memory("MIG-ffff", gpus) == 0
    assert device_memory("1", parse_gpus(SICK)) == 0


def test_gpus_in_use_by_others_are_told_with_what_leaves_them_out():
    gpus = parse_gpus(TWO, TWO_LISTED)
    nvidia = Nvidia(gpus=gpus, visible=("0", "1"))
    (told,) = notices(nvidia)
    assert told.startswith("GPU 1 (Tesla V100-SXM2-16GB) is in use already: 13 GB of 17 GB")
    assert "CUDA_VISIBLE_DEVICES=0 leaves it out" in told
    assert list(notices(dataclasses.replace(nvidia, visible=("0",)))) == []
    (chosen,) = notices(dataclasses.replace(nvidia, visible=("GPU-18a3e86f",)))
    assert "no other is visible" in chosen


def test_a_gpu_in_mig_mode_without_instances_is_told():
    uncut = Nvidia(gpus=parse_gpus(CUT, TWO_LISTED), visible=("0",))
    (told,) = notices(uncut)
    assert "GPU 1 (NVIDIA A100-SXM4-80GB) is in MIG mode" in told
    assert list(notices(dataclasses.replace(uncut, is_chosen=True))) == []
