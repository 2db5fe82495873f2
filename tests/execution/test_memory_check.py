import sys
from dataclasses import replace

import pytest

from tests.records import settings
from tests.tiny_checkpoints import write_checkpoint
from tuner.checkpoints import inspect, locate
from tuner.devices.gpu_share import share
from tuner.devices.host import host_memory
from tuner.devices.room import AvailableMemory, gpu_memory, local_room
from tuner.devices.slots import Slot
from tuner.errors import InputError
from tuner.execution.memory_check import memory_lines, with_batch_size
from tuner.settings.settings import ModelSettings

GB = 10**9


@pytest.fixture
def trial(tmp_path):
    checkpoint = write_checkpoint(tmp_path / "bert")

    def make(length=64, **training):
        model = ModelSettings(checkpoint=str(checkpoint), max_length=length)
        return replace(settings(**training), model=model)

    return make


def shape_of(trial):
    return inspect(locate(trial.model)).family.shape


def test_a_number_stays_and_auto_becomes_one(trial):
    room = AvailableMemory(bytes=GB, on_host=False)
    assert with_batch_size(trial(batch_size=24), None, shape_of) == trial(batch_size=24)
    found = with_batch_size(trial(batch_size=0, effective_batch_size=48), room, shape_of)
    assert (found.training.batch_size, found.training.accumulation_steps) == (48, 1)
    large = trial(batch_size=0, effective_batch_size=4096)
    found = with_batch_size(large, AvailableMemory(bytes=GB, on_host=False), shape_of)
    assert 1 < found.training.batch_size < 4096
    assert found.effective_batch_size == 4096
    less = with_batch_size(large, AvailableMemory(bytes=GB // 4, on_host=False), shape_of)
    assert less.training.batch_size < found.training.batch_size
    with pytest.raises(InputError, match="memory of the GPU"):
        with_batch_size(large, None, shape_of)


def test_the_largest_trial_is_told_part_by_part(trial):
    variants = [trial(batch_size=8), trial(batch_size=256), trial(batch_size=256, length=32)]
    (line,) = memory_lines(variants, AvailableMemory(bytes=40 * GB, on_host=True), shape_of)
    assert " of 40.0 GB available (program " in line
    assert line.endswith("training.batch_size=256 model.max_length=64")
    assert all(f", {part} " in line for part in ("weights", "optimizer", "gradients"))
    _, warning = memory_lines(variants, AvailableMemory(bytes=GB // 100, on_host=False), shape_of)
    assert warning.startswith("warning: ")
    (unknown,) = memory_lines(variants, None, shape_of)
    assert "available" not in unknown


def test_slots_share_the_machines_memory():
    slots = [
        Slot(index=i, environment={"CUDA_VISIBLE_DEVICES": "-1"}, threads=1) for i in range(4)
    ]
    room = local_room(slots)
    assert room.on_host
    assert 0 < room.bytes <= host_memory() / 2


SIZES = (81559, 40960)
"""Mebibytes of two GPUs."""


def test_a_gpu_that_does_not_tell_is_unknown(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "pynvml", None)
    slot = Slot(index=0, environment={"CUDA_VISIBLE_DEVICES": "0"}, threads=1)
    assert local_room([slot]) is None
    tool = tmp_path / "nvidia-smi"
    rows = (f"{index}, GPU-{index}, X, 550, {size}, 0, [N/A]" for index, size in enumerate(SIZES))
    tool.write_text("#!/bin/sh\n" + "".join(f"echo {row}\n" for row in rows))
    tool.chmod(0o755)
    assert gpu_memory("0,1") == 40960 * 2**20
    assert local_room([slot, slot]).bytes == share(81559 * 2**20, 2)
    tool.write_text("#!/bin/sh\necho '[N/A]'\n")
    assert local_room([slot]) is None
