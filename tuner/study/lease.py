"""A lease that the agents of a study hold in turn, kept in the study, in any storage.

No other machine's clock is used: a holder that shows no change for `LONGEST_HOLD` seconds of
our own clock has lost it, and one that is known to have ended loses it at once.
"""

import logging
import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Event, Lock, Thread
from typing import Any

from tuner.errors import TunerError
from tuner.study.claims import Decide, Points
from tuner.study.owner import has_ended
from tuner.study.snapshot import StudySnapshot
from tuner.study.storage_retry import STORAGE_ERRORS

_log = logging.getLogger(__name__)

LONGEST_HOLD = 30.0
"""Seconds after which a holder counts as frozen or gone."""

RENEWAL = LONGEST_HOLD / 3
"""Seconds between two renewals of a lease."""

FIRST_PAUSE, LONGEST_PAUSE = 0.005, 0.2

Mark = Mapping[str, Any]
"""Identity of the holder, and a text that differs each time the lease is taken."""


class LeaseError(Exception):
    """Another agent holds the lease."""


class Lease:
    """A lease among the agents of a study."""

    def __init__(
        self,
        name: str,
        me: Mapping[str, Any],
        enter: Callable[[Decide], None],
        leave: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Name the lease without taking it.

        Args:
            name: Attribute of the study that holds the lease.
            me: Identity of this agent.
            enter: Function that changes attributes of the study atomically; see
                `TrialClaims.update`.
            leave: Function that our thread calls at its end, to release its database session.
            clock: Function that returns monotonic seconds.
            sleep: Function that waits for a number of seconds.
        """
        self._name = name
        self._me = me
        self._enter = enter
        self._leave = leave
        self._clock = clock
        self._sleep = sleep
        self._mark: Mark | None = None
        self._marking = Lock()
        self._observed: tuple[Mark | None, float] = None, 0.0

    @contextmanager
    def held(self, patience: float) -> Iterator[None]:
        """Hold the lease.

        Args:
            patience: Seconds to wait for it.

        Raises:
            LeaseError: Other agents held it all the time.
        """
        mark = self._new_mark()
        self._take(mark, patience)
        self._mark = mark
        _log.debug("lease %s is taken", self._name)
        try:
            yield
        finally:
            mark, self._mark = self._mark, None
            self._change(lambda found: None if found == mark else found)

    @contextmanager
    def renewed(self, patience: float) -> Iterator[None]:
        """Hold the lease for any time: a thread renews it while this process runs.

        Args:
            patience: Seconds to wait for it; a holder whose machine has vanished is noticed after
                `LONGEST_HOLD`.

        Raises:
            LeaseError: Other agents held it all the time.
        """
        with self.held(patience):
            over = Event()
            thread = Thread(target=self._renew_until, args=(over,), name="lease", daemon=True)
            thread.start()
            try:
                yield
            finally:
                over.set()
                thread.join()

    def check(self) -> None:
        """Check that the lease is still ours, right before an action that must not happen twice.

        Raises:
            LeaseError: The lease was lost: this agent was frozen, or took too long.
        """
        with self._marking:
            is_ours = self._mark is not None and self._change(lambda now: now) == self._mark
        if not is_ours:
            _log.info("lease %s is lost to another agent", self._name)
            raise LeaseError("another agent has taken the lease over")

    def _renew_until(self, over: Event) -> None:
        while not over.wait(RENEWAL):
            # If the storage is unavailable for too long, another agent takes over.
            with suppress(*STORAGE_ERRORS, KeyError, TunerError):
                self._renew()
        self._leave()

    def _renew(self) -> None:
        """Renew the lease, unless it was lost."""
        with self._marking:
            before, after = self._mark, self._new_mark()
            if self._change(lambda now: after if now == before else now) == after:
                self._mark = after

    def _new_mark(self) -> Mark:
        return {"owner": self._me, "turn": uuid.uuid4().hex}

    def _take(self, mark: Mark, patience: float) -> None:
        until, pause = self._clock() + patience, FIRST_PAUSE
        while (found := self._change(lambda now: mark if self._is_free(now) else now)) != mark:
            if self._clock() > until:
                raise LeaseError("another agent holds the lease")
            seen, _ = self._observed
            if found != seen:
                self._observed = found, self._clock()
            self._sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311
            pause = min(2 * pause, LONGEST_PAUSE)

    def _is_free(self, holder: Mark | None) -> bool:
        """Return True if no living agent holds the lease."""
        if holder is None:
            return True
        owner, (seen, since) = holder["owner"], self._observed
        is_stuck = holder == seen and self._clock() - since > LONGEST_HOLD
        return is_stuck or owner["agent"] == self._me["agent"] or has_ended(owner, self._me)

    def _change(self, change: Callable[[Mark | None], Mark | None]) -> Mark | None:
        """Change the holder; a repetition changes nothing more.

        Returns:
            The holder afterwards.
        """
        after: Mark | None = None

        def decide(
            stored: Mapping[str, Any],
            read: Callable[[], StudySnapshot],  # noqa: ARG001
        ) -> tuple[Mapping[str, Any], Points]:
            nonlocal after
            before = stored.get(self._name)
            after = change(before)
            return ({} if after == before else {self._name: after}), ()

        self._enter(decide)
        return after
