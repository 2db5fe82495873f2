"""Thread that sends spools to MLflow, in order, as long as it takes."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count

from tuner.tracking.causes import cause_of
from tuner.tracking.failures import is_final, is_transient
from tuner.tracking.messages import one_line
from tuner.tracking.restore import Restoration
from tuner.tracking.spool import Spool
from tuner.tracking.store import Step, Store

TRIES = 8
"""Number of tries of a step that fails while the store is reachable, over two minutes."""


@dataclass(frozen=True, kw_only=True)
class Pauses:
    """Seconds to wait between tries."""

    first: float = 1.0
    """Seconds after the first failure; each further pause is twice as long."""
    longest: float = 60.0
    """Longest pause in seconds."""
    closing: float = 5.0
    """Seconds to wait at the end for a store that does not answer."""

    def after(self, failures: int) -> float:
        """Return the pause after failures in a row, randomised to keep agents apart."""
        full = min(self.longest, self.first * 2.0 ** min(failures - 1, 30))
        return full * random.uniform(0.75, 1.0)  # noqa: S311


class Sender:
    """Sends spools, and events appended to the last of them, until it is closed."""

    def __init__(
        self,
        store: Store,
        spools: Sequence[Spool],
        *,
        pauses: Pauses,
        notice: Callable[[str], None],
        restoration: Restoration | None = None,
    ) -> None:
        """Start the thread.

        Args:
            store: Store that receives the events.
            spools: Spools of this agent, in order; events may be appended to the last one.
            pauses: Pauses between tries.
            notice: Function called from the thread when the store becomes unavailable, and when it
                is back.
            restoration: Earlier trials, whose runs are sent again if the store lacks them.
        """
        self._store = store
        *self._leftovers, self._own = spools
        self._pauses = pauses
        self._notice = notice
        self._restoration = restoration
        self._work = threading.Event()
        self._closing = threading.Event()
        self._deadline = 0.0
        self._done = 0
        self.failure: Exception | None = None
        """Error that makes the store unavailable now, or did at the end; None if it is available.
        """
        self.refusals: list[str] = []
        """Reason of each step that MLflow refused."""
        self._thread = threading.Thread(target=self._run, name="tracking", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Note that an event was appended."""
        self._work.set()

    def close(self) -> str:
        """Wait until everything is sent, or nothing more can be sent now.

        Returns:
            Message about unsent records; empty if there are none.
        """
        self._deadline = time.monotonic() + self._pauses.closing
        self._closing.set()
        self._work.set()
        done = -1
        while self._thread.is_alive() and done != self._done:
            done = self._done
            # A slow store is waited for as long as it makes progress.
            self._thread.join(2.0 * self._pauses.closing)
        return "\n".join(filter(None, [self._unsent(), self._refused()]))

    def _unsent(self) -> str:
        left = sum(spool.left(self._store.place) for spool in (*self._leftovers, self._own))
        if not left:
            return ""
        where = f"{left} records wait in {self._own.path.parent}; the same command sends them"
        if self.failure is None:
            return f"MLflow is unavailable ({self._store.shown})\n{where}"
        cause = cause_of(self.failure, self._store.shown)
        return (
            f"MLflow cannot be used ({self._store.shown}): {cause.problem}\n"
            f"  try:   {cause.remedy}\n{where}"
        )

    def _refused(self) -> str:
        if not self.refusals:
            return ""
        return (
            f"MLflow refused some records ({self._store.shown}): {self.refusals[0]}\n"
            f"{len(self.refusals)} records are kept in {self._own.path.parent}/*.refused"
        )

    # -- the thread ---------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._send_all()
        except Exception as error:  # For example, somebody has removed the folder.
            self.failure = error

    def _send_all(self) -> None:
        for spool in self._leftovers:
            if self._drain(spool):
                spool.discard()
            else:
                spool.release()
        if self._restoration is not None and self._connect_until_closed():
            # If it fails now, the next start tries again.
            self._try(partial(self._restore, self._restoration))
        while True:
            self._work.clear()
            closing = self._closing.is_set()
            if not self._drain(self._own):
                self._own.release()
                return
            if closing:
                self._own.discard()
                return
            self._work.wait()

    def _restore(self, restoration: Restoration) -> None:
        """Append the runs of earlier trials that the store lacks to the spool."""
        spooled = restoration.spooled()  # Before MLflow is asked: sent spools disappear.
        restoration.send(self._own, self._store.trial_tags(), spooled)

    def _drain(self, spool: Spool) -> bool:
        """Send a spool's pending events; return False if the deadline ends that."""
        if not self._connect_until_closed():
            return False
        while batch := spool.pending(self._store.place):
            if batch.unreadable:
                self.refusals.append(f"{batch.unreadable} lines of {spool.path} are unreadable")
            for step in self._store.steps(spool, batch.events):
                if not self._send(spool, step):
                    return False
            spool.mark_sent(batch.end, self._store.place)
        return True

    def _connect_until_closed(self) -> bool:
        """Connect, however long it takes; return False if the deadline ends that."""
        for failures in count(1):
            error = self._try(self._store.connect)
            if error is None:
                return True
            self._report_outage(error)
            if self._is_past_deadline(error):
                return False
            self._pause(failures)
        raise AssertionError

    def _is_past_deadline(self, error: Exception) -> bool:
        """Return True if the sender is closing and its deadline has passed."""
        if self._closing.is_set() and time.monotonic() >= self._deadline:
            self.failure = error
            return True
        return False

    def _send(self, spool: Spool, step: Step) -> bool:
        """Send a step until it arrives; return False if that is impossible before the deadline."""
        answered = 0
        for failures in count(1):
            error = self._try(step.send)
            if error is None:
                return True
            unusable_reason = error if is_transient(error) else self._store.unusable_reason()
            if unusable_reason is None:
                answered += 1
                if is_final(error) or answered == TRIES:
                    spool.refuse(step.event, one_line(error))
                    self.refusals.append(one_line(error))
                    return True
            else:
                self._report_outage(unusable_reason)
            if self._is_past_deadline(unusable_reason or error):
                return False
            self._pause(failures)
        raise AssertionError

    def _try(self, request: Callable[[], None]) -> Exception | None:
        try:
            self._store.check()
            request()
        except Exception as error:
            return error
        if self.failure is not None:
            self._notice(f"MLflow is back ({self._store.shown}); spooled records are sent now")
            self.failure = None
        self._done += 1
        return None

    def _report_outage(self, error: Exception) -> None:
        if self.failure is None and not self._closing.is_set():
            cause = cause_of(error, self._store.shown)
            self._notice(
                f"MLflow is unavailable ({self._store.shown}): {cause.problem}\n"
                f"  try:   {cause.remedy}\n"
                f"The sweep continues; records are spooled in {self._own.path.parent}"
            )
        self.failure = error

    def _pause(self, failures: int) -> None:
        pause = self._pauses.after(failures)
        if self._closing.is_set():
            time.sleep(min(pause, 0.1 * self._pauses.closing))
        else:
            self._closing.wait(pause)
