"""Actor that Ray places on a node: it holds one worker's process."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ray

from tuner.devices.room import gpu_limit
from tuner.devices.slots import Slot
from tuner.launchers.launcher import WorkerExited
from tuner.launchers.process import WorkerProcess
from tuner.launchers.ray_capacity import Resources
from tuner.worker.protocol import FromWorker, ToWorker

TELL = "tell"
"""Calls of this group of Ray's pass by `hear`, in their own order."""


@dataclass(frozen=True, kw_only=True)
class WorkerPlacement:
    """Settings of an actor for the worker that it holds.

    Attributes:
        slot: Its slot.
        command: Command that starts a worker; the first word, a Python, is the node's own.
        per_gpu: Workers that share one GPU.
        folder: Working folder: the agent's, in which relative paths mean the same.
        marker: A file of the agent's, below the output folder.
    """

    slot: Slot
    command: Sequence[str]
    per_gpu: int
    folder: str
    marker: str


@dataclass(frozen=True, kw_only=True)
class ActorOutput:
    """Result of a call to an actor.

    Attributes:
        node: Address of its node.
        messages: Messages of the worker, or its exit.
        memory: Bytes of host memory that the worker holds.
        unseen: A path of the agent's that is not there on this node; empty: all are.
    """

    node: str
    messages: Sequence[FromWorker | WorkerExited] = ()
    memory: int = 0
    unseen: str = ""


class WorkerActor:
    """Holds a slot's worker on the node where Ray placed it; see `TELL`."""

    def __init__(self, berth: WorkerPlacement) -> None:
        self._berth = berth
        self._node = str(ray.util.get_node_ip_address())  # type: ignore[no-untyped-call]
        self._worker: WorkerProcess | None = None

    @ray.method(concurrency_group=TELL)
    def start(self) -> ActorOutput:
        """Start the worker if the node sees the same paths as the agent."""
        berth = self._berth
        try:
            os.chdir(berth.folder)
            Path(berth.marker).stat()
        except OSError as error:
            return ActorOutput(node=self._node, unseen=str(error.filename))
        gpus = ray.get_runtime_context().get_accelerator_ids().get("GPU", [])
        devices = {"CUDA_VISIBLE_DEVICES": ",".join(gpus) or "-1"}
        slot = replace(berth.slot, environment={**berth.slot.environment, **devices})
        limit = gpu_limit(slot, [slot] * berth.per_gpu)
        self._worker = WorkerProcess(slot, (sys.executable, *berth.command[1:]), limit)
        return ActorOutput(node=self._node)

    def hear(self) -> ActorOutput:
        """Return the next messages of the worker, or its exit."""
        worker = self._living()
        messages = worker.hear()
        if messages is None:
            return ActorOutput(node=self._node, messages=[worker.reap()])
        return ActorOutput(node=self._node, messages=messages, memory=worker.memory())

    @ray.method(concurrency_group=TELL)
    def send(self, message: ToWorker) -> None:
        """Send a message to the worker; nothing happens if it is gone."""
        with suppress(ValueError):  # Buried: its pipe is closed.
            self._living().send(message)

    @ray.method(concurrency_group=TELL)
    def kill(self) -> None:
        """End the worker at once."""
        self._living().kill()

    @ray.method(concurrency_group=TELL)
    def end(self, timeout: float) -> None:
        """End the worker by closing its input, and by force after `timeout` seconds."""
        self._living().leave()
        self._living().wait(timeout)

    def _living(self) -> WorkerProcess:
        assert self._worker is not None, "started before anything else"  # noqa: S101
        return self._worker


def place(berth: WorkerPlacement, trial: Resources) -> Any:
    """Ask Ray for an actor on a node that has room, as far from the others as possible.

    Args:
        berth: Settings of the actor.
        trial: Resources that Ray reserves for it.

    Returns:
        Its handle, whether there is room already or not.
    """
    decorate: Any = ray.remote
    actors = decorate(
        concurrency_groups={TELL: 1},
        num_cpus=trial.cpus,
        num_gpus=trial.gpus,
        memory=trial.memory or None,
        scheduling_strategy="SPREAD",
    )(WorkerActor)
    return actors.remote(berth)
