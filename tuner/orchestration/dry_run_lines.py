"""Texts of a sweep's plan: its space, and its expected duration."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median

from tuner.errors import InputError, TunerError
from tuner.launchers.launcher import Event, Launcher, WorkerExited
from tuner.orchestration.inputs import Input
from tuner.processes.active_time import ActiveTime, step_of
from tuner.results.tables import figure
from tuner.search.space import Choice, Dimension, Domain, SearchSpace, contains
from tuner.settings.settings import SweepSettings, TrialSettings
from tuner.trial.budget import Budget
from tuner.trial.duration import duration_text, seconds_left, trial_seconds
from tuner.trial.records import Decision, Scalar, TrialSpec
from tuner.worker.protocol import Answer, Failed, Finished, Progress, Ready, Reported, Run

SAMPLES = 8
"""Speeds used of each slot; the first are slow since graphs are traced, the last half counts."""

POLL_SECONDS = 0.5

SILENCE_STEP = 5.0
"""Maximal step of the clock of silence; a longer one means this process was suspended."""


def space_lines(space: SearchSpace, defaults: Mapping[str, Scalar]) -> Iterator[str]:
    """Yield the search space, a line for each dimension.

    Args:
        space: Search space.
        defaults: Values of the untuned default, by key.
    """
    width = max(len(dimension.key) for dimension in space.dimensions)
    for dimension in space.dimensions:
        default = defaults.get(dimension.key)
        known = dimension.key in defaults and contains(dimension.domain, default)
        parts = (
            f"  {dimension.key:<{width}}  {domain_text(dimension.domain)}",
            _condition_text(dimension),
            f"   (default {figure(default)})" if known else "",
        )
        yield "".join(parts)


def domain_text(domain: Domain) -> str:
    """Return the values of a domain in readable form."""
    if isinstance(domain, Choice):
        return ", ".join(map(figure, domain.values))
    step = getattr(domain, "step", 1)
    steps = f" in steps of {step}" if step != 1 else ""
    return f"{figure(domain.low)} to {figure(domain.high)}{steps}{', log' if domain.log else ''}"


def _condition_text(dimension: Dimension) -> str:
    conditions = (
        f"{key} is {' or '.join(map(figure, values))}" for key, values in dimension.when.items()
    )
    text = " and ".join(conditions)
    return f", when {text}" if text else ""


def measured_rate(
    launcher: Launcher,
    settings: TrialSettings,
    folder: Path,
    stall_timeout: float | None = None,
) -> float:
    """Measure the speed of a trial while every slot is at work, since slots share the machine.

    Args:
        launcher: Launcher whose workers are started; they are ended here.
        settings: Configuration of the trial.
        folder: Empty folder for the files of the trials.
        stall_timeout: Seconds without an event of any worker before an error.

    Returns:
        Examples per second on one slot.

    Raises:
        InputError: The trial cannot run as it is configured.
        TunerError: A worker died or stopped reporting, or the trial failed or diverged at once.
    """
    training = replace(settings.training, save_state="never")
    timing = _Timing(launcher, replace(settings, training=training), folder)
    listening = ActiveTime(time.monotonic, step_of(stall_timeout, SILENCE_STEP))
    last_event = listening()
    try:
        while timing.needs_more:
            events = launcher.poll(POLL_SECONDS)
            listened = listening()
            last_event = listened if events else last_event
            if stall_timeout is not None and listened - last_event > stall_timeout:
                raise TunerError(f"no worker has sent anything for {stall_timeout:.0f} s")
            for event in events:
                timing.handle(event)
    finally:
        launcher.kill()
    return timing.rate


class _Timing:
    """Runs one trial in every slot and records its speed."""

    def __init__(self, launcher: Launcher, settings: TrialSettings, folder: Path) -> None:
        self._launcher = launcher
        self._settings = settings
        self._folder = folder
        self._rates: dict[int, list[float]] = {slot: [] for slot in launcher.slots}
        self._ended: set[int] = set()

    @property
    def needs_more(self) -> bool:
        """True while a slot has reported too few speeds and may still report more."""
        return any(
            len(rates) < SAMPLES and slot not in self._ended for slot, rates in self._rates.items()
        )

    @property
    def rate(self) -> float:
        """Median of the slots' speeds, in examples per second."""
        return median(median(rates[len(rates) // 2 :]) for rates in self._rates.values())

    def handle(self, event: Event) -> None:
        """Handle an event of a worker."""
        slot = event.slot
        match event.message:
            case Ready():
                self._launcher.send(slot, Run(spec=self._spec(slot)))
            case Progress(examples_per_second=rate):
                self._record_rate(slot, rate)
            case Reported(report=report):
                self._record_rate(slot, report.examples_per_second)
                self._launcher.send(slot, Answer(Decision.CONTINUE))
            case Failed(error=error):
                kind = InputError if error.kind == "input" else TunerError
                raise kind(error.message)
            case WorkerExited(log=log):
                raise TunerError(f"the worker of slot {slot} died:\n{log}")
            case Finished(diverged=why):
                if why:
                    raise TunerError(f"the untuned default diverges: {why}")
                self._ended.add(slot)

    def _record_rate(self, slot: int, rate: float) -> None:
        self._rates.setdefault(slot, []).append(rate)  # A cluster may add slots meanwhile.

    def _spec(self, slot: int) -> TrialSpec:
        folder = str(self._folder / str(slot))
        return TrialSpec(number=slot, parameters={}, settings=self._settings, folder=folder)


def time_lines(
    settings: TrialSettings, found: Input, rate: float, sweep: SweepSettings, slots: int
) -> Iterator[str]:
    """Yield the expected durations of a trial and of the sweep.

    Args:
        settings: Configuration of the untuned default.
        found: Its data.
        rate: Examples per second on one slot.
        sweep: Number of trials and the time limit.
        slots: Number of trials at a time.
    """
    training = settings.training
    budget = Budget(
        train_examples=found.train_rows,
        effective_batch=settings.effective_batch_size,
        epochs=training.epochs,
        evaluations=training.evaluations,
    )
    examples, share = found.data.validation_rows, training.evaluation_share
    each = trial_seconds(budget, examples, share, rate, found.rows_each)
    total = seconds_left([each], [], sweep.n_trials, slots) or 0.0
    yield f"  {rate:.0f} examples a second on each of {slots} slots, timed with the default"
    times = f"{duration_text(each)} a trial, {duration_text(total)} for {sweep.n_trials}"
    yield f"  {times}; pruning shortens that"
    repeats = (sweep.confirm.top or 0) * sweep.confirm.seeds
    if repeats:
        longest = seconds_left([each], [], repeats, slots) or 0.0
        longest_text = duration_text(longest)
        yield f"  up to {longest_text} for {repeats} repeats of the best after it (sweep.confirm)"
    if sweep.timeout is not None and sweep.timeout < total:
        yield f"  no trial starts after {duration_text(sweep.timeout)} (sweep.timeout)"
