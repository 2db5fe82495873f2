"""Limits of the control groups that this process runs in: a container's, or a scheduler's.

Versions 1 and 2 are read, the group itself and all groups above it that can be seen.
Source: https://docs.kernel.org/admin-guide/cgroup-v2.html, .../cgroup-v1/.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_NONE = 2**60
"""Bytes; version 1 writes about 2^63 for no limit."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """One control group."""

    folder: Path
    """Folder of its files."""

    is_second: bool
    """True for version 2."""


def own_groups(controller: str, root: Path = Path("/")) -> Iterator[Group]:
    """Yield the groups of a controller that limit this process, the innermost first.

    Args:
        controller: `cpu` or `memory`.
        root: Folder of `proc` and `sys`.
    """
    paths = _own_paths(root)
    for mount in _mounts(root):
        if mount.kind == "cgroup2":
            path = paths.get("")
        elif controller in mount.options:
            path = paths.get(controller)
        else:
            continue
        if path is None:
            continue
        top = root / mount.point.lstrip("/")
        folder = top / _below(path, mount.root)
        if not folder.is_dir():  # The path is that of the host; only our own part is mounted.
            folder = top
        for each in (folder, *folder.parents):
            yield Group(folder=each, is_second=mount.kind == "cgroup2")
            if each == top:
                break


def cpu_limit(root: Path = Path("/")) -> float | None:
    """CPU time that all processes of our groups may use together, in cores; None: no limit."""
    limits = [limit for group in own_groups("cpu", root) if (limit := _cores(group)) is not None]
    return min(limits, default=None)


def free_memory(root: Path = Path("/")) -> int | None:
    """Bytes that are left in our groups; None: no limit.

    What the kernel can drop, file contents that were not read lately, counts as free.
    """
    found = [free for group in own_groups("memory", root) if (free := _free(group)) is not None]
    return min(found, default=None)


def oom_kills(root: Path = Path("/")) -> int:
    """Number of processes of our own groups that the kernel ended because memory ran out."""
    kills = 0
    for group in own_groups("memory", root):
        name = "memory.events" if group.is_second else "memory.oom_control"
        kills = max(kills, _table(group.folder / name).get("oom_kill", 0))
    return kills


@dataclass(frozen=True, kw_only=True)
class _Mount:
    """A mounted hierarchy; `root` is the group at its mount point."""

    root: str
    point: str
    kind: str
    options: tuple[str, ...]


def _mounts(root: Path) -> Iterator[_Mount]:
    for line in _text(root / "proc/self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        fields, described = before.split(), after.split()
        if len(fields) > 4 and described and described[0] in ("cgroup", "cgroup2"):  # noqa: PLR2004
            yield _Mount(
                root=_unescaped(fields[3]),
                point=_unescaped(fields[4]),
                kind=described[0],
                options=tuple(described[-1].split(",")),
            )


def _own_paths(root: Path) -> dict[str, str]:
    """Controller to the path of its group; version 2 has the controller ''."""
    paths = {}
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        for controller in controllers.split(","):
            paths[controller] = path
    return paths


def _below(path: str, top: str) -> str:
    """The path relative to the group that is mounted; empty where it is not below it."""
    if top not in ("/", path) and not path.startswith(f"{top}/"):
        return ""
    below = path.removeprefix(top).strip("/")
    return "" if ".." in below.split("/") else below


def _unescaped(text: str) -> str:
    r"""A path of mountinfo, in which a blank is written as `\040`."""
    return text.encode("latin-1", "backslashreplace").decode("unicode_escape")


def _cores(group: Group) -> float | None:
    if group.is_second:
        quota, _, period = _text(group.folder / "cpu.max").strip().partition(" ")
    else:
        quota = _text(group.folder / "cpu.cfs_quota_us").strip()
        period = _text(group.folder / "cpu.cfs_period_us").strip()
    if not (quota.isdigit() and period.isdigit() and int(period)):  # `max`, -1, or no file.
        return None
    return int(quota) / int(period)


def _free(group: Group) -> int | None:
    names: tuple[str, ...]
    if group.is_second:
        names, used, idle = ("memory.max", "memory.high"), "memory.current", "inactive_file"
    else:
        names, used, idle = (
            ("memory.limit_in_bytes",), "memory.usage_in_bytes", "total_inactive_file",
        )  # fmt: skip
    numbers = [_number(group.folder / name) for name in names]
    limit = min((number for number in numbers if number is not None), default=_NONE)
    taken = _number(group.folder / used)
    if limit >= _NONE or taken is None:
        return None
    droppable = _table(group.folder / "memory.stat").get(idle, 0)
    return max(0, limit - max(0, taken - droppable))


def _number(file: Path) -> int | None:
    text = _text(file).strip()
    return int(text) if text.isdigit() else None


def _table(file: Path) -> dict[str, int]:
    """Lines of a name and a number."""
    pairs = (line.split() for line in _text(file).splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}  # noqa: PLR2004


def _text(file: Path) -> str:
    """A file of the kernel; empty where there is none."""
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
