"""What a sweep would do: its space, its first trials, and how long it will take."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median

from tuner.core.budget import Budget
from tuner.core.duration import seconds_left, told, trial_seconds
from tuner.core.settings import TrialSettings
from tuner.core.space import Choice, Dimension, Domain, SearchSpace, contains
from tuner.core.trial import Scalar, TrialSpec
from tuner.errors import InputError, TunerError
from tuner.launchers.local import Exited, LocalLauncher
from tuner.terminal import figure
from tuner.worker.protocol import Continue, Failed, Finished, Progress, Ready, Reported, Run

SAMPLES = 8
"""Speeds heard from each slot; the first come while graphs are traced, the last half counts."""

POLL_SECONDS = 0.5


def space_lines(space: SearchSpace, defaults: Mapping[str, Scalar]) -> Iterator[str]:
    """The search space, a line for each dimension.

    Args:
        space: What is searched.
        defaults: Values of the untuned default, by key.
    """
    width = max(len(dimension.key) for dimension in space.dimensions)
    for dimension in space.dimensions:
        default = defaults.get(dimension.key)
        known = dimension.key in defaults and contains(dimension.domain, default)
        parts = (
            f"  {dimension.key:<{width}}  {_domain(dimension.domain)}",
            _when(dimension),
            f"   (default {figure(default)})" if known else "",
        )
        yield "".join(parts)


def _domain(domain: Domain) -> str:
    if isinstance(domain, Choice):
        return ", ".join(map(figure, domain.values))
    step = getattr(domain, "step", 1)
    steps = f" in steps of {step}" if step != 1 else ""
    return f"{figure(domain.low)} to {figure(domain.high)}{steps}{', log' if domain.log else ''}"


def _when(dimension: Dimension) -> str:
    conditions = (
        f"{key} is {' or '.join(map(figure, values))}" for key, values in dimension.when.items()
    )
    text = " and ".join(conditions)
    return f", when {text}" if text else ""


def measured_rate(launcher: LocalLauncher, settings: TrialSettings, folder: Path) -> float:
    """Speed of a trial's updates with every slot at work, since slots share the machine.

    Args:
        launcher: Its workers are started; they are ended here.
        settings: The trial.
        folder: An empty one, for what the trials write.

    Returns:
        Examples a second on one slot.

    Raises:
        InputError: The trial can not be run as it is configured.
        TunerError: A worker died, or the trial failed.
    """
    training = replace(settings.training, save_state="never")
    settings = replace(settings, training=training)
    rates: dict[int, list[float]] = {slot: [] for slot in launcher.slots}
    measuring = set(launcher.slots)
    try:
        while measuring:
            for event in launcher.poll(POLL_SECONDS):
                slot = event.slot
                match event.message:
                    case Ready():
                        spec = TrialSpec(
                            number=slot,
                            parameters={},
                            settings=settings,
                            folder=str(folder / str(slot)),
                        )
                        launcher.send(slot, Run(spec=spec))
                    case Progress(examples_per_second=rate):
                        rates[slot].append(rate)
                    case Reported(report=report):
                        rates[slot].append(report.examples_per_second)
                        launcher.send(slot, Continue())
                    case Failed(error=error):
                        kind = InputError if error.kind == "input" else TunerError
                        raise kind(error.message)
                    case Exited(log=log):
                        raise TunerError(f"the worker of slot {slot} died:\n{log}")
                    case Finished():
                        measuring.discard(slot)
                if len(rates[slot]) >= SAMPLES:
                    measuring.discard(slot)
    finally:
        launcher.kill()
    return median(median(heard[len(heard) // 2 :]) for heard in rates.values())


def time_lines(
    settings: TrialSettings, rows: tuple[int, int], rate: float, n_trials: int, slots: int
) -> Iterator[str]:
    """How long a trial and the sweep will take.

    Args:
        settings: The untuned default.
        rows: Of its training and validation split.
        rate: Examples a second on one slot.
        n_trials: The sweep's.
        slots: Trials at a time.
    """
    training = settings.training
    budget = Budget(
        train_examples=rows[0],
        effective_batch=settings.effective_batch_size,
        epochs=training.epochs,
        evaluations=training.evaluations,
    )
    each = trial_seconds(budget, rows[1], training.evaluation_share, rate)
    whole = seconds_left([each], [], n_trials, slots) or 0.0
    yield f"  {rate:.0f} examples a second on each of {slots} slots, timed with the default"
    yield f"  {told(each)} a trial, {told(whole)} for {n_trials} of them; pruning shortens that"
