"""The trials that an agent runs, and the heartbeats by which they stay its own."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, RLock, Thread
from typing import TypeVar

from optuna.exceptions import UpdateFinishedTrialError

from tuner.settings.settings import StorageSettings
from tuner.study.claims import NotOursError, TrialClaims
from tuner.study.handle import TrialHandle
from tuner.study.lost import StudyLostError
from tuner.study.patience import AWAY, Patience

T = TypeVar("T")

Clocks = tuple[float, float]
"""Seconds of the wall clock and of the clock since the machine's start, a sleep included."""

GRACE_INTERVALS = 2.0
"""Heartbeat intervals that the living have to show themselves after the storage was away."""


class TrialLeases:
    """The trials of this agent; a thread writes heartbeats for them until they are released.

    The thread reads the storage and never writes it: what Optuna's journal holds while it writes
    must not be waited for by who holds the lock that the same write needs.
    """

    def __init__(
        self,
        claims: TrialClaims,
        patience: Patience,
        settings: StorageSettings,
        on_thread_end: Callable[[], None],
    ) -> None:
        """Start the thread; no trial is held yet.

        Args:
            claims: Claims on the study's trials.
            patience: Told when the storage was away, or this agent was.
            settings: Group `storage`.
            on_thread_end: Called by the thread at its end.
        """
        self._claims = claims
        self._patience = patience
        self._settings = settings
        self._on_thread_end = on_thread_end
        self._held: dict[int, TrialHandle] = {}
        self._lost: set[int] = set()
        self._unforgiven: set[int] = set()
        self._beaten_at = _clocks()
        self._beating = RLock()
        self._stopped = Event()
        self._heartbeat_thread = Thread(target=self._beat, name="heartbeat", daemon=True)
        self._heartbeat_thread.start()

    @property
    def numbers(self) -> set[int]:
        """Numbers of the trials that are held."""
        return set(self._held)

    def add(self, number: int, trial: TrialHandle) -> None:
        """Hold one more trial."""
        with self._beating:
            self._lost.discard(number)
            self._held[number] = trial

    @contextmanager
    def ending(self, number: int) -> Iterator[None]:
        """Hold a trial no longer once it is ended; no heartbeat is written for it meanwhile."""
        with self._beating:
            yield
            self._held.pop(number, None)

    def do(self, number: int, action: Callable[[TrialHandle], T]) -> T | None:
        """Do something with a trial of ours; None where it is no longer ours.

        After a silence of ours the storage is asked first whether it still is.
        """
        if self._is_silent:
            self._beat_once()
        held = self._held.get(number)
        if held is None:
            return None
        try:
            return action(held)
        except (NotOursError, UpdateFinishedTrialError):
            # One that we finished ourselves: it was told before, but the answer never came.
            if not self._claims.owns(number):
                self._lose({number})
            return None

    def owns(self, number: int) -> bool:
        """True if a trial that was claimed here is still ours, or was until we finished it.

        Only after a silence of ours the storage is asked.
        """
        if self._is_silent:
            self._beat_once()
        self._forgive()
        return number not in self._lost

    @property
    def judging(self) -> bool:
        """True if other agents' silence means that they are gone.

        Not just after the storage was away, or we ourselves were: they may have been, too.
        """
        steady = self._patience.steady >= GRACE_INTERVALS * self._settings.heartbeat_interval
        return steady and not self._is_silent

    def stop(self) -> None:
        """Write no heartbeat any more."""
        self._stopped.set()
        self._heartbeat_thread.join()

    def release(self) -> None:
        """Let the trials that were not finished wait for whoever claims them."""
        self.stop()
        # Where the storage is away, the others see by our silence that we are gone.
        for number in self._held:
            with suppress(*AWAY, KeyError, StudyLostError, UpdateFinishedTrialError):
                self._claims.put_back(number)
        self._forgive()

    @property
    def _is_silent(self) -> bool:
        """True if this agent wrote no heartbeat for so long that others may have its trials."""
        return passed(self._beaten_at, _clocks()) > self._settings.heartbeat_timeout

    def _beat(self) -> None:
        """The thread: heartbeats for as long as the process lives."""
        while not self._stopped.wait(self._settings.heartbeat_interval):
            # Of a study that is lost the next call by the agent says so.
            with suppress(*AWAY, KeyError, StudyLostError):
                self._beat_once()
        self._on_thread_end()

    def _beat_once(self) -> None:
        """Write a heartbeat for all that is held, and notice what others took meanwhile."""
        if self._is_silent:
            self._patience.interrupted()
        with self._beating:
            # Not when it has ended: others count from when it reached the storage.
            began = _clocks()
            try:
                ours = self._claims.beat(self._held) if self._held else set()
            except AWAY:
                self._patience.interrupted()
                raise
            self._lose(set(self._held) - ours)
            self._beaten_at = began

    def _lose(self, numbers: set[int]) -> None:
        """Note that other agents have these trials: this one was suspended."""
        with self._beating:
            self._lost |= numbers
            self._unforgiven |= numbers & set(self._held)
            for number in numbers:
                self._held.pop(number, None)

    def _forgive(self) -> None:
        """Take back the crashes that our silence had counted as; no attempt failed by it."""
        with self._beating:
            numbers, self._unforgiven = self._unforgiven, set()
        for number in numbers:
            with suppress(*AWAY, KeyError, StudyLostError, UpdateFinishedTrialError):
                self._claims.forgive(number)


def passed(before: Clocks, now: Clocks) -> float:
    """Return the seconds between two readings, by the clock that saw more.

    The wall clock may be set back, and the other one may stand still while a virtual machine is
    stopped.
    """
    return max(later - earlier for earlier, later in zip(before, now, strict=True))


def _clocks() -> Clocks:
    since_start = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.time(), time.clock_gettime(since_start)
