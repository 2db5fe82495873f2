"""Identity of an agent, and whether an agent is known to be gone."""

import os
import socket
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

SAME_START = 1.0
"""Seconds by which two readings of one process's start may differ; a reused process id differs
more.
"""

_START_TIME = 19
"""Index of `starttime` in /proc/PID/stat behind the command's name; see proc(5)."""

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_PROCESSES = Path("/proc/self/ns/pid")


def identity() -> dict[str, Any]:
    """Return this agent's identity, by which other agents can see whether it is alive.

    `machine` identifies where process ids are comparable: the machine since it booted, and the
    container; host names repeat in clones and containers. `ticks` is the start of the process on
    the kernel's own clock; `started` moves when the machine's clock is set, for example after a
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


def has_ended(owner: Mapping[str, Any], me: Mapping[str, Any]) -> bool:
    """Return True if an agent is known to have ended; on other machines it cannot be known.

    Args:
        owner: Identity of the agent.
        me: Identity of this agent; another study of the same process was left without an end.
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


def is_orphaned(owner: Mapping[str, Any], me: Mapping[str, Any], is_silent: bool) -> bool:
    """Return True if an agent's trials may be requeued: it has ended, or was silent for too long.

    Args:
        owner: Identity of the agent.
        me: Identity of this agent, whose own silence never counts.
        is_silent: True if the agent's last heartbeat is too old.
    """
    return (is_silent and owner["agent"] != me["agent"]) or has_ended(owner, me)


def _start_ticks(pid: int) -> int | None:
    """Return the clock ticks from boot to a process's start; None if the system does not say."""
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
