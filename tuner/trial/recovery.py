"""Reaction to a failed attempt: again unchanged, again with less memory, or give up."""

import math
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from signal import Signals

from tuner.settings.settings import TrialSettings
from tuner.trial.failure import memory_line
from tuner.trial.records import TrialError

SIGKILL = -9

STOPPED = "WorkerStopped"
"""Type of the error of an attempt whose worker was asked to end, as by SIGTERM."""

_REQUESTS = {-Signals.SIGTERM, -Signals.SIGHUP, -Signals.SIGINT}
"""Exit statuses of a worker that somebody asked to end."""


class RetryAction(Enum):
    """Kind of reaction to a failed attempt."""

    AGAIN = auto()
    SMALLER = auto()
    INFEASIBLE = auto()
    FAILED = auto()


@dataclass(frozen=True, kw_only=True)
class Next:
    """Reaction to a failed attempt.

    Attributes:
        verdict: In one word.
        settings: Settings of the next attempt; None without one.
        message: Message for people.
    """

    verdict: RetryAction
    settings: TrialSettings | None = None
    message: str = ""


def after_failure(
    error: TrialError, settings: TrialSettings, crashes: int, max_attempts: int
) -> Next:
    """Decide what follows a failed attempt.

    A Python error is what the trial's configuration does, and does again; a dead worker or GPU may
    have been an accident; memory that ran out comes back with a smaller batch.

    Args:
        error: Why it failed.
        settings: With which it ran.
        crashes: Attempts at this trial whose worker, GPU or agent died, this one included.
        max_attempts: `launcher.max_attempts`.
    """
    if error.kind == "out_of_memory":
        smaller = with_less_memory(settings)
        if smaller is None:
            message = "not even one example fits with activations computed again"
            return Next(verdict=RetryAction.INFEASIBLE, message=message)
        message = f"{split(smaller)}; effective batch {smaller.effective_batch_size} as before"
        return Next(verdict=RetryAction.SMALLER, settings=smaller, message=message)
    if error.is_accident and crashes < max_attempts:
        return Next(
            verdict=RetryAction.AGAIN,
            settings=settings,
            message=f"attempt {crashes + 1} of {max_attempts}",
        )
    return Next(verdict=RetryAction.FAILED)


def with_less_memory(settings: TrialSettings) -> TrialSettings | None:
    """Return the same trial with smaller micro-batches; None if there are none.

    Half the batch, an odd one halved upwards, and as many more accumulation steps: the update has
    the same examples with the same weights, so it is the same update. With one example in a
    batch, activations are computed again instead of kept (Chen 2016).
    """
    training = settings.training
    if training.batch_size > 1:
        return with_batch(settings, math.ceil(training.batch_size / 2))
    if training.rematerialize:
        return None
    return replace(settings, training=replace(training, rematerialize=True))


def with_batch(settings: TrialSettings, batch_size: int) -> TrialSettings:
    """Return the same trial with another batch size and the same effective batch."""
    training, effective = settings.training, settings.effective_batch_size
    steps = math.ceil(effective / (batch_size * training.devices))
    whole = batch_size * steps * training.devices == effective
    ratio = batch_size / training.batch_size
    return replace(
        settings,
        training=replace(
            training,
            batch_size=batch_size,
            accumulation_steps=steps,
            effective_batch_size=None if whole else effective,
            evaluation_batch_size=max(1, math.ceil(training.evaluation_batch_size * ratio)),
        ),
    )


def split(settings: TrialSettings) -> str:
    """Batch and accumulation of a trial's updates, in the user's own keys."""
    training = settings.training
    return cut_text(training.batch_size, training.accumulation_steps, training.rematerialize)


def cut_text(batch_size: object, accumulation_steps: object, rematerialize: bool) -> str:
    """The same of its three settings."""
    again = " training.rematerialize=true" if rematerialize else ""
    return (
        f"training.batch_size={batch_size} training.accumulation_steps={accumulation_steps}{again}"
    )


@dataclass
class Limits:
    """Largest batches that fit on this machine's slots, by the settings that decide memory.

    Attributes:
        batches: Key to batch size; 0: one example with activations computed again.
    """

    batches: dict[str, int] = field(default_factory=dict)

    def learn(self, settings: TrialSettings) -> None:
        """Note that a trial needs a split as small as this one."""
        training = settings.training
        self.batches[_key(settings)] = 0 if training.rematerialize else training.batch_size

    def apply(self, settings: TrialSettings) -> TrialSettings:
        """Return the same trial, split so that it keeps within the learned limits."""
        known = self.batches.get(_key(settings))
        if known is None or settings.training.rematerialize:
            return settings
        if settings.training.batch_size > max(known, 1):
            settings = with_batch(settings, max(known, 1))
        if known == 0:
            settings = replace(settings, training=replace(settings.training, rematerialize=True))
        return settings


def _key(settings: TrialSettings) -> str:
    """Model, length, precision, optimizer: what a batch's memory depends on."""
    return " ".join(
        (
            settings.model.checkpoint,
            str(settings.model.max_length),
            settings.training.precision,
            settings.optimizer.name,
            f"devices={settings.training.devices}",
        )
    )


def death(code: int, log: str, oom_kills: int, lost_node: str = "") -> TrialError:
    """Return the error of a worker that died, from its exit status and the system.

    Args:
        code: Exit status; negative: the signal that ended it.
        log: The last lines that it printed.
        oom_kills: Processes that the kernel ended for lack of memory while it lived.
        lost_node: Address of the node that was lost, and the worker with it; empty: it was not.
    """
    if lost_node:
        message = f"the node {lost_node} was lost"
        return TrialError(kind="crash", type="NodeLost", message=message, traceback=log)
    if code == SIGKILL and oom_kills > 0:
        return TrialError(
            kind="out_of_memory",
            type="OutOfMemoryKill",
            message="the kernel killed the worker because memory ran out",
            traceback=log,
        )
    short = memory_line(log)
    died = STOPPED if code in _REQUESTS else "WorkerDied"
    return TrialError(
        kind="out_of_memory" if short else "crash",
        type="OutOfMemory" if short else died,
        message=_death(code) + (" when memory ran out" if short else ""),
        traceback=log,
    )


def stall(seconds: float, log: str) -> TrialError:
    """Return the error of a worker that was killed for its silence.

    TensorFlow waits ten seconds for each piece of memory that it does not get, and XLA asks for
    one after the other where it has no room to try an operation's algorithms.
    """
    short = memory_line(log)
    silent = f"nothing was heard of the worker for {seconds:.0f} s (launcher.stall_timeout)"
    return TrialError(
        kind="out_of_memory" if short else "crash",
        type="WorkerStalled",
        message=silent + (" when memory ran out" if short else ""),
        traceback=log,
    )


def uses_up_attempt(error: TrialError, *, advanced: bool) -> bool:
    """Return True if a failed attempt counts toward `launcher.max_attempts`.

    A worker that was asked to end says nothing against its trial, as long as the trial advances:
    a program that ends what takes too much memory would ask each attempt at the same place.

    Args:
        error: Why the attempt failed.
        advanced: True if the attempt made a report of its own.
    """
    return error.is_accident and not (error.type == STOPPED and advanced)


def worn_out(crashes: int) -> TrialError:
    """Return the error of a trial all attempts of which killed their worker or agent."""
    return TrialError(
        kind="crash",
        type="AgentDied",
        message=f"worker or agent died in each of {crashes} attempts (launcher.max_attempts)",
    )


def _death(code: int) -> str:
    if code < 0:
        return f"the worker was killed by {_signal_name(-code)}"
    return f"the worker ended with exit status {code}"


def _signal_name(number: int) -> str:
    try:
        return Signals(number).name
    except ValueError:
        return f"signal {number}"
