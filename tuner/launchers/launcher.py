"""Interface of a launcher: slots, and a worker in each that gets and sends messages."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from tuner.devices.room import AvailableMemory
from tuner.devices.slots import Slot
from tuner.worker.protocol import FromWorker, ToWorker


@dataclass(frozen=True, kw_only=True)
class WorkerExited:
    """A worker process ended by itself.

    Attributes:
        code: Exit status; negative: killed by that signal.
        log: Last characters of what it printed outside of trials.
        oom_kills: Processes that the kernel ended for lack of memory while it lived.
        lost_node: Address of the node that was lost, and the worker with it; empty: it was not.
    """

    code: int
    log: str
    oom_kills: int = 0
    lost_node: str = ""


@dataclass(frozen=True, kw_only=True)
class Event:
    """Message of a slot's worker, or its exit."""

    slot: int
    message: FromWorker | WorkerExited


class Launcher(Protocol):
    """Starts and ends the workers of its slots, and exchanges messages with them."""

    @property
    def slots(self) -> Mapping[int, Slot]:
        """Slots by index; more may be added later."""

    def room(self) -> AvailableMemory | None:
        """Return the memory of each trial, asked before workers start; None if unknown."""

    def start(self, slot: int) -> None:
        """Start the slot's worker; it sends `Ready` once its libraries are imported."""

    def send(self, slot: int, message: ToWorker) -> None:
        """Send a message to the slot's worker; nothing happens if it is gone."""

    def poll(self, timeout: float) -> list[Event]:
        """Return the workers' messages, after waiting at most `timeout` seconds for the first."""

    def memory(self, slot: int) -> int:
        """Bytes of host memory that the slot's worker holds; 0 where that is not known."""

    def kill_slot(self, slot: int) -> None:
        """End the slot's worker at once; `poll` then returns its exit."""

    def kill(self) -> None:
        """End every worker at once."""

    def close(self, timeout: float) -> None:
        """End the workers gently, and by force after `timeout` seconds."""


@runtime_checkable
class InlineLauncher(Protocol):
    """A launcher whose worker runs inside `poll`, where it waits for answers."""

    def answer_with(self, handle: Callable[[Event], None]) -> None:
        """Hand each message of the worker to a function before the worker continues.

        Args:
            handle: Takes an event, and answers the worker.
        """
