"""Workers as processes of this machine, one for each slot."""

import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, cast

import psutil

from tuner.launchers.devices import Slot
from tuner.launchers.kills import oom_kills
from tuner.launchers.launcher import Event, Exited
from tuner.launchers.room import Room, gpu_limit, local_room
from tuner.worker.protocol import ToWorker, decode_from_worker, encode

WORKER = (sys.executable, "-m", "tuner.worker")
CHUNK = 1 << 16
LOG_TAIL = 4000


class _Worker:
    """One process with its pipes and its log."""

    def __init__(self, slot: Slot, command: Sequence[str], gpu_bytes: int | None) -> None:
        limit = ["--gpu-bytes", str(gpu_bytes)] if gpu_bytes is not None else []
        self.log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  (lives as long as the process)
        self.unread = b""
        self.oom_kills = oom_kills()
        self.process = subprocess.Popen(
            [*command, "--threads", str(slot.threads), *limit],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            env={**os.environ, **slot.environment},
            bufsize=0,
            # Ctrl-C in the terminal is for the agent; it tells its workers.
            start_new_session=True,
        )

    @property
    def output(self) -> IO[bytes]:
        return cast("IO[bytes]", self.process.stdout)

    @property
    def input(self) -> IO[bytes]:
        return cast("IO[bytes]", self.process.stdin)

    def send(self, message: ToWorker) -> None:
        with suppress(BrokenPipeError):  # it is gone: its end of stream tells
            self.input.write(encode(message))

    def lines(self) -> list[bytes] | None:
        """The complete lines that have come; None at the end of the stream."""
        chunk = os.read(self.output.fileno(), CHUNK)
        if not chunk:
            return None
        *whole, self.unread = (self.unread + chunk).split(b"\n")
        return whole

    def log_tail(self) -> str:
        self.log.seek(0, os.SEEK_END)
        self.log.seek(max(0, self.log.tell() - LOG_TAIL))
        return self.log.read().decode(errors="replace").strip()

    def close(self) -> None:
        for stream in (self.input, self.output, self.log):
            stream.close()


class LocalLauncher:
    """Starts, hears, tells and ends the workers of this machine's slots."""

    def __init__(self, slots: Sequence[Slot], command: Sequence[str] = WORKER) -> None:
        """Starts nothing yet.

        Args:
            slots: The machine's slots.
            command: What starts a worker; `--threads N` is appended, and `--gpu-bytes N` where
                slots share a GPU.
        """
        self.slots = {slot.index: slot for slot in slots}
        self._command = command
        self._workers: dict[int, _Worker] = {}
        self._selector = selectors.DefaultSelector()

    def room(self) -> Room | None:
        """What each trial may take, asked before workers start; see `local_room`."""
        return local_room(self.slots.values())

    def start(self, slot: int) -> None:
        """Starts the slot's worker; it says `Ready` once its libraries are imported."""
        limit = gpu_limit(self.slots[slot], self.slots.values())
        worker = _Worker(self.slots[slot], self._command, limit)
        self._workers[slot] = worker
        self._selector.register(worker.output, selectors.EVENT_READ, slot)

    def send(self, slot: int, message: ToWorker) -> None:
        """Tells the slot's worker; nothing happens when it is gone."""
        if slot in self._workers:
            self._workers[slot].send(message)

    def poll(self, timeout: float) -> list[Event]:
        """What has come from any worker, after waiting at most `timeout` seconds for the first."""
        events: list[Event] = []
        for key, _ in self._selector.select(timeout):
            slot = key.data
            lines = self._workers[slot].lines()
            if lines is None:
                events.append(Event(slot=slot, message=self._bury(slot)))
            else:
                events += [Event(slot=slot, message=decode_from_worker(line)) for line in lines]
        return events

    def _bury(self, slot: int) -> Exited:
        worker = self._workers.pop(slot)
        self._selector.unregister(worker.output)
        code = worker.process.wait()
        log = worker.log_tail()
        worker.close()
        return Exited(code=code, log=log, oom_kills=oom_kills() - worker.oom_kills)

    def memory(self, slot: int) -> int:
        """Bytes of host memory that the slot's worker holds; 0 where it is gone."""
        with suppress(KeyError, psutil.Error):
            return psutil.Process(self._workers[slot].process.pid).memory_info().rss
        return 0

    def kill_slot(self, slot: int) -> None:
        """Ends the slot's worker at once; `poll` then tells that it exited."""
        if slot in self._workers:
            self._workers[slot].process.kill()

    def kill(self) -> None:
        """Ends every worker at once."""
        for worker in self._workers.values():
            worker.process.kill()
        for slot in list(self._workers):
            self._bury(slot)

    def close(self, timeout: float) -> None:
        """Ends the workers: by closing their input, and by force after `timeout` seconds."""
        for worker in self._workers.values():
            worker.input.close()
        deadline = time.monotonic() + timeout
        for worker in self._workers.values():
            try:
                worker.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.process.kill()
        self.kill()
        self._selector.close()
