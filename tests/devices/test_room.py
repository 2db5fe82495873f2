"""Memory of a GPU that a slot may use, with a stand-in for `nvidia-smi`."""

import sys

import pytest

from tests.devices.nvidia_texts import CUT, CUT_LISTED
from tuner.devices.gpu_share import BESIDE, share
from tuner.devices.nvidia import parse_gpus
from tuner.devices.room import AvailableMemory, gpu_limit, local_room
from tuner.devices.slots import cut_slots

TOTAL = 81920 * 2**20
SAYS = """\
0, GPU-a, NVIDIA A100-SXM4-80GB, 550.54.15, 81920, 4, Disabled
1, GPU-b, NVIDIA A100-SXM4-80GB, 550.54.15, 81920, 4, Disabled
"""


@pytest.fixture
def nvidia(nvidia_smi):
    """Two GPUs that tell their memory."""
    nvidia_smi(SAYS)


def slots(gpus, per_gpu=1, wanted=None):
    return cut_slots(wanted, gpus, cores=16, memory=2**40, per_gpu=per_gpu)


def test_small_trials_are_packed_on_each_gpu():
    packed = slots(["0", "1"], per_gpu=3)
    names = [slot.environment["CUDA_VISIBLE_DEVICES"] for slot in packed]
    assert names == ["0", "1"] * 3
    assert len(slots([], per_gpu=3)) == 16  # Cores are not packed.


def test_those_that_share_a_gpu_share_its_memory(nvidia):
    packed = slots(["0", "1"], per_gpu=4)
    limits = {gpu_limit(slot, packed) for slot in packed}
    assert limits == {TOTAL // 4 - BESIDE}
    assert local_room(packed) == AvailableMemory(bytes=limits.pop(), on_host=False)


def test_one_that_has_its_gpu_for_itself_takes_what_it_needs(nvidia):
    alone = slots(["0", "1"])
    assert {gpu_limit(slot, alone) for slot in alone} == {None}


def test_a_mig_instance_has_the_room_of_its_profile(nvidia_smi):
    nvidia_smi(CUT, CUT_LISTED)
    big, small = parse_gpus(CUT, CUT_LISTED)[1].devices
    assert local_room(slots([big, small])) == AvailableMemory(bytes=17 * 10**9, on_host=False)
    assert gpu_limit(*[slots([big])[0], slots([big], per_gpu=2)]) == 8 * 10**9


def test_without_a_gpu_or_its_word_there_is_no_limit(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "pynvml", None)
    for machine in (slots([], wanted=2), slots(["0"], per_gpu=2)):
        assert {gpu_limit(slot, machine) for slot in machine} == {None}


@pytest.mark.parametrize(
    ("gigabytes", "workers", "each"), [(80, 1, 79), (80, 8, 9), (8, 4, 1), (8, 8, 0.5), (0, 3, 0)]
)
def test_each_worker_has_room_beside_its_share(gigabytes, workers, each):
    assert share(gigabytes * 10**9, workers) == each * 10**9
