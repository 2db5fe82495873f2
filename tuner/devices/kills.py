"""Number of processes that the kernel ended because memory ran out."""

from pathlib import Path

from tuner.devices import cgroups

_VMSTAT = Path("/proc/vmstat")


def oom_kills() -> int:
    """Count for our control group and the machine so far; only differences are meaningful.

    Returns:
        Their sum; 0 where the system does not tell.
    """
    return cgroups.oom_kills() + _count(_VMSTAT)


def _count(file: Path) -> int:
    try:
        lines = file.read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
