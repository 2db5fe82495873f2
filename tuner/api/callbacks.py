"""User functions that are called while a sweep runs."""

from collections.abc import Callable, Sequence
from typing import Protocol

from tuner.api.study import Study, Trial
from tuner.errors import InputError
from tuner.execution.interfaces import SweepHooks
from tuner.trial.records import Report, TrialOutcome, TrialSpec

_METHODS = ("trial_started", "trial_reported", "trial_finished")


class Callback(Protocol):
    """Methods that are called as trials of a search start, report and finish.

    Subclass it and override what is needed; the methods here do nothing. They are called in the
    process and the thread of `tuner.sweep`, one after another, so that a slow one delays the
    answers to the workers. `study.stop()` ends the sweep gently. An exception does the same;
    `tuner.sweep` raises it again once everything is stored.

    Example::

        class StopAt(tuner.Callback):
            def trial_finished(self, study, trial):
                if trial.score is not None and trial.score > 0.95:
                    study.stop()
    """

    def trial_started(self, study: Study, trial: Trial) -> None:
        """Handle an attempt that begins.

        Args:
            study: Study as it is stored now.
            trial: Trial in state `running`.
        """

    def trial_reported(self, study: Study, trial: Trial, report: Report) -> None:
        """Handle an evaluation point.

        Args:
            study: Study as it is stored now.
            trial: Trial in state `running`.
            report: Losses in nats, metrics from 0 to 1, speed and memory at the point.
        """

    def trial_finished(self, study: Study, trial: Trial) -> None:
        """Handle a trial that ended and is not tried again.

        Args:
            study: Study as it is stored now.
            trial: Trial with its state and score.
        """


class CallbackRunner:
    """Calls the callbacks of one sweep, and stops the sweep at their first exception.

    Attributes:
        error: First exception of a callback; None if there was none.
    """

    def __init__(
        self, callbacks: Sequence[Callback], study: Study, notice: Callable[[str], None]
    ) -> None:
        """Check the callbacks; none is called yet.

        Args:
            callbacks: Objects with all methods of `Callback`.
            study: Study that is passed to the callbacks.
            notice: Function that shows a line.

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
        """Functions that the sweep calls."""
        return SweepHooks(
            on_started=self._started,
            on_reported=self._reported,
            on_finished=self._finished,
            stop_requested=lambda: self._study.stop_requested,
        )

    def _started(self, spec: TrialSpec) -> None:
        if self._callbacks:
            trial = Trial.running(spec)
            self._call_each(lambda callback: callback.trial_started(self._study, trial))

    def _reported(self, spec: TrialSpec, report: Report) -> None:
        if self._callbacks:
            trial = Trial.running(spec)
            self._call_each(lambda callback: callback.trial_reported(self._study, trial, report))

    def _finished(self, spec: TrialSpec, outcome: TrialOutcome) -> None:
        if self._callbacks:
            trial = Trial.finished(spec, outcome)
            self._call_each(lambda callback: callback.trial_finished(self._study, trial))

    def _call_each(self, call: Callable[[Callback], None]) -> None:
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
            remedy=f"callbacks=[{callback.__name__}()], an object of it",
        )
    missing = [name for name in _METHODS if not callable(getattr(callback, name, None))]
    if missing:
        raise InputError(
            f"the callback {callback!r} has no method {', '.join(missing)}",
            where="callbacks",
            remedy="class MyCallback(tuner.Callback): ..., and callbacks=[MyCallback()]",
        )
