"""The worker's end of the conversation: messages in from one stream, out to another.

A thread reads, so that a `Stop` or the agent's end is noticed in the middle of an update.
"""

import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from typing import BinaryIO, Protocol

from tuner.processes.crash_report import crashed
from tuner.worker.protocol import FromWorker, Refused, ToWorker, decode_to_worker, encode


class Channel(Protocol):
    """Messages to and from the agent."""

    def receive(self) -> ToWorker | Refused:
        """Wait for the next message."""

    def receive_nowait(self) -> ToWorker | Refused | None:
        """The next message if one has come."""

    def send(self, message: FromWorker) -> None:
        """Send a message at once."""


class StreamChannel:
    """A channel over two byte streams, one JSON object a line."""

    def __init__(self, incoming: BinaryIO, outgoing: BinaryIO, on_end: Callable[[], None]) -> None:
        """Start to read.

        Args:
            incoming: Read on a thread of its own.
            outgoing: Written and flushed message by message.
            on_end: Called on the reading thread when `incoming` ends or says something that is
                no message.
        """
        self._outgoing = outgoing
        self._messages: queue.SimpleQueue[ToWorker | Refused] = queue.SimpleQueue()
        self._on_end = on_end
        threading.Thread(target=self._read, args=(incoming,), daemon=True).start()

    def receive(self) -> ToWorker | Refused:
        """Wait for the next message."""
        return self._messages.get()

    def receive_nowait(self) -> ToWorker | Refused | None:
        """The next message if one has come."""
        try:
            return self._messages.get_nowait()
        except queue.Empty:
            return None

    def send(self, message: FromWorker) -> None:
        """Send a message at once; if the agent is gone, the worker ends."""
        try:
            self._outgoing.write(encode(message))
            self._outgoing.flush()
        except OSError:
            self._on_end()

    def _read(self, incoming: BinaryIO) -> None:
        try:
            for line in incoming:
                self._messages.put(decode_to_worker(line))
        except Exception as error:
            print(f"worker: {crashed(error, sys.argv)}", file=sys.stderr)  # noqa: T201
        finally:
            self._on_end()


def end_by_signal() -> None:
    """End this process as SIGTERM does by itself, so that the agent sees the signal."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)


def end_process() -> None:
    """End this process now, without clean-up and without waiting for an update."""
    os._exit(0)
