"""Limits of containers: from the files that the kernel shows, and where we may from a real one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tuner.devices.cgroups import cpu_limit, free_memory, oom_kills
from tuner.devices.host import host_memory, usable_cores

GIB = 2**30
V2 = "31 23 0:26 {root} /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = (
    "32 31 0:29 {root} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 {root} /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
)


def machine(root, mounts, groups, files):
    """Files as the kernel shows them."""
    texts = {"proc/self/mountinfo": mounts, "proc/self/cgroup": groups}
    for name, text in {**texts, **{f"sys/fs/cgroup/{k}": v for k, v in files.items()}}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_a_container_with_version_2_sees_its_own_group_as_the_top(tmp_path):
    root = machine(
        tmp_path,
        V2.format(root="/"),
        "0::/\n",
        {
            "cpu.max": "50000 100000\n",
            "memory.max": f"{4 * GIB}\n",
            "memory.current": f"{GIB}\n",
            "memory.stat": f"anon 5\ninactive_file {GIB // 2}\n",
            "memory.events": "low 0\noom 1\noom_kill 3\n",
        },
    )
    assert cpu_limit(root) == 0.5
    assert free_memory(root) == 4 * GIB - GIB // 2
    assert oom_kills(root) == 3


def test_groups_above_limit_too(tmp_path):
    root = machine(
        tmp_path,
        V2.format(root="/"),
        "0::/system.slice/job/step\n",
        {
            "system.slice/job/step/cpu.max": "max 100000\n",
            "system.slice/job/cpu.max": "400000 100000\n",
            "system.slice/cpu.max": "6400000 100000\n",
            "system.slice/job/step/memory.max": "max\n",
            "system.slice/job/step/memory.current": "5\n",
            "system.slice/job/memory.max": "max\n",
            "system.slice/job/memory.high": "1000\n",
            "system.slice/job/memory.current": "400\n",
            "system.slice/memory.max": f"{GIB}\n",
            "system.slice/memory.current": "400\n",
        },
    )
    assert cpu_limit(root) == 4.0
    assert free_memory(root) == 600


@pytest.mark.parametrize(
    ("mounted", "own"), [("/docker/abc", "/docker/abc"), ("/", "/docker/abc"), ("/x", "/../y")]
)
def test_a_container_with_version_1(tmp_path, mounted, own):
    root = machine(
        tmp_path,
        V1.format(root=mounted),
        f"4:cpu,cpuacct:{own}\n7:memory:{own}\n0::/elsewhere\n",
        {
            "cpu,cpuacct/cpu.cfs_quota_us": "150000\n",
            "cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            "memory/memory.limit_in_bytes": f"{4 * GIB}\n",
            "memory/memory.usage_in_bytes": f"{3 * GIB}\n",
            "memory/memory.stat": f"inactive_file 1\ntotal_inactive_file {GIB}\n",
            "memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
        },
    )
    assert cpu_limit(root) == 1.5
    assert free_memory(root) == 2 * GIB
    assert oom_kills(root) == 2


@pytest.mark.parametrize(
    ("mounts", "groups", "files"),
    [
        ("", "", {}),
        (V2.format(root="/"), "0::/\n", {"cpu.max": "max 100000\n", "memory.max": "max\n"}),
        (
            V1.format(root="/"),
            "4:cpu,cpuacct:/\n7:memory:/\n",
            {
                "cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
                "cpu,cpuacct/cpu.cfs_period_us": "100000\n",
                "memory/memory.limit_in_bytes": "9223372036854771712\n",
                "memory/memory.usage_in_bytes": "4096\n",
            },
        ),
    ],
)
def test_without_a_limit_there_is_none(tmp_path, mounts, groups, files):
    root = machine(tmp_path, mounts, groups, files)
    assert cpu_limit(root) is None
    assert free_memory(root) is None
    assert oom_kills(root) == 0


def test_half_a_core_is_one_slot_and_memory_counts(monkeypatch):
    monkeypatch.setattr("tuner.devices.host.cpu_limit", lambda: 0.5)
    monkeypatch.setattr("tuner.devices.host.free_memory", lambda: 7)
    assert usable_cores() == 1
    assert host_memory() == 7
    monkeypatch.setattr("tuner.devices.host.free_memory", lambda: 0)
    assert host_memory() == 0


@pytest.fixture
def half_a_core():
    """A real group with half a core; what joins a process to it."""
    for top, quota in (
        ("cpu", "cpu.cfs_quota_us"),
        ("cpu,cpuacct", "cpu.cfs_quota_us"),
        ("", "cpu.max"),
    ):
        folder = Path("/sys/fs/cgroup") / top / f"tuner-test-{os.getpid()}"
        try:
            folder.mkdir()
            (folder / quota).write_text("50000" if top else "50000 100000")
        except OSError:
            if folder.is_dir():
                folder.rmdir()
            continue
        yield folder / "cgroup.procs"
        folder.rmdir()
        return
    pytest.skip("control groups cannot be made here: not allowed, or no cpu controller")


def test_the_limit_of_a_real_group_is_read(half_a_core):
    code = (
        f"open({str(half_a_core)!r}, 'w').write('0')\n"
        "from tuner.devices.slots import local_slots\n"
        "from tuner.devices.host import usable_cores\n"
        "print(usable_cores(), len(local_slots(None)), local_slots(None)[0].threads)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env=os.environ | {"CUDA_VISIBLE_DEVICES": "-1"},
    )  # fmt: skip
    assert done.stdout.split() == ["1", "1", "1"]
