"""Resources that a cluster's scheduler gave this process: cores, memory, end time."""

import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime

from tuner.devices.scheduler import own_job

ASK_SECONDS = 10.0


def granted_cores(environment: Mapping[str, str]) -> int | None:
    """Cores that Slurm has given this process; None outside of a job, or where it does not say.

    Sites without cgroups let a process see all cores of its node.
    """
    return _number(environment, "SLURM_CPUS_PER_TASK")


def granted_memory(environment: Mapping[str, str]) -> int | None:
    """Bytes of memory that Slurm has given this job on this node; None: see `granted_cores`."""
    megabytes = _number(environment, "SLURM_MEM_PER_NODE")
    return None if megabytes is None else megabytes * 2**20


def _number(environment: Mapping[str, str], name: str) -> int | None:
    value = environment.get(name, "")
    return int(value) if value.isdigit() and int(value) > 0 else None


def allocation_end(environment: Mapping[str, str]) -> float | None:
    """When Slurm ends the job that this process belongs to.

    Slurm itself is asked first, since a limit may be raised while a job runs; newer versions also
    tell it in SLURM_JOB_END_TIME.

    Args:
        environment: Environment variables of the process.

    Returns:
        Seconds since the epoch; None outside of a job, or of one without a limit.
    """
    job = own_job(environment)
    if job is None:
        return None
    with suppress(OSError, subprocess.SubprocessError):
        command = ("squeue", "--noheader", "--jobs", job, "--format", "%e")
        output = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=ASK_SECONDS
        ).stdout
        for line in output.splitlines():
            with suppress(ValueError):  # `N/A`: it has no limit.
                return datetime.fromisoformat(line.strip()).timestamp()
    with suppress(KeyError, ValueError):
        return float(environment["SLURM_JOB_END_TIME"])
    return None


def seconds_left(environment: Mapping[str, str]) -> float | None:
    """Seconds until the allocation ends; see `allocation_end`."""
    end = allocation_end(environment)
    return None if end is None else end - time.time()
