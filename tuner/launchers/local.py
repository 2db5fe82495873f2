"""Workers as processes of this machine, one for each slot."""

import logging
import selectors
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from tuner.devices.room import AvailableMemory, gpu_limit, local_room
from tuner.devices.slots import Slot, local_slots
from tuner.launchers.launcher import Event, WorkerExited
from tuner.launchers.process import WORKER, WorkerProcess
from tuner.settings.launchers import LauncherSettings
from tuner.worker.protocol import ToWorker

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class LocalSettings(LauncherSettings):
    """Workers on this machine."""

    name: ClassVar[str] = "local"

    def make(
        self,
        devices: int,
        folder: Path,  # noqa: ARG002
        notice: Callable[[str], None],
    ) -> "LocalLauncher":
        """Return the launcher; see `LauncherSettings.make`."""
        return LocalLauncher(local_slots(self.slots, devices, self.trials_per_gpu, notice))


class LocalLauncher:
    """Starts and ends the workers of this machine's slots, and exchanges messages with them."""

    def __init__(self, slots: Sequence[Slot], command: Sequence[str] = WORKER) -> None:
        """Take the slots; start no worker yet.

        Args:
            slots: The machine's slots.
            command: Command that starts a worker; see `WorkerProcess`.
        """
        self.slots = {slot.index: slot for slot in slots}
        self._command = command
        self._workers: dict[int, WorkerProcess] = {}
        self._selector = selectors.DefaultSelector()

    def room(self) -> AvailableMemory | None:
        """Return the memory of each trial, asked before workers start; see `local_room`."""
        return local_room(self.slots.values())

    def start(self, slot: int) -> None:
        """Start the slot's worker; it sends `Ready` once its libraries are imported."""
        limit = gpu_limit(self.slots[slot], self.slots.values())
        worker = WorkerProcess(self.slots[slot], self._command, limit)
        _log.info("slot %d: worker process %d started", slot, worker.process.pid)
        self._workers[slot] = worker
        self._selector.register(worker.output, selectors.EVENT_READ, slot)

    def send(self, slot: int, message: ToWorker) -> None:
        """Send a message to the slot's worker; nothing happens if it is gone."""
        if slot in self._workers:
            self._workers[slot].send(message)

    def poll(self, timeout: float) -> list[Event]:
        """Return the workers' messages, after waiting at most `timeout` seconds for the first."""
        events: list[Event] = []
        for key, _ in self._selector.select(timeout):
            slot = key.data
            messages = self._workers[slot].hear()
            if messages is None:
                events.append(Event(slot=slot, message=self._on_worker_exit(slot)))
            else:
                events += [Event(slot=slot, message=message) for message in messages]
        return events

    def _on_worker_exit(self, slot: int) -> WorkerExited:
        worker = self._workers.pop(slot)
        self._selector.unregister(worker.output)
        return worker.reap()

    def memory(self, slot: int) -> int:
        """Bytes of host memory that the slot's worker holds; 0 where it is gone."""
        return self._workers[slot].memory() if slot in self._workers else 0

    def kill_slot(self, slot: int) -> None:
        """End the slot's worker at once; `poll` then returns its exit."""
        if slot in self._workers:
            self._workers[slot].kill()

    def kill(self) -> None:
        """End every worker at once."""
        _log.info("workers of slots %s are ended", list(self._workers))
        for worker in self._workers.values():
            worker.kill()
        for slot in list(self._workers):
            self._on_worker_exit(slot)

    def close(self, timeout: float) -> None:
        """End the workers by closing their input, and by force after `timeout` seconds."""
        _log.info("workers of slots %s have %.0f s to end", list(self._workers), timeout)
        for worker in self._workers.values():
            worker.leave()
        deadline = time.monotonic() + timeout
        for worker in self._workers.values():
            worker.wait(max(0.0, deadline - time.monotonic()))
        self.kill()
        self._selector.close()
