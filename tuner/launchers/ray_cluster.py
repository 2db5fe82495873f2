"""A Ray cluster as the agent finds it: where it answers, and what its nodes have."""

import logging
import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import ray
from ray.exceptions import RayError

from tuner.devices.host import usable_cores
from tuner.devices.slots import WORKER_MEMORY
from tuner.errors import InputError
from tuner.launchers.ray_address import RayAddress, Source, choose
from tuner.launchers.ray_capacity import Resources, capacity, demand, most_gpus
from tuner.launchers.ray_settings import RaySettings

CONNECT_SECONDS = 10.0
"""For a cluster's head to take a connection; Ray itself would try for minutes."""


def connect(address: str | None, notice: Callable[[str], None]) -> None:
    """Connect this process to a cluster, or start a Ray of this machine alone.

    A Ray started here ends with `ray.shutdown`, or else with this process.

    Args:
        address: `launcher.address`; see `tuner.launchers.ray_address.choose`.
        notice: Receives a line if `auto` finds no cluster and a Ray is started.

    Raises:
        InputError: No cluster answers at the address, or no Ray can be started.
    """
    chosen = choose(address, os.environ.get("RAY_ADDRESS"), running_cluster)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    root = Path(__file__).parents[2]  # Where `tuner` is imported from, workers' processes too.
    if not chosen.is_local and chosen.source is not Source.SEARCH:  # What was found answered.
        _check_reachable(chosen)
    try:
        ray.init(
            address=_argument(chosen),
            num_cpus=usable_cores() if chosen.is_local else None,
            include_dashboard=False if chosen.is_local else None,
            runtime_env={"env_vars": {"PYTHONPATH": f"{root}{os.pathsep}${{PYTHONPATH}}"}},
            logging_level=logging.ERROR,
            log_to_driver=False,
        )
    except (OSError, RuntimeError, ValueError, RayError) as error:
        raise _not_started(error) if chosen.is_local else _not_joined(chosen, error) from error
    if chosen.is_local and chosen.source is Source.SEARCH:
        notice(
            "No Ray cluster is running here: started a Ray of this machine alone, which stops "
            "with this command"
        )


def _argument(chosen: RayAddress) -> str | None:
    """Return what `ray.init` takes; with None it joins the cluster of `ray start` by itself.

    Only then does it send the token that a cluster with token authentication asks for.
    """
    found = chosen.source is Source.SEARCH and not chosen.is_local
    return None if found else chosen.address


def _check_reachable(chosen: RayAddress) -> None:
    """Raise InputError if nothing listens at an address."""
    try:
        _await_head(chosen.address)
    except (OSError, ValueError) as error:
        raise InputError(
            f"no Ray cluster answers at {chosen.address}: {error}",
            where=chosen.where,
            remedy="`ray start --head` on one node and `ray start --address=HOST:6379` on the "
            "others, then launcher.address=HOST:6379; launcher.address=local for a Ray of this "
            "machine alone",
        ) from error


def _not_joined(chosen: RayAddress, error: Exception) -> InputError:
    return InputError(
        f"the Ray cluster at {chosen.address} cannot be joined: {error}",
        where=chosen.where,
        remedy="RAY_AUTH_MODE=token in the environment and the cluster's token in "
        f"~/.ray/auth_token, if it asks for one; Ray {ray.__version__} and the Python of this "
        "command on all nodes; launcher.address=local for a Ray of this machine alone",
    )


def _not_started(error: Exception) -> InputError:
    return InputError(
        f"a Ray of this machine alone cannot be started: {error}",
        where="launcher=ray",
        remedy="launcher=local, which needs no Ray",
    )


def running_cluster() -> str | None:
    """Return the address of the cluster that `ray start` made this machine a node of.

    `ray start` notes it in a file, which outlives a cluster that was killed. What no longer
    listens is no cluster; Ray itself would try to reach it for minutes.
    """
    folder = os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp"  # noqa: S108
    try:
        noted = Path(folder, "ray", "ray_current_cluster").read_text(encoding="utf-8").strip()
        _await_head(noted)
    except (OSError, ValueError):
        return None
    return noted


def _await_head(address: str) -> None:
    """Raise OSError or ValueError where nothing listens at an address with a port."""
    parts = urlsplit(address if "://" in address else f"ray://{address}")
    with socket.create_connection((parts.hostname or "", parts.port or 0), CONNECT_SECONDS):
        pass


def living_nodes() -> list[Resources]:
    """Return the resources of the cluster's nodes, free or in use."""
    found = [node["Resources"] for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
    return [
        Resources(
            cpus=has.get("CPU", 0.0), gpus=has.get("GPU", 0.0), memory=int(has.get("memory", 0))
        )
        for has in found
    ]


def trial_resources(nodes: Sequence[Resources], settings: RaySettings, devices: int) -> Resources:
    """Return the resources of each trial.

    Raises:
        InputError: No node has that.
    """
    most = max(1, most_gpus(nodes))
    if devices > most:
        raise InputError(
            f"training.devices is {devices}, and no node of the Ray cluster has more than {most}",
            where="training.devices",
            remedy=f"training.devices={most}, and a larger training.batch_size or "
            "training.accumulation_steps for the same effective batch",
        )
    if devices > 1 and settings.trials_per_gpu > 1:
        raise InputError(
            f"Ray shares single GPUs, and training.devices is {devices}",
            where=f"launcher.trials_per_gpu={settings.trials_per_gpu}",
            remedy="launcher.trials_per_gpu=1, or training.devices=1",
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
            remedy="launcher.cpus_per_trial=1, or another smaller number; launcher.slots=N for a "
            "cluster whose nodes are still to come",
        )
    return trial
