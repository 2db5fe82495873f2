"""The life of a worker: ready, then trial after trial until the agent goes.

Knows nothing of TensorFlow: what runs a trial is handed in, so tests hand in a fake.
"""

import logging
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any, Protocol

from tuner.errors import InputError
from tuner.files.model_folder import save_complete
from tuner.metrics import MetricRecord
from tuner.settings.settings import TrialSettings
from tuner.tasks import Baseline
from tuner.trial.failure import kind_of, may_hide_shortage, shortage
from tuner.trial.names import (
    BEGIN,
    MEMBER_NAME,
    MODEL_NAME,
    PROFILE_NAME,
    STATE_NAME,
    last_attempt,
)
from tuner.trial.records import Decision, Report, TrialError, TrialSpec
from tuner.worker.channel import Channel, end_by_signal
from tuner.worker.cuda import free_gpu_memory
from tuner.worker.log import logging_to
from tuner.worker.protocol import (
    Answer,
    Failed,
    Finished,
    Prepare,
    Progress,
    Ready,
    Refused,
    Reported,
    Run,
    Started,
    ToWorker,
)

_log = logging.getLogger(__name__)

PROGRESS_SECONDS = 1.0
"""Between two `Progress` messages."""


TRACEBACK_CHARACTERS = 4000


class FineTuner(Protocol):
    """Runs trials; `tuner.training.fine_tune.FineTuner` is the real one."""

    def prepare(self, settings: TrialSettings) -> None:
        """Prepare what a trial with these settings needs."""

    def run(
        self,
        settings: TrialSettings,
        listener: Any,
        state: Path | None,
        profile: Path | None,
        metrics: Sequence[MetricRecord],
        times_inference: bool,
    ) -> str:
        """Run a trial, with its state and its profile saved there, metrics and speed measured.

        Returns:
            Why it diverged, empty if it did not.
        """

    def save_model(self, folder: Path) -> None:
        """Write the running trial's model as it is now."""

    def save_member(self, path: Path) -> None:
        """Write what the running trial's training has changed, as it is now."""


class Worker:
    """Serves the agent at the other end of a channel."""

    def __init__(
        self,
        channel: Channel,
        make_fine_tuner: Callable[[], tuple[FineTuner, Ready]],
        clock: Callable[[], float] = time.monotonic,
        on_terminate: Callable[[], None] = end_by_signal,
        log_to: Callable[[Path], AbstractContextManager[None]] = logging_to,
    ) -> None:
        """Bind the parts together; `serve` starts.

        Args:
            channel: To the agent.
            make_fine_tuner: Imports the libraries; returns what runs trials, and what to say
                when it can.
            clock: In seconds.
            on_terminate: Ends the process.
            log_to: Writes the log of a trial into its folder while it runs.
        """
        self._channel = channel
        self._make_fine_tuner = make_fine_tuner
        self._clock = clock
        self._on_terminate = on_terminate
        self._log_to = log_to
        self._listener: ChannelMonitor | None = None

    def terminate(self) -> None:
        """Called on SIGTERM: a running trial saves its state first, at its next update."""
        if self._listener is None:
            self._on_terminate()
        else:
            self._listener.terminated = True

    def serve(self) -> None:
        """Send `Ready`, then handle messages; the end of the stream ends the process."""
        fine_tuner, ready = self._make_fine_tuner()
        self._channel.send(ready)
        while True:
            self.handle(self._channel.receive(), fine_tuner)

    def handle(self, message: ToWorker | Refused, fine_tuner: FineTuner) -> None:
        """Handle one message, to its end."""
        match message:
            case Prepare(spec=spec):
                _prepare(spec, fine_tuner)
            case Run(spec=spec):
                self._run(spec, fine_tuner)
            case Refused(number=int(number), error=error):
                self._channel.send(Failed(number=number, error=as_data(error)))
            case Answer() | Refused():
                pass  # Meant for a trial that has ended in the meantime, or to be prepared.

    def _run(self, spec: TrialSpec, fine_tuner: FineTuner) -> None:
        folder = Path(spec.folder)

        def save() -> None:
            save_complete(folder / MODEL_NAME, fine_tuner.save_model)

        def save_member() -> None:
            fine_tuner.save_member(folder / MEMBER_NAME)

        listener = ChannelMonitor(spec.number, self._channel, self._clock, save, save_member)
        self._listener = listener
        with self._log_to(folder):
            _log.info("%s: trial %d, attempt %d", BEGIN, spec.number, spec.attempt)
            try:
                diverged = fine_tuner.run(
                    spec.settings,
                    listener,
                    folder / STATE_NAME,
                    folder / PROFILE_NAME,
                    spec.metrics,
                    spec.times_inference,
                )
            except Exception as error:
                failure = as_data(error, last_attempt(folder))
                _print_traceback()
                outcome: Finished | Failed = Failed(number=spec.number, error=failure)
            else:
                outcome = Finished(
                    number=spec.number,
                    diverged=diverged,
                    model_error=listener.model_error,
                    member_error=listener.member_error,
                )
                _log.info("ended%s", f", diverged: {diverged}" if diverged else "")
        # A trial that only SIGTERM has ended is not finished: without a message it is tried again.
        if not (
            listener.stopped_by_sigterm and outcome == Finished(number=spec.number, diverged="")
        ):
            self._channel.send(outcome)
        self._listener = None
        if listener.terminated:
            self._on_terminate()


class ChannelMonitor:
    """Sends a running trial's reports to the agent, and returns the agent's decisions.

    Attributes:
        terminated: SIGTERM has come.
        stopped_by_sigterm: True if SIGTERM, and nothing else, ended the trial.
        model_error: Why the model could not be saved; None where it was, or was not wanted.
        member_error: Likewise for what training has changed.
    """

    def __init__(
        self,
        number: int,
        channel: Channel,
        clock: Callable[[], float],
        save: Callable[[], None] = lambda: None,
        save_member: Callable[[], None] = lambda: None,
    ) -> None:
        self._save = save
        self._save_member = save_member
        self.terminated = False
        self.stopped_by_sigterm = False
        self.model_error: str | None = None
        self.member_error: str | None = None
        self._number = number
        self._channel = channel
        self._clock = clock
        self._said = clock()
        self._end: Decision | None = None

    def started(
        self, constant_guess: Baseline, labels: tuple[str, ...], resumed_at: int = 0
    ) -> None:
        """Send `Started`: the first update begins."""
        self._channel.send(
            Started(
                number=self._number,
                constant_guess=constant_guess,
                labels=labels,
                resumed_at=resumed_at,
            )
        )

    def progress(self, share: float, examples_per_second: float) -> None:
        """Send the progress, at most about once a second."""
        now = self._clock()
        if now - self._said >= PROGRESS_SECONDS:
            self._said = now
            self._channel.send(
                Progress(number=self._number, share=share, examples_per_second=examples_per_second)
            )

    def reported(self, report: Report) -> Decision:
        """Send a report and wait for the answer."""
        _log.info(
            "%d updates, point %d of %d: train_loss %.4f, val_loss %.4f, %.0f examples/s",
            report.updates,
            report.point,
            report.points,
            report.train_loss,
            report.val_loss,
            report.examples_per_second,
        )
        self._channel.send(Reported(number=self._number, report=report))
        if self._end is not None:
            return self._end
        decision = self._answered(self._channel.receive())
        if decision.saves_model:
            self.model_error = _error_of(self._save)
        if decision.saves_member:
            self.member_error = _error_of(self._save_member)
        return decision

    def _answered(self, message: ToWorker | Refused | None) -> Decision:
        """Decision in a message; one that ends the trial holds from here on."""
        decision = message.decision if isinstance(message, Answer) else Decision.CONTINUE
        if decision.ends:
            self._end = decision
        return decision

    def stop_requested(self) -> bool:
        """Return True if the agent or SIGTERM has ended the trial since."""
        if self._end is None:
            self._answered(self._channel.receive_nowait())
        if self._end is None and self.terminated:
            self._end, self.stopped_by_sigterm = Decision.SUSPEND, True
        return self._end is not None

    def should_checkpoint(self) -> bool:
        """Return True if the trial's state is to be saved at its end."""
        return self._end is Decision.SUSPEND


def _error_of(save: Callable[[], None]) -> str | None:
    """Save something; if that fails, the trial's score still counts, and the error is returned."""
    try:
        save()
    except Exception as error:
        _print_traceback()
        return one_line(error)
    return None


def as_data(error: Exception, printed: str = "") -> TrialError:
    """Return an exception as data.

    Args:
        error: Exception that ended an attempt.
        printed: By this process since the attempt began.
    """
    message = str(error).splitlines()
    if isinstance(error, InputError):
        kind, lines = "input", [line.strip() for line in message]
    else:
        names = [kind.__name__ for kind in type(error).__mro__]
        free = free_gpu_memory() if may_hide_shortage(str(error)) else None
        short = shortage(str(error), printed, free)
        kind = kind_of(names, str(error), short)
        lines = [*filter(None, [short]), *message[:1], *getattr(error, "__notes__", ())]
    text = "".join(traceback.format_exception(error))
    return TrialError(
        kind=kind,
        type=type(error).__name__,
        message="; ".join(lines),
        traceback=text[-TRACEBACK_CHARACTERS:],
    )


def one_line(error: Exception) -> str:
    """Return an error's type and message as one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _prepare(spec: TrialSpec, fine_tuner: FineTuner) -> None:
    """Prepare; an error is only logged, because the following run meets it again."""
    try:
        fine_tuner.prepare(spec.settings)
    except Exception:
        _print_traceback()


def _print_traceback() -> None:
    """Print the traceback of the current exception; the log may be on a full disk."""
    with suppress(OSError):
        traceback.print_exc()
