"""One worker inside the agent's own process and thread: for tests and breakpoints."""

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from tuner.devices.room import AvailableMemory, local_room
from tuner.devices.slots import Slot
from tuner.launchers.launcher import Event, WorkerExited
from tuner.worker.fine_tuner import shared_fine_tuner
from tuner.worker.life import FineTuner, Worker
from tuner.worker.log import recording_to
from tuner.worker.protocol import FromWorker, Ready, ToWorker


class WorkerKilledError(BaseException):
    """Unwinds a trial whose worker was killed; no `except Exception` of a trial catches it."""


class DebugLauncher:
    """Runs the worker's code inside `poll`.

    A message of the worker is handed to the agent at once, since the worker waits for the answer
    on the same stack. Breakpoints set anywhere are hit, and nothing that is printed is redirected.
    """

    def __init__(
        self, slot: Slot, make_fine_tuner: Callable[[], tuple[FineTuner, Ready]] | None = None
    ) -> None:
        """Import nothing yet.

        Args:
            slot: The one slot; its threads hold, its environment is that of this process.
            make_fine_tuner: Gives what runs trials, and what to say then; None: TensorFlow's.
        """
        self.slots = {slot.index: slot}
        self._slot = slot.index
        self._make = make_fine_tuner or (lambda: shared_fine_tuner(slot.threads or None))
        self._worker: _InlineWorker | None = None
        self._handle: Callable[[Event], None] | None = None
        self._events: list[Event] = []

    def answer_with(self, handle: Callable[[Event], None]) -> None:
        """Hand each message of the worker to a function before the worker continues."""
        self._handle = handle

    def room(self) -> AvailableMemory | None:
        """Memory of a trial; see `local_room`."""
        return local_room(self.slots.values())

    def start(self, slot: int) -> None:  # noqa: ARG002
        """Make the worker; the next `poll` imports its libraries."""
        self._worker = _InlineWorker(self._make, self._emit)

    def send(self, slot: int, message: ToWorker) -> None:  # noqa: ARG002
        """Tell the worker; nothing happens when it is gone."""
        if self._worker is not None:
            self._worker.inbox.append(message)

    def poll(self, timeout: float) -> list[Event]:
        """Handle the worker's messages, to their end.

        Args:
            timeout: Seconds to wait if there is no message.

        Returns:
            What nobody handles at once: see `answer_with`.
        """
        worker = self._worker
        if worker is None or not worker.has_work:
            time.sleep(timeout)
        elif not worker.run():
            self._worker = None
            self._emit(WorkerExited(code=0, log=""))
        events, self._events = self._events, []
        return events

    def memory(self, slot: int) -> int:  # noqa: ARG002
        """Return 0: the process is the agent's own."""
        return 0

    def kill_slot(self, slot: int) -> None:  # noqa: ARG002
        """End the worker when it next asks for a message; `poll` then returns its exit."""
        if self._worker is not None:
            self._worker.is_killed = True

    def kill(self) -> None:
        """Drop the worker."""
        self._worker = None

    def close(self, timeout: float) -> None:  # noqa: ARG002
        """Drop the worker."""
        self.kill()

    def _emit(self, message: FromWorker | WorkerExited) -> None:
        event = Event(slot=self._slot, message=message)
        if self._handle is None:
            self._events.append(event)
        else:
            self._handle(event)


class _InlineWorker:
    """A worker and its channel, as methods that are called in turn."""

    def __init__(
        self,
        make_fine_tuner: Callable[[], tuple[FineTuner, Ready]],
        emit: Callable[[Any], None],
    ) -> None:
        self.inbox: deque[ToWorker] = deque()
        self.is_killed = False
        self.send = emit
        self._make = make_fine_tuner
        self._fine_tuner: FineTuner | None = None
        self._worker = Worker(self, make_fine_tuner, log_to=recording_to)

    @property
    def has_work(self) -> bool:
        """True if there is something to do."""
        return self.is_killed or self._fine_tuner is None or bool(self.inbox)

    def run(self) -> bool:
        """Do one thing, to its end; return False where the worker was killed meanwhile."""
        try:
            if self.is_killed:
                return False
            if self._fine_tuner is None:
                self._fine_tuner, ready = self._make()
                self.send(ready)
            else:
                self._worker.handle(self.inbox.popleft(), self._fine_tuner)
        except WorkerKilledError:
            return False
        return not self.is_killed

    def receive(self) -> ToWorker:
        """Return the answer to the last message, which has come by now."""
        message = self.receive_nowait()
        if message is None:
            raise WorkerKilledError
        return message

    def receive_nowait(self) -> ToWorker | None:
        """Return the next message, if there is one."""
        if self.is_killed:
            raise WorkerKilledError
        return self.inbox.popleft() if self.inbox else None
