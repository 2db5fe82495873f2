"""A lease that the agents of a study take in turn, kept in the study, whatever its storage.

No clock of another machine is asked: a holder that shows no change for `LONGEST_HOLD` seconds of
our own clock has lost it, and one that is known to have ended loses it at once.
"""

import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Event, Lock, Thread
from typing import Any

from tuner.errors import TunerError
from tuner.study.claims import Decide, Points
from tuner.study.owner import gone
from tuner.study.patience import AWAY
from tuner.study.snapshot import StudySnapshot

LONGEST_HOLD = 30.0
"""Seconds that a holder may take; it is frozen, or its machine is gone, when it takes longer."""

RENEWAL = LONGEST_HOLD / 3
"""Seconds between two renewals of a lease that is held for long."""

FIRST_PAUSE, LONGEST_PAUSE = 0.005, 0.2

Mark = Mapping[str, Any]
"""Identity of the holder, and a word that differs from turn to turn."""


class LeaseError(Exception):
    """The lease is another agent's."""


class Lease:
    """Turns at something that the agents of a study share."""

    def __init__(
        self,
        name: str,
        me: Mapping[str, Any],
        enter: Callable[[Decide], None],
        leave: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take nothing yet.

        Args:
            name: Attribute of the study that holds it.
            me: Identity of this agent.
            enter: Changes attributes of the study in one transaction; see `TrialClaims.update`.
            leave: Called by a thread of ours at its end, to release its database session.
            clock: Seconds, monotonic.
            sleep: Waits for so many seconds.
        """
        self._name = name
        self._me = me
        self._enter = enter
        self._leave = leave
        self._clock = clock
        self._sleep = sleep
        self._mark: Mark | None = None
        self._marking = Lock()
        self._seen: tuple[Mark | None, float] = None, 0.0

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
        try:
            yield
        finally:
            mark, self._mark = self._mark, None
            self._change(lambda found: None if found == mark else found)

    @contextmanager
    def renewed(self, patience: float) -> Iterator[None]:
        """Hold the lease for any time: a thread renews it as long as this process runs.

        Args:
            patience: Seconds to wait for it; a holder that has vanished with its machine is
                noticed after `LONGEST_HOLD`.

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
        """Check that the lease is still ours, right before what must not be done twice.

        Raises:
            LeaseError: It is not: this agent was frozen, or took too long.
        """
        with self._marking:
            is_ours = self._mark is not None and self._change(lambda now: now) == self._mark
        if not is_ours:
            raise LeaseError("another agent has taken over meanwhile")

    def _renew_until(self, over: Event) -> None:
        while not over.wait(RENEWAL):
            # Where the storage is away for too long, another agent takes over.
            with suppress(*AWAY, KeyError, TunerError):
                self._renew()
        self._leave()

    def _renew(self) -> None:
        """Show that this agent lives, unless the lease was lost."""
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
                raise LeaseError("another agent is at it")
            seen, _ = self._seen
            if found != seen:
                self._seen = found, self._clock()
            self._sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311
            pause = min(2 * pause, LONGEST_PAUSE)

    def _is_free(self, holder: Mark | None) -> bool:
        """Whether nobody holds it, or nobody that lives."""
        if holder is None:
            return True
        owner, (seen, since) = holder["owner"], self._seen
        is_stuck = holder == seen and self._clock() - since > LONGEST_HOLD
        return is_stuck or owner["agent"] == self._me["agent"] or gone(owner, self._me)

    def _change(self, change: Callable[[Mark | None], Mark | None]) -> Mark | None:
        """Change the holder; doing it twice does nothing more.

        Returns:
            The holder afterwards.
        """
        after: Mark | None = None

        def decide(
            stored: Mapping[str, Any],
            snapshot: StudySnapshot,  # noqa: ARG001
        ) -> tuple[Mapping[str, Any], Points]:
            nonlocal after
            before = stored.get(self._name)
            after = change(before)
            return ({} if after == before else {self._name: after}), ()

        self._enter(decide)
        return after
