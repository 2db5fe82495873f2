import sys

import pytest

from tests.devices.nvidia_texts import CUT, CUT_LISTED, TWO
from tests.doctor.test_health import ON_CPU
from tuner.devices.nvidia import Nvidia
from tuner.devices.slots import cut_slots, default_slots, find_nvidia, local_slots
from tuner.doctor.gpus import gpu_lines
from tuner.errors import InputError

GIB = 2**30


def test_gpus_in_use_are_told_before_trials_start_there(nvidia_smi):
    nvidia_smi(TWO)
    told = []
    assert len(local_slots(None, notice=told.append)) == 2
    assert len(told) == 1
    assert "CUDA_VISIBLE_DEVICES=0 leaves it out" in told[0]


SLICES = ["MIG-a", "MIG-b"]


def test_what_the_driver_shows_is_visible_unless_somebody_chose(nvidia_smi):
    nvidia_smi(CUT, CUT_LISTED)
    found = find_nvidia({})
    assert (len(found.gpus), found.is_chosen, found.error) == (2, False, "")
    assert [len(name) > 1 for name in found.visible] == [False, True, True]
    assert find_nvidia({"CUDA_VISIBLE_DEVICES": "0"}).visible == ("0",)
    assert find_nvidia({"CUDA_VISIBLE_DEVICES": ""}).visible == ()


def test_a_driver_that_fails_says_why(nvidia_smi):
    nvidia_smi("NVIDIA-SMI has failed because it couldn't communicate with the driver.\n", code=9)
    assert find_nvidia({}).error.startswith("NVIDIA-SMI has failed")
    nvidia_smi("No devices were found\n")
    assert find_nvidia({}).error == "No devices were found"


def test_without_a_driver_what_is_chosen_holds(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert find_nvidia({}) == Nvidia()
    chosen = find_nvidia({"CUDA_VISIBLE_DEVICES": " 1 , GPU-abc "})
    assert chosen.visible == ("1", "GPU-abc")


def test_tensorflow_does_not_see_what_the_driver_shows(nvidia_smi):
    nvidia_smi(TWO)
    assert gpu_lines(find_nvidia({}), ON_CPU, "pip install")[-1].text == "TensorFlow sees 0 of 2"
    chosen = find_nvidia({"CUDA_VISIBLE_DEVICES": "1"})
    said = "TensorFlow sees 0 of 1 (CUDA_VISIBLE_DEVICES=1)"
    assert gpu_lines(chosen, ON_CPU, "pip install")[-1].text == said


def test_each_mig_instance_is_a_slot_and_takes_no_trial_with_several_devices():
    slots = cut_slots(None, ["0", *SLICES], cores=8, memory=64 * GIB)
    assert [slot.environment["CUDA_VISIBLE_DEVICES"] for slot in slots] == ["0", *SLICES]
    slots = cut_slots(None, ["0", *SLICES, "3"], cores=8, memory=64 * GIB, devices=2)
    assert [slot.environment["CUDA_VISIBLE_DEVICES"] for slot in slots] == ["0,3"]
    with pytest.raises(InputError, match="one MIG instance at a time") as refused:
        cut_slots(None, SLICES, cores=8, memory=64 * GIB, devices=2)
    assert refused.value.remedy.startswith("training.devices=1")


@pytest.mark.parametrize(
    ("gpus", "cores", "memory", "slots"),
    [
        (4, 64, 512 * GIB, 4),
        (0, 2, 24 * GIB, 2),
        (0, 16, 12 * GIB, 4),
        (0, 4, 1 * GIB, 1),
    ],
)
def test_default_slots(gpus, cores, memory, slots):
    assert default_slots(gpus, cores, memory) == slots


def test_each_gpu_slot_sees_its_own_device():
    slots = cut_slots(None, ["3", "5"], cores=8, memory=64 * GIB)
    assert [slot.environment["CUDA_VISIBLE_DEVICES"] for slot in slots] == ["3", "5"]
    assert [slot.threads for slot in slots] == [4, 4]


def test_slots_beyond_the_gpus_share_them():
    slots = cut_slots(3, ["0", "1"], cores=8, memory=64 * GIB)
    assert [slot.environment["CUDA_VISIBLE_DEVICES"] for slot in slots] == ["0", "1", "0"]


def test_cpu_slots_share_the_cores_and_see_no_gpu():
    slots = cut_slots(2, [], cores=4, memory=64 * GIB)
    assert [(slot.threads, slot.environment["CUDA_VISIBLE_DEVICES"]) for slot in slots] == [
        (2, "-1"),
        (2, "-1"),
    ]


def test_more_slots_than_cores_still_get_a_thread():
    assert [slot.threads for slot in cut_slots(5, [], cores=2, memory=GIB)] == [1] * 5


def test_a_slot_has_as_many_gpus_as_a_trial_takes():
    def seen(wanted, gpus, devices):
        slots = cut_slots(wanted, gpus, cores=8, memory=64 * GIB, devices=devices)
        return [slot.environment["CUDA_VISIBLE_DEVICES"] for slot in slots]

    assert seen(None, ["0", "1", "2", "3"], 2) == ["0,1", "2,3"]
    assert seen(None, ["0", "1", "2", "3", "4"], 2) == ["0,1", "2,3"]
    assert seen(3, ["5", "6", "7", "8"], 2) == ["5,6", "7,8", "5,6"]
    assert seen(1, ["0", "1", "2", "3"], 2) == ["0,1"]
    assert seen(None, ["0", "1", "2"], 3) == ["0,1,2"]


@pytest.mark.parametrize("gpus", [[], ["0", "1"]])
@pytest.mark.parametrize("devices", [0, 4])
def test_more_gpus_than_there_are_is_said(gpus, devices):
    said = f"training.devices is {devices}, and this machine shows {len(gpus)} GPUs"
    with pytest.raises(InputError, match=said):
        cut_slots(None, gpus, cores=8, memory=64 * GIB, devices=devices)
