"""Functions of a user that are called while a sweep runs."""

from collections.abc import Callable, Sequence
from typing import Protocol

from tuner.api.study import Study, Trial
from tuner.errors import InputError
from tuner.execution.interfaces import SweepHooks
from tuner.trial.records import Report, TrialOutcome, TrialSpec

_METHODS = ("trial_started", "trial_reported", "trial_finished")


class Callback(Protocol):
    """Called as trials of a search start, report and finish.

    Subclass it and override what is needed; the methods here do nothing. They are called in the
    process and in the thread of `tuner.sweep`, one after another, so that a slow one delays the
    answers to the workers. `study.stop()` ends the sweep gently. An exception does the same;
    `tuner.sweep` raises it again once everything is stored.

    Example:
        class StopAt(tuner.Callback):
            def trial_finished(self, study, trial):
                if trial.score is not None and trial.score > 0.95:
                    study.stop()
    """

    def trial_started(self, study: Study, trial: Trial) -> None:
        """Take note of an attempt that begins.

        Args:
            study: The study, as it is stored by now.
            trial: The trial; its state is `running`.
        """

    def trial_reported(self, study: Study, trial: Trial, report: Report) -> None:
        """Take note of an evaluation point.

        Args:
            study: The study, as it is stored by now.
            trial: The trial; its state is `running`.
            report: Losses in nats, metrics from 0 to 1, speed and memory at the point.
        """

    def trial_finished(self, study: Study, trial: Trial) -> None:
        """Take note of a trial that ended and is not tried again.

        Args:
            study: The study, as it is stored by now.
            trial: The trial with its state and score.
        """


class CallbackRunner:
    """Calls the callbacks of one sweep, and stops it at their first exception.

    Attributes:
        error: The first exception of a callback; None: there was none.
    """

    def __init__(
        self, callbacks: Sequence[Callback], study: Study, notice: Callable[[str], None]
    ) -> None:
        """Call nothing yet.

        Args:
            callbacks: Each has all methods of `Callback`.
            study: The study that the callbacks are given.
            notice: Shows a line.

        Raises:
            InputError: A callback lacks a method.
        """
        for callback in callbacks:
            _check(callback)
        self.error: Exception | None = None
        self._callbacks = list(callbacks)
        self._study = study
        self._notice = notice

    @property
    def hooks(self) -> SweepHooks:
        """The functions that the sweep calls."""
        return SweepHooks(
            on_started=self._started,
            on_reported=self._reported,
            on_finished=self._finished,
            stop_requested=lambda: self._study.stop_requested,
        )

    def _started(self, spec: TrialSpec) -> None:
        if self._callbacks:
            trial = Trial.running(spec)
            self._each(lambda callback: callback.trial_started(self._study, trial))

    def _reported(self, spec: TrialSpec, report: Report) -> None:
        if self._callbacks:
            trial = Trial.running(spec)
            self._each(lambda callback: callback.trial_reported(self._study, trial, report))

    def _finished(self, spec: TrialSpec, outcome: TrialOutcome) -> None:
        if self._callbacks:
            trial = Trial.finished(spec, outcome)
            self._each(lambda callback: callback.trial_finished(self._study, trial))

    def _each(self, call: Callable[[Callback], None]) -> None:
        """Call each callback; one that fails is not called again."""
        for callback in list(self._callbacks):
            try:
                call(callback)
            except Exception as error:
                self._callbacks.remove(callback)
                self._study.stop()
                self.error = self.error or error
                self._notice(
                    f"the callback {type(callback).__name__} failed with "
                    f"{type(error).__name__}: {error}"
                )


def _check(callback: object) -> None:
    if isinstance(callback, type):
        raise InputError(
            f"the callback {callback.__name__} is a class",
            where="callbacks",
            remedy=f"an object of it, as {callback.__name__}()",
        )
    missing = [name for name in _METHODS if not callable(getattr(callback, name, None))]
    if missing:
        raise InputError(
            f"the callback {callback!r} has no method {', '.join(missing)}",
            where="callbacks",
            remedy="an object of a subclass of tuner.Callback",
        )
