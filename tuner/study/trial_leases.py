"""The trials that an agent runs, and the heartbeats by which it keeps them."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, RLock, Thread
from typing import TypeVar

from optuna.exceptions import UpdateFinishedTrialError

from tuner.settings.settings import StorageSettings
from tuner.study.claims import NotOwnedError, TrialClaims
from tuner.study.handle import TrialHandle
from tuner.study.lost import StudyLostError
from tuner.study.storage_retry import STORAGE_ERRORS, StorageRetry

T = TypeVar("T")

_log = logging.getLogger(__name__)

Clocks = tuple[float, float]
"""Seconds of the wall clock, and seconds since boot including sleep."""

GRACE_INTERVALS = 2.0
"""Heartbeat intervals that living agents have to write one after the storage was unavailable."""


class TrialLeases:
    """The trials of this agent; a thread writes their heartbeats until they are released.

    The thread reads the storage and never writes it: otherwise it could wait for the lock that
    Optuna's journal holds during a write, while holding a lock that the same write needs.
    """

    def __init__(
        self,
        claims: TrialClaims,
        retry: StorageRetry,
        settings: StorageSettings,
        on_thread_end: Callable[[], None],
    ) -> None:
        """Start the heartbeat thread; no trial is leased yet.

        Args:
            claims: Claims on the study's trials.
            retry: Retries, which are notified when the storage or this agent was unavailable.
            settings: Group `storage`.
            on_thread_end: Function that the thread calls at its end.
        """
        self._claims = claims
        self._retry = retry
        self._settings = settings
        self._on_thread_end = on_thread_end
        self._leased: dict[int, TrialHandle] = {}
        self._lost: set[int] = set()
        self._crashes_to_undo: set[int] = set()
        self._last_heartbeat = _clocks()
        self._heartbeat_lock = RLock()
        self._stopped = Event()
        self._heartbeat_thread = Thread(target=self._run_heartbeats, name="heartbeat", daemon=True)
        self._heartbeat_thread.start()

    @property
    def numbers(self) -> set[int]:
        """Numbers of the leased trials."""
        return set(self._leased)

    def add(self, number: int, trial: TrialHandle) -> None:
        """Lease one more trial."""
        with self._heartbeat_lock:
            self._lost.discard(number)
            self._leased[number] = trial

    @contextmanager
    def ending(self, number: int) -> Iterator[None]:
        """End the lease of a trial after the context; no heartbeat is written meanwhile."""
        with self._heartbeat_lock:
            yield
            self._leased.pop(number, None)

    def do(self, number: int, action: Callable[[TrialHandle], T]) -> T | None:
        """Apply a function to a trial that we own; return None if we no longer own it.

        After a silence of this agent the storage is read first.
        """
        if self._is_silent:
            self._heartbeat()
        leased = self._leased.get(number)
        if leased is None:
            return None
        try:
            return action(leased)
        except (NotOwnedError, UpdateFinishedTrialError):
            # We finished it ourselves before, but the storage's answer was lost.
            if not self._claims.owns(number):
                self._lose({number})
            return None

    def owns(self, number: int) -> bool:
        """Return True if a trial that was claimed here is still ours, or was until we finished it.

        The storage is read only after a silence of this agent.
        """
        if self._is_silent:
            self._heartbeat()
        self._undo_crashes()
        return number not in self._lost

    @property
    def trust_silence(self) -> bool:
        """True if another agent's silence means that it is gone.

        False right after the storage or this agent was unavailable: others may have been, too.
        """
        is_steady = (
            self._retry.seconds_since_failure
            >= GRACE_INTERVALS * self._settings.heartbeat_interval
        )
        return is_steady and not self._is_silent

    def stop(self) -> None:
        """Stop writing heartbeats."""
        self._stopped.set()
        self._heartbeat_thread.join()

    def release(self) -> None:
        """Requeue the unfinished trials."""
        self.stop()
        # If the storage is unavailable, our silence shows the others that we are gone.
        for number in self._leased:
            with suppress(*STORAGE_ERRORS, KeyError, StudyLostError, UpdateFinishedTrialError):
                self._claims.requeue(number)
        self._undo_crashes()

    @property
    def _is_silent(self) -> bool:
        """True if this agent wrote no heartbeat for so long that others may have its trials."""
        return passed(self._last_heartbeat, _clocks()) > self._settings.heartbeat_timeout

    def _run_heartbeats(self) -> None:
        """Write heartbeats until stopped; runs in a thread."""
        while not self._stopped.wait(self._settings.heartbeat_interval):
            try:
                self._heartbeat()
            except (*STORAGE_ERRORS, KeyError, StudyLostError) as error:
                # If the study is lost, the agent's next call raises the error.
                _log.info("heartbeat missed: %s: %s", type(error).__name__, error)
        self._on_thread_end()

    def _heartbeat(self) -> None:
        """Write a heartbeat for all leased trials, and notice which ones others took."""
        if self._is_silent:
            silence = passed(self._last_heartbeat, _clocks())
            _log.info("this agent was silent for %.1f s; others may have its trials", silence)
            self._retry.note_failure()
        with self._heartbeat_lock:
            # Before the call, not after it: others count from when it reached the storage.
            began = _clocks()
            try:
                owned = self._claims.heartbeat(self._leased) if self._leased else set()
            except STORAGE_ERRORS:
                self._retry.note_failure()
                raise
            self._lose(set(self._leased) - owned)
            self._last_heartbeat = began
            if self._leased:
                _log.debug("heartbeat for trials %s", sorted(self._leased))

    def _lose(self, numbers: set[int]) -> None:
        """Note that other agents have taken these trials: this one was suspended."""
        with self._heartbeat_lock:
            self._lost |= numbers
            self._crashes_to_undo |= numbers & set(self._leased)
            if numbers:
                _log.info("trials %s are other agents' by now", sorted(numbers))
            for number in numbers:
                self._leased.pop(number, None)

    def _undo_crashes(self) -> None:
        """Undo the crashes that our silence was counted as; no attempt failed."""
        with self._heartbeat_lock:
            numbers, self._crashes_to_undo = self._crashes_to_undo, set()
        for number in numbers:
            with suppress(*STORAGE_ERRORS, KeyError, StudyLostError, UpdateFinishedTrialError):
                self._claims.undo_crash(number)


def passed(before: Clocks, now: Clocks) -> float:
    """Return the seconds between two readings, by the clock that advanced more.

    The wall clock may be set back, and the other may stop while a virtual machine is paused.
    """
    return max(later - earlier for earlier, later in zip(before, now, strict=True))


def _clocks() -> Clocks:
    since_start = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.time(), time.clock_gettime(since_start)
