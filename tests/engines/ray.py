"""A Ray cluster on this machine, whose nodes declare what they have."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

MEMORY = 8 * 2**30
"""Bytes that a node declares, taken or not."""

STORE = 80 * 2**20
"""Bytes of a node's object store, near the least that Ray accepts."""

ATTENTIVE = {"health_check_period_ms": 1000}
"""A lost node is known to be so after five of these, not after fifteen seconds."""


class Cluster:
    """Its nodes, which come and go as tests say."""

    def __init__(self, cluster):
        self._cluster = cluster

    @property
    def address(self) -> str:
        return self._cluster.address

    def join(self, *, cpus: int, gpus: int = 0, **more):
        """Adds a node."""
        return self._cluster.add_node(
            num_cpus=cpus,
            num_gpus=gpus,
            memory=MEMORY,
            object_store_memory=STORE,
            include_dashboard=False,
            **more,
        )

    def lose(self, node) -> None:
        """Kills a node's processes."""
        self._cluster.remove_node(node, allow_graceful=False)


@contextmanager
def ray_cluster(*, cpus: int, gpus: int = 0) -> Iterator[Cluster]:
    """A cluster of one node, its head; skips the test where Ray is not installed."""
    pytest.importorskip("ray", reason="Ray is not installed")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    from ray.cluster_utils import Cluster as Nodes

    nodes = Nodes(shutdown_at_exit=False)
    cluster = Cluster(nodes)
    try:
        cluster.join(cpus=cpus, gpus=gpus, _system_config=ATTENTIVE)
        yield cluster
    finally:
        nodes.shutdown()
