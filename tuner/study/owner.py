"""Who runs a trial: an agent's identity, and whether that agent is known to be gone."""

import os
import socket
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

SAME_START = 1.0
"""Seconds between two readings of one process's start; a reused process id differs by more."""

_START_TIME = 19
"""Place of `starttime` in /proc/PID/stat behind the command's name; see proc(5)."""

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_PROCESSES = Path("/proc/self/ns/pid")


def identity() -> dict[str, Any]:
    """Who we are, so that another agent can see whether we still live.

    `machine` says where process ids mean the same: the machine since it started, and the
    container. Host names alone repeat, in clones and in containers. `ticks` is when the process
    started on the kernel's own clock; `started` moves when the machine's clock is set, as after a
    laptop's sleep.
    """
    process = psutil.Process()
    return {
        "host": socket.gethostname(),
        "machine": _machine(),
        "pid": process.pid,
        "started": process.create_time(),
        "ticks": _start_ticks(process.pid),
        "agent": uuid.uuid4().hex[:12],
    }


def gone(owner: Mapping[str, Any], me: Mapping[str, Any]) -> bool:
    """Whether an agent is known to have ended; of other machines we can not know.

    Args:
        owner: Its identity.
        me: The identity of who asks. Another study of its process was left without an end.
    """
    if owner["agent"] == me["agent"]:
        return False
    if (owner["host"], owner["machine"]) != (me["host"], me["machine"]):
        return False
    if owner["pid"] == me["pid"]:
        return True
    try:
        return not _is_same_process(owner, psutil.Process(owner["pid"]))
    except psutil.NoSuchProcess:
        return True
    except psutil.Error:
        return False


def _is_same_process(owner: Mapping[str, Any], found: psutil.Process) -> bool:
    ticks = _start_ticks(found.pid)
    if ticks is not None and owner.get("ticks") is not None:
        return bool(ticks == owner["ticks"])
    return abs(found.create_time() - float(owner["started"])) < SAME_START


def is_lost(owner: Mapping[str, Any], me: Mapping[str, Any], is_silent: bool) -> bool:
    """Whether an agent's trials are free: it is gone, or another one that is silent for too long.

    Args:
        owner: Its identity.
        me: The identity of who asks.
        is_silent: Whether it gave no sign of life for too long.
    """
    return (is_silent and owner["agent"] != me["agent"]) or gone(owner, me)


def _start_ticks(pid: int) -> int | None:
    """Clock ticks from the machine's start to a process's; None where the system does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        return int(fields.rpartition(")")[2].split()[_START_TIME])
    except (OSError, ValueError, IndexError):
        return None


def _machine() -> str:
    found = []
    with suppress(OSError):
        found.append(_BOOT.read_text(encoding="ascii").strip())
    with suppress(OSError):
        found.append(os.readlink(_PROCESSES))  # noqa: PTH115  (it names no path)
    return " ".join(found)
