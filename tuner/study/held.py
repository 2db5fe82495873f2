"""The trials that an agent has, and the signs of life by which they stay its own."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, RLock, Thread
from typing import Any, TypeVar

from optuna.exceptions import UpdateFinishedTrialError

from tuner.settings.settings import StorageSettings
from tuner.study.handle import TrialHandle
from tuner.study.ledger import Ledger, NotOursError
from tuner.study.lost import StudyLostError
from tuner.study.patience import AWAY, Patience

T = TypeVar("T")

Clocks = tuple[float, float]
"""Seconds of the wall clock and of the clock since the machine's start, a sleep included."""

SIGNS = 2.0
"""After the database was away the living get so many heartbeat intervals to show themselves."""


class HeldTrials:
    """The trials of this agent; a thread gives signs of life for them until they are let go."""

    def __init__(
        self,
        ledger: Ledger[Any],
        patience: Patience,
        settings: StorageSettings,
        leave: Callable[[], None],
    ) -> None:
        """Has none, and starts the thread.

        Args:
            ledger: Of the study.
            patience: Told when the storage was away, or this agent was.
            settings: Group `storage`.
            leave: What the thread does at its end.
        """
        self._ledger = ledger
        self._patience = patience
        self._settings = settings
        self._leave = leave
        self._held: dict[int, TrialHandle] = {}
        self._lost: set[int] = set()
        self._beaten_at = _clocks()
        self._beating = RLock()
        self._stopped = Event()
        self._heart = Thread(target=self._beat, name="heartbeat", daemon=True)
        self._heart.start()

    @property
    def numbers(self) -> set[int]:
        """Of the trials, at this moment."""
        return set(self._held)

    def take(self, number: int, trial: TrialHandle) -> None:
        """Has one more."""
        with self._beating:
            self._lost.discard(number)
            self._held[number] = trial

    @contextmanager
    def ending(self, number: int) -> Iterator[None]:
        """Has a trial no longer once it is ended; no sign of life is given for it meanwhile."""
        with self._beating:
            yield
            self._held.pop(number, None)

    def do(self, number: int, action: Callable[[TrialHandle], T]) -> T | None:
        """Does something with a trial of ours; None where it is no longer ours."""
        held = self._held.get(number)
        if held is None:
            return None
        try:
            return action(held)
        except (NotOursError, UpdateFinishedTrialError):
            # One that we finished ourselves: it was told before, but the answer never came.
            if not self._ledger.owns(held.id):
                self._lose({number})
            return None

    def owns(self, number: int) -> bool:
        """Whether a trial that was taken here is still ours, or was until we finished it.

        Only after a silence of ours the storage is asked.
        """
        if self._frozen:
            self._beat_once()
        return number not in self._lost

    @property
    def judging(self) -> bool:
        """Whether other agents' silence means that they are gone.

        Not just after the storage was away, or we ourselves were frozen: they may have been, too.
        """
        steady = self._patience.steady >= SIGNS * self._settings.heartbeat_interval
        return steady and not self._frozen

    def stop(self) -> None:
        """Gives no sign of life any more."""
        self._stopped.set()
        self._heart.join()

    def let_go(self) -> None:
        """Lets the trials that were not finished wait for whoever takes them up."""
        self.stop()
        for held in self._held.values():
            # Where the storage is away, the others see by our silence that we are gone.
            with suppress(*AWAY, KeyError, StudyLostError):
                self._ledger.put_back(held.id)

    @property
    def _frozen(self) -> bool:
        """Whether this agent gave no sign of life for so long that others may have its trials."""
        return passed(self._beaten_at, _clocks()) > self._settings.heartbeat_timeout

    def _beat(self) -> None:
        """The thread: signs of life for as long as the process lives."""
        while not self._stopped.wait(self._settings.heartbeat_interval):
            # Of a study that is lost the next call by the agent says so.
            with suppress(*AWAY, KeyError, StudyLostError):
                self._beat_once()
        self._leave()

    def _beat_once(self) -> None:
        """Gives a sign of life for all that we have, and notices what others took meanwhile."""
        if self._frozen:
            self._patience.interrupted()
        with self._beating:
            held = {held.id: number for number, held in self._held.items()}
            try:
                ours = self._ledger.beat(held) if held else set()
            except AWAY:
                self._patience.interrupted()
                raise
            self._lose({number for id_, number in held.items() if id_ not in ours})
            self._beaten_at = _clocks()

    def _lose(self, numbers: set[int]) -> None:
        """Other agents have these trials: this one was suspended, and no attempt failed by it."""
        self._lost |= numbers
        for number in numbers:
            trial = self._held.pop(number, None)
            if trial is not None:
                with suppress(*AWAY):
                    self._ledger.forgive(trial.id)


def passed(before: Clocks, now: Clocks) -> float:
    """Return the seconds between two readings, by the clock that saw more.

    The wall clock may be set back, and the other one may stand still while a virtual machine is
    stopped.
    """
    return max(later - earlier for earlier, later in zip(before, now, strict=True))


def _clocks() -> Clocks:
    since_start = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.time(), time.clock_gettime(since_start)
