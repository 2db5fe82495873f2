"""A Ray cluster as the agent finds it: where it answers, and what its nodes have."""

import logging
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import ray
from ray.exceptions import RayError

from tuner.core.cluster import Resources, capacity, demand, most_gpus
from tuner.core.settings import LauncherSettings
from tuner.errors import InputError
from tuner.launchers.devices import WORKER_MEMORY

CONNECT_SECONDS = 10.0
"""For a cluster's head to take a connection; Ray itself would try for minutes."""


def connect(address: str | None) -> None:
    """Connects this process to a cluster, or starts a Ray of this machine alone.

    Args:
        address: `launcher.address`; the environment's RAY_ADDRESS stands in for null and `auto`.

    Raises:
        InputError: There is no cluster.
    """
    chosen = address if address not in (None, "auto") else os.environ.get("RAY_ADDRESS") or address
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    root = Path(__file__).parents[2]  # Where `tuner` is imported from, workers' processes too.
    try:
        _await_head(chosen)
        ray.init(
            address=chosen or "local",
            include_dashboard=False if chosen is None else None,
            runtime_env={"env_vars": {"PYTHONPATH": f"{root}{os.pathsep}${{PYTHONPATH}}"}},
            logging_level=logging.ERROR,
            log_to_driver=False,
        )
    except (OSError, RuntimeError, ValueError, RayError) as error:
        raise InputError(
            f"no Ray cluster answers: {error}",
            where=f"launcher.address={chosen or 'null'}",
            remedy="ray start --head on one node and ray start --address=HOST:6379 on the "
            "others, then HOST:6379; null for a Ray of this machine alone",
        ) from error


def _await_head(address: str | None) -> None:
    """Raises OSError or ValueError where nothing listens at an address with a port."""
    if address in (None, "auto", "local"):
        return
    parts = urlsplit(address if "://" in address else f"ray://{address}")
    with socket.create_connection((parts.hostname or "", parts.port or 0), CONNECT_SECONDS):
        pass


def living_nodes() -> list[Resources]:
    """What the nodes of the cluster have, whether it is taken or not."""
    found = [node["Resources"] for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
    return [
        Resources(
            cpus=has.get("CPU", 0.0), gpus=has.get("GPU", 0.0), memory=int(has.get("memory", 0))
        )
        for has in found
    ]


def trial_resources(
    nodes: Sequence[Resources], settings: LauncherSettings, devices: int
) -> Resources:
    """What each trial is given.

    Raises:
        InputError: No node has that.
    """
    most = max(1, most_gpus(nodes))
    if devices > most:
        raise InputError(
            f"training.devices is {devices}, and no node of the Ray cluster has more than {most}",
            where="training.devices",
            remedy=f"1 to {most}, and a larger training.batch_size or "
            "training.accumulation_steps for the same effective batch",
        )
    if devices > 1 and settings.trials_per_gpu > 1:
        raise InputError(
            f"Ray shares single GPUs, and training.devices is {devices}",
            where=f"launcher.trials_per_gpu={settings.trials_per_gpu}",
            remedy="1 for either",
        )
    trial = demand(
        nodes,
        cpus=settings.cpus_per_trial,
        memory=0 if settings.slots else WORKER_MEMORY,
        devices=devices,
        per_gpu=settings.trials_per_gpu,
    )
    if not settings.slots and capacity(nodes, trial) == 0:
        raise InputError(
            f"no node of the Ray cluster has {trial.cpus} cores{' and a GPU' * bool(trial.gpus)}",
            where=f"launcher.cpus_per_trial={settings.cpus_per_trial}",
            remedy="fewer; launcher.slots=N for a cluster whose nodes are still to come",
        )
    return trial
