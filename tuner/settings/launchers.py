"""Keys that a single launcher knows."""

from collections.abc import Mapping

_SLURM = (
    "agents", "partition", "account", "constraint", "gpus_per_node", "cpus_per_node", "memory",
    "time_limit", "options", "setup", "dry_run",
)  # fmt: skip

LAUNCHERS: Mapping[str, tuple[str, ...]] = {
    "local": (),
    "debug": (),
    "ray": ("address", "cpus_per_trial"),
    "slurm": _SLURM,
}
"""Launcher to the keys of `launcher` that it alone knows."""
