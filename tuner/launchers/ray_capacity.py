"""Number of trials at a time for which the nodes of a cluster have room."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_ROUNDING = 1e-9
"""Shares of a GPU are rounded: three thirds are one."""

_SMALLEST_SHARE = 10_000
"""Ray counts ten-thousandths of a GPU."""


@dataclass(frozen=True, kw_only=True)
class Resources:
    """Resources of a node, or those that a trial needs.

    Attributes:
        cpus: Cores.
        gpus: GPUs; of a trial that shares one, its share.
        memory: Bytes of host memory; 0: not known, or not asked for.
    """

    cpus: float
    gpus: float = 0.0
    memory: int = 0


def demand(
    nodes: Sequence[Resources], *, cpus: int, memory: int, devices: int = 1, per_gpu: int = 1
) -> Resources:
    """Return the resources of each trial: GPUs if there are any, else only cores and memory.

    Args:
        nodes: Resources of the cluster's nodes.
        cpus: Cores of each trial.
        memory: Bytes of host memory that a trial without a GPU takes; no more than the largest
            node has is asked for.
        devices: GPUs for one trial.
        per_gpu: Trials at a time on each GPU; above 1 only with one device.
    """
    if most_gpus(nodes) == 0:
        largest = max((node.memory for node in nodes), default=0)
        return Resources(cpus=cpus, memory=min(memory, largest))
    share = math.floor(_SMALLEST_SHARE / per_gpu) / _SMALLEST_SHARE
    return Resources(cpus=cpus, gpus=devices * share)


def most_gpus(nodes: Iterable[Resources]) -> int:
    """GPUs of the node that has the most."""
    return max((int(node.gpus) for node in nodes), default=0)


def fitting(node: Resources, trial: Resources) -> int:
    """Number of trials at a time for which one node has room."""
    pairs = (
        (node.cpus, trial.cpus),
        (node.gpus, trial.gpus),
        (node.memory, trial.memory),
    )
    return min(math.floor(has / takes + _ROUNDING) for has, takes in pairs if takes > 0)


def capacity(nodes: Iterable[Resources], trial: Resources) -> int:
    """Number of trials at a time for which all nodes have room; none is spread over two."""
    return sum(fitting(node, trial) for node in nodes)


def memory_each(nodes: Iterable[Resources], trial: Resources) -> int:
    """Bytes of host memory for each trial when nodes are full, where it is least; 0: not known."""
    counts = ((node, fitting(node, trial)) for node in nodes)
    return min((node.memory // count for node, count in counts if count), default=0)
