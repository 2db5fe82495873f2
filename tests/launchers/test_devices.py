import pytest

from tuner.errors import InputError
from tuner.launchers.devices import cut_slots, default_slots, visible_gpus

GIB = 2**30


@pytest.mark.parametrize(
    ("value", "names"),
    [("0,2", ["0", "2"]), ("", []), ("-1", []), ("GPU-abc", ["GPU-abc"]), (" 1 , 3 ", ["1", "3"])],
)
def test_an_existing_cuda_visible_devices_is_honoured(value, names):
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": value}) == names


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
