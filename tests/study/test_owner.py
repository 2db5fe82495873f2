"""Recognition of agents that have ended."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tuner.study.owner import has_ended, identity


@pytest.fixture
def other():
    """Identity of another agent, whose process lives."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    ticks = int(Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[19])
    yield identity() | {"agent": "other", "pid": process.pid, "ticks": ticks}
    process.communicate(b"\n")


def test_a_living_agent_is_not_gone_after_the_machines_clock_was_set(other):
    """As after a laptop's sleep: the start that was read before differs from the one read now."""
    assert not has_ended(other | {"started": other["started"] - 3600.0}, identity())


def test_a_process_that_took_over_a_number_is_another_one(other):
    assert has_ended(other | {"ticks": other["ticks"] - 1}, identity())
    assert has_ended(other | {"pid": 2**22 - 1}, identity())


def test_an_agent_that_wrote_no_ticks_is_told_by_its_start(other):
    """As agents of earlier versions."""
    before = {key: value for key, value in other.items() if key != "ticks"}
    before["started"] = psutil.Process(other["pid"]).create_time()
    assert not has_ended(before, identity())
    assert has_ended(before | {"started": before["started"] - 10.0}, identity())


def test_we_are_not_gone():
    me = identity()
    assert me["pid"] == os.getpid()
    assert not has_ended(me, me)
