"""When Slurm ends the job that we are in."""

import os
from datetime import datetime

import pytest

from tuner.devices.allocation import allocation_end, granted_cores, granted_memory
from tuner.devices.host import host_memory, usable_cores

END = datetime.fromisoformat("2030-01-02T03:04:05").timestamp()


@pytest.fixture
def squeue(tmp_path, monkeypatch):
    def answers(text, code=0):
        program = tmp_path / "squeue"
        program.write_text(f"#!/bin/sh\n[ \"$3\" = 17 ] && echo '{text}'\nexit {code}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    return answers


def test_outside_of_a_job_nothing_ends(squeue):
    squeue("2030-01-02T03:04:05")
    assert allocation_end({}) is None


def test_slurm_is_asked(squeue):
    squeue("2030-01-02T03:04:05")
    assert allocation_end({"SLURM_JOB_ID": "17", "SLURM_JOB_END_TIME": "1"}) == END


def test_a_job_without_a_limit_does_not_end(squeue):
    squeue("N/A")
    assert allocation_end({"SLURM_JOB_ID": "17"}) is None


def test_where_slurm_does_not_answer_the_environment_tells(squeue):
    squeue("", code=1)
    told = {"SLURM_JOB_ID": "17", "SLURM_JOB_END_TIME": str(END)}
    assert allocation_end(told) == END
    assert allocation_end({"SLURM_JOB_ID": "17"}) is None


@pytest.mark.parametrize(
    ("environment", "cores", "memory"),
    [
        ({}, None, None),
        ({"SLURM_CPUS_PER_TASK": "4", "SLURM_MEM_PER_NODE": "2048"}, 4, 2**31),
        ({"SLURM_CPUS_PER_TASK": "", "SLURM_MEM_PER_NODE": "0"}, None, None),
    ],
)
def test_a_job_has_what_slurm_gave_it(environment, cores, memory):
    assert granted_cores(environment) == cores
    assert granted_memory(environment) == memory


def test_slots_keep_within_what_slurm_gave(monkeypatch):
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "1")
    monkeypatch.setenv("SLURM_MEM_PER_NODE", "100")
    assert usable_cores() == 1
    assert host_memory() == 100 * 2**20
