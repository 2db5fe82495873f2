"""Workers wherever a Ray cluster has room: an actor on the slot's node holds its worker's process.

The agent has one call to each actor under way, which ends when the worker has sent a message. Ray
keeps the calls to an actor that has no room yet, so a slot waits for a node without anybody else
waiting for it.
"""

import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import ray
from ray.exceptions import ActorUnavailableError, RayError

from tuner.devices.room import AvailableMemory
from tuner.devices.slots import Slot
from tuner.errors import InputError
from tuner.installation.remedies import install_ourselves
from tuner.launchers.launcher import Event, WorkerExited
from tuner.launchers.process import WORKER
from tuner.launchers.ray_actor import ActorOutput, WorkerPlacement, place
from tuner.launchers.ray_capacity import Resources, capacity, memory_each
from tuner.launchers.ray_cluster import connect, living_nodes, trial_resources
from tuner.launchers.ray_settings import RaySettings
from tuner.trial.recovery import SIGKILL
from tuner.worker.protocol import ToWorker

_log = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
"""Between two looks for nodes that have joined."""

ROOM_SECONDS = 30.0
"""Seconds after which a slot that Ray has not placed is shown as waiting."""

CALL_SECONDS = 5.0
"""For a call to reach an actor, when workers are ended."""

_FORWARDED = ("HF_", "KERAS_", "TF_", "TRANSFORMERS_", "TUNER_", "XLA_")
"""Prefixes of the agent's environment variables that workers on other nodes get too."""

_NO_CODE = "No module named 'tuner"
_NODE_DIED = "node has died"
_NO_MEMORY = ("low on memory", "OutOfMemory")


@dataclass(kw_only=True)
class _SlotActor:
    """A slot's actor as the agent knows it.

    Attributes:
        actor: Its handle.
        asked: When Ray was asked to place it, monotonic seconds.
        call: The call under way; None: its worker has ended.
        node: Address of its node; empty: it has none yet.
        memory: Bytes of host memory that its worker held at its last message.
    """

    actor: Any
    asked: float
    call: Any = None
    node: str = ""
    memory: int = 0


class RayLauncher:
    """Starts and ends workers on the nodes of a Ray cluster, and exchanges messages with them."""

    def __init__(
        self,
        settings: RaySettings,
        devices: int,
        folder: Path,
        *,
        notice: Callable[[str], None],
        command: Sequence[str] = WORKER,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Connect to the cluster; start no worker yet.

        Args:
            settings: Group `launcher`.
            devices: GPUs for one trial.
            folder: The study's, which all nodes have to see.
            notice: Shows messages about the cluster.
            command: Command that starts a worker; see `WorkerProcess`.
            clock: Seconds, monotonic.

        Raises:
            InputError: There is no cluster, or none with room for a trial.
        """
        self.slots: dict[int, Slot] = {}
        self._settings, self._command = settings, command
        self._notice, self._clock = notice, clock
        self._seats: dict[int, _SlotActor] = {}
        self._told_waiting = 0
        self._look_at = clock() + LOOK_SECONDS
        with ExitStack() as stack:
            connect(settings.address, notice)
            stack.callback(ray.shutdown)
            nodes = living_nodes()
            self._trial = trial_resources(nodes, settings, devices)
            self._add_slots(nodes)
            _log.info(
                "Ray %s with %d nodes and %d slots; a trial takes %s",
                ray.__version__,
                len(nodes),
                len(self.slots),
                self._trial,
            )
            self._marker = _marker(folder, stack)
            self._release = stack.pop_all()

    def room(self) -> AvailableMemory | None:
        """Return the memory of each trial without a GPU when all nodes are full."""
        memory = 0 if self._trial.gpus else memory_each(living_nodes(), self._trial)
        return AvailableMemory(bytes=memory, on_host=True) if memory else None

    def start(self, slot: int) -> None:
        """Start the slot's worker, on a node of Ray's choice if it has none."""
        if slot not in self._seats:
            _log.info("slot %d: Ray is asked for room", slot)
            self._seats[slot] = self._place(slot)
        seat = self._seats[slot]
        seat.call = seat.actor.start.remote()

    def send(self, slot: int, message: ToWorker) -> None:
        """Send a message to the slot's worker; nothing happens if it is gone."""
        if slot in self._seats:
            self._seats[slot].actor.send.remote(message)

    def poll(self, timeout: float) -> list[Event]:
        """Return the workers' messages, after waiting at most `timeout` seconds for the first."""
        self._look()
        slots = {seat.call: slot for slot, seat in self._seats.items() if seat.call is not None}
        if not slots:
            time.sleep(timeout)
            return []
        calls = list(slots)
        come, _ = ray.wait(calls, num_returns=1, timeout=timeout)
        if come:
            come, _ = ray.wait(calls, num_returns=len(calls), timeout=0)
        return [event for call in come for event in self._take(slots[call])]

    def memory(self, slot: int) -> int:
        """Return the bytes of host memory that the slot's worker held at its last message."""
        return self._seats[slot].memory if slot in self._seats else 0

    def kill_slot(self, slot: int) -> None:
        """End the slot's worker at once; `poll` then returns its exit."""
        if slot in self._seats:
            self._seats[slot].actor.kill.remote()

    def kill(self) -> None:
        """End every worker at once; slots that wait for room are given up."""
        self._end(0.0)

    def close(self, timeout: float) -> None:
        """End the workers as `kill` does, after `timeout` seconds to end by themselves."""
        self._end(timeout)
        self._release.close()

    def _place(self, slot: int) -> _SlotActor:
        berth = WorkerPlacement(
            slot=self.slots[slot],
            command=self._command,
            per_gpu=self._settings.trials_per_gpu,
            folder=str(Path.cwd()),
            marker=self._marker,
        )
        return _SlotActor(actor=place(berth, self._trial), asked=self._clock())

    def _take(self, slot: int) -> Iterator[Event]:
        """Return the result of a call, and make the next one."""
        seat = self._seats[slot]
        try:
            heard: ActorOutput = ray.get(seat.call)
        except RayError as error:
            _log.info("slot %d: actor on %s is lost: %s", slot, seat.node or "no node", error)
            del self._seats[slot]
            ray.kill(seat.actor)
            yield Event(slot=slot, message=lost(error, seat.node))
            return
        if heard.unseen:
            raise _unseen(heard)
        if heard.node != seat.node:
            _log.info("slot %d: actor runs on %s", slot, heard.node)
        seat.node, seat.memory = heard.node, heard.memory
        ended = any(isinstance(message, WorkerExited) for message in heard.messages)
        seat.call = None if ended else seat.actor.hear.remote()
        yield from (Event(slot=slot, message=message) for message in heard.messages)

    def _look(self) -> None:
        """Start slots for nodes that have joined, and show how many find no room."""
        now = self._clock()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_SECONDS
        nodes = living_nodes()
        added = self._add_slots(nodes)
        for slot in added:
            self.start(slot)
        if added:
            _log.info("%d nodes now, slots %s are added", len(nodes), list(added))
            self._notice(f"the Ray cluster has grown: {len(self.slots)} trials at a time")
        seats = self._seats.values()
        waiting = sum(not seat.node and now - seat.asked > ROOM_SECONDS for seat in seats)
        if waiting > self._told_waiting:
            self._notice(f"{waiting} of {len(self.slots)} slots wait for room in the Ray cluster")
        self._told_waiting = waiting

    def _add_slots(self, nodes: Sequence[Resources]) -> Sequence[int]:
        """Add the slots for which there is room."""
        wanted = self._settings.slots or capacity(nodes, self._trial)
        added = range(len(self.slots), wanted)
        threads = self._settings.cpus_per_trial
        for index in added:
            self.slots[index] = Slot(
                index=index, environment=forwarded(os.environ), threads=threads
            )
        return added

    def _end(self, timeout: float) -> None:
        seats = self._seats.values()
        _log.info("%d actors are asked to end within %.0f s", len(seats), timeout)
        ends = [seat.actor.end.remote(timeout) for seat in seats if seat.node]
        if ends:
            ray.wait(ends, num_returns=len(ends), timeout=timeout + CALL_SECONDS)
        for seat in seats:
            ray.kill(seat.actor)
        self._seats.clear()


def forwarded(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that say where models and data are, and how libraries run.

    Args:
        environment: Environment variables of the agent.
    """
    return {name: value for name, value in environment.items() if name.startswith(_FORWARDED)}


def lost(error: RayError, node: str) -> WorkerExited:
    """The end of a worker whose actor is gone, or out of reach.

    Args:
        error: Error of Ray.
        node: Node of the actor; empty if it is not known yet.

    Raises:
        InputError: The actor's process could not import this package.
    """
    why = str(error)
    if _NO_CODE in why:
        raise InputError(
            "a node of the Ray cluster cannot import tuner",
            where="launcher=ray",
            remedy=f"on every node, with the same path {sys.prefix}: {install_ourselves()}",
        )
    out_of_memory = any(words in why for words in _NO_MEMORY)
    # Out of reach: half a minute before Ray itself knows that the node has died.
    gone = isinstance(error, ActorUnavailableError) or _NODE_DIED in why
    lost_node = (node or "that Ray had chosen") if gone else ""
    return WorkerExited(code=SIGKILL, log=why, oom_kills=int(out_of_memory), lost_node=lost_node)


def _unseen(heard: ActorOutput) -> InputError:
    return InputError(
        f"the node {heard.node} of the Ray cluster does not see {heard.unseen}",
        where="output, and the folder in which the command runs",
        remedy="output=FOLDER on a file system that all nodes share, and the command started "
        "there",
    )


def _marker(folder: Path, stack: ExitStack) -> str:
    """A file that only nodes which share the output folder see.

    Args:
        folder: The study's; made.
        stack: Takes the file away, and the folders if they stay empty.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    stack.callback(_remove_empty, made)
    folder.mkdir(parents=True, exist_ok=True)
    marker = (folder / f".shared-{uuid4().hex}").absolute()
    stack.callback(marker.unlink, missing_ok=True)
    marker.touch()
    return str(marker)


def _remove_empty(folders: Iterable[Path]) -> None:
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()
