"""Signals that ask a process to stop, and how urgently they ask."""

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType

Handler = Callable[[int, FrameType | None], None]
"""Function that takes a signal."""

TERMINATING = (signal.SIGTERM, signal.SIGHUP)
"""Signals that end any process; SIGHUP comes when the terminal or the ssh session closes."""

STOPS = (signal.SIGINT, *TERMINATING, signal.SIGQUIT)
"""Signals that end a sweep."""


class StopRequests:
    """Stop signals received so far; safe in a signal handler.

    Attributes:
        requested: True once any signal asked to stop.
        at_once: True once no worker is waited for any more.
    """

    def __init__(self) -> None:
        """Nothing was asked for."""
        self.requested = self.at_once = False
        self._hung_up = False

    def note(self, number: int) -> None:
        """Take in one signal.

        SIGHUP never hurries: a closing terminal sends it several times, and systemd sends it right
        after SIGTERM. The first SIGINT or SIGTERM after it does not hurry either.

        Args:
            number: Signal number.
        """
        if number == signal.SIGHUP:
            self._hung_up = self._hung_up or not self.requested
        else:
            repeated = self.requested and not self._hung_up
            self.at_once = self.at_once or repeated or number == signal.SIGQUIT
            self._hung_up = False
        self.requested = True


def heeded(*numbers: signal.Signals) -> list[signal.Signals]:
    """Return those of the stop signals that this process heeds: SIGHUP not under nohup."""
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return [number for number in numbers if not (ignored and number == signal.SIGHUP)]


@contextmanager
def handled(numbers: Iterable[signal.Signals], handler: Handler) -> Iterator[None]:
    """Handle signals in a block; the handlers before it return with its end.

    Python lets the main thread alone set handlers: in another thread nothing is set.

    Args:
        numbers: Signals.
        handler: Called with each of them.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            # None: a handler that was not set from Python, which Python cannot set again.
            signal.signal(number, signal.SIG_DFL if earlier is None else earlier)
