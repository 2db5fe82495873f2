"""The thread that sends spools to MLflow, in order, for as long as it takes."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count

from tuner.tracking.causes import cause_of
from tuner.tracking.failures import is_final, is_passing
from tuner.tracking.messages import one_line
from tuner.tracking.restore import Restoration
from tuner.tracking.spool import Spool
from tuner.tracking.store import Step, Store

TRIES = 8
"""So often is a step sent that fails though the store can be reached: for two minutes."""


@dataclass(frozen=True, kw_only=True)
class Pauses:
    """Seconds to wait."""

    first: float = 1.0
    """After the first failure; each further pause is twice as long."""
    longest: float = 60.0
    """But no longer than this."""
    closing: float = 5.0
    """For a store that does not answer, once everything else has ended."""

    def after(self, failures: int) -> float:
        """After so many failures in a row; a little off, so that agents do not knock together."""
        full = min(self.longest, self.first * 2.0 ** min(failures - 1, 30))
        return full * random.uniform(0.75, 1.0)  # noqa: S311


class Sender:
    """Sends spools, and what is appended to the last of them, until it is closed."""

    def __init__(
        self,
        store: Store,
        spools: Sequence[Spool],
        *,
        pauses: Pauses,
        notice: Callable[[str], None],
        restoration: Restoration | None = None,
    ) -> None:
        """Starts the thread.

        Args:
            store: Where to.
            spools: Ours, in order; what is appended to the last one is sent, too.
            pauses: Between tries.
            notice: Told when the store goes away and when it is back; from the thread.
            restoration: Earlier trials, whose runs are sent again where the store lacks them.
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
        """Why the store can not be reached now, or could not at the end."""
        self.refusals: list[str] = []
        """Why MLflow would not take something, for each such step."""
        self._thread = threading.Thread(target=self._run, name="tracking", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Something was appended."""
        self._work.set()

    def close(self) -> str:
        """Waits until all was sent, or no more can be sent now.

        Returns:
            What to tell when something was not sent; else an empty string.
        """
        self._deadline = time.monotonic() + self._pauses.closing
        self._closing.set()
        self._work.set()
        done = -1
        while self._thread.is_alive() and done != self._done:
            done = self._done
            # A store that is slow but gets on is waited for.
            self._thread.join(2.0 * self._pauses.closing)
        return "\n".join(filter(None, [self._unsent(), self._refused()]))

    def _unsent(self) -> str:
        left = sum(spool.left(self._store.place) for spool in (*self._leftovers, self._own))
        if not left:
            return ""
        where = f"{left} records wait in {self._own.path.parent}; the same command sends them, "
        where += "in order and once"
        if self.failure is None:
            return f"MLflow is away ({self._store.shown})\n{where}"
        cause = cause_of(self.failure, self._store.shown)
        return (
            f"MLflow cannot be used ({self._store.shown}): {cause.problem}\n"
            f"  try:   {cause.remedy}\n{where}"
        )

    def _refused(self) -> str:
        if not self.refusals:
            return ""
        return (
            f"MLflow did not take everything ({self._store.shown}): {self.refusals[0]}\n"
            f"{len(self.refusals)} records are kept in {self._own.path.parent}/*.refused"
        )

    # -- the thread ---------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._send_all()
        except Exception as error:  # as when somebody has removed the folder
            self.failure = error

    def _send_all(self) -> None:
        for spool in self._leftovers:
            if self._drain(spool):
                spool.discard()
            else:
                spool.release()
        if self._restoration is not None and self._reach():
            # What cannot be asked now is asked by the next start.
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
        """Spools again what the store lacks of earlier trials."""
        spooled = restoration.spooled()  # Before the store is asked: what is sent leaves it.
        restoration.send(self._own, self._store.trial_tags(), spooled)

    def _drain(self, spool: Spool) -> bool:
        """Sends what there is; False when that can not be done before the end."""
        if not self._reach():
            return False
        while batch := spool.pending(self._store.place):
            if batch.unreadable:
                self.refusals.append(f"{batch.unreadable} lines of {spool.path} are unreadable")
            for step in self._store.steps(spool, batch.events):
                if not self._send(spool, step):
                    return False
            spool.note_sent(batch.end, self._store.place)
        return True

    def _reach(self) -> bool:
        """Connects, however long that takes; False when it can not be done before the end."""
        for failures in count(1):
            error = self._try(self._store.connect)
            if error is None:
                return True
            self._away(error)
            if self._is_late(error):
                return False
            self._pause(failures)
        raise AssertionError

    def _is_late(self, error: Exception) -> bool:
        """Whether the end has come, and no more time is left."""
        if self._closing.is_set() and time.monotonic() >= self._deadline:
            self.failure = error
            return True
        return False

    def _send(self, spool: Spool, step: Step) -> bool:
        """Sends one step, again and again; False when it can not be sent before the end."""
        answered = 0
        for failures in count(1):
            error = self._try(step.send)
            if error is None:
                return True
            trouble = error if is_passing(error) else self._store.trouble()
            if trouble is None:
                answered += 1
                if is_final(error) or answered == TRIES:
                    spool.refuse(step.event, one_line(error))
                    self.refusals.append(one_line(error))
                    return True
            else:
                self._away(trouble)
            if self._is_late(trouble or error):
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
            self._notice(f"MLflow is back ({self._store.shown}); what was spooled is sent now")
            self.failure = None
        self._done += 1
        return None

    def _away(self, error: Exception) -> None:
        if self.failure is None and not self._closing.is_set():
            cause = cause_of(error, self._store.shown)
            self._notice(
                f"MLflow takes nothing now ({self._store.shown}): {cause.problem}\n"
                f"  try:   {cause.remedy}\n"
                f"The sweep goes on; what is to be logged is spooled in {self._own.path.parent}"
            )
        self.failure = error

    def _pause(self, failures: int) -> None:
        pause = self._pauses.after(failures)
        if self._closing.is_set():
            time.sleep(min(pause, 0.1 * self._pauses.closing))
        else:
            self._closing.wait(pause)
