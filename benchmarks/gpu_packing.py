"""Trials packed on one device: how many an hour, and whether they really run at the same time."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from gpu_counts import Span, at_once, busy_window, pauses, trials_within
from gpu_plan import Plan
from turns import spread

from tests.tiny_checkpoints import write_checkpoint, write_reviews
from tuner.devices.slots import find_nvidia
from tuner.trial.records import TrialOutcome, TrialState
from tuner.trial.serialization import from_json

PAUSE_GOAL = 1.0
PACKED_GOAL = 2.0


@dataclass(frozen=True, kw_only=True)
class Trial:
    """When a trial ran, in seconds.

    Attributes:
        held: From being handed to a worker to its end.
        computing: From its first update to the end of its evaluation.
    """

    held: Span
    computing: Span


def packing(plan: Plan, folder: Path) -> None:
    """Trials an hour by trials at a time, and the pause between two in one slot.

    Counted is while every slot has a trial, and none of them is its first; see `busy_window`.
    """
    rates: list[float] = []
    print(
        "| trials at a time | trials an hour | times one at a time | trials counted "
        "| computing at once, mean | pause between two, s |"
    )
    print("|---|---|---|---|---|---|")
    for slots in plan.slots:
        trials = swept(plan, folder / str(slots), slots)
        held = [trial.held for trial in trials]
        computing = [trial.computing for trial in trials]
        window = busy_window(held, slots)
        count = trials_within(held, window)
        rates.append(3600 * count / (window[1] - window[0]))
        ratio = f"{rates[-1] / rates[0]:.2f}" if plan.slots[0] == 1 else "—"
        # In a sweep of one slot the order of the trials is that of their times.
        waited = spread(pauses(sorted(computing))) if slots == 1 else ""
        print(
            f"| {slots} | {rates[-1]:.0f} | {ratio} | {count:.0f} of {len(trials)} "
            f"| {at_once(computing, window):.2f} | {waited} |",
            flush=True,
        )
    print(f"\nGoals: {PACKED_GOAL} times one at a time; pauses under {PAUSE_GOAL:.0f} s.")


def swept(plan: Plan, folder: Path, slots: int) -> list[Trial]:
    """Runs a sweep of equal trials."""
    (folder / "sweeps").mkdir(parents=True)
    space = "name: packing\nspace:\n  optimizer.learning_rate: tag(log, interval(1e-6, 1e-4))\n"
    (folder / "sweeps" / "packing.yaml").write_text(space)
    if plan.tiny:
        write_checkpoint(folder / "model")
        write_reviews(folder / "train.csv", 160, seed=1)
    command = [
        sys.executable, "-m", "tuner", "sweep=packing", f"launcher.slots={slots}",
        f"sweep.n_trials={plan.trials * slots}", *plan.trial,
    ]  # fmt: skip
    first = ",".join(find_nvidia(os.environ).visible[:1])
    environment = os.environ | {
        "TUNER_CACHE": str(folder.parent / "cache"),
        "CUDA_VISIBLE_DEVICES": first,  # Trials share it, whatever else there is.
    }
    subprocess.run(command, cwd=folder, env=environment, stdout=sys.stderr, check=True)
    return [read_trial(path) for path in folder.glob("outputs/packing/trials/*/outcome.json")]


def read_trial(path: Path) -> Trial:
    """When a trial ran, by the times of its files.

    Args:
        path: Its `outcome.json`, written when it has ended.

    Raises:
        RuntimeError: It is not complete.
    """
    told = from_json(TrialOutcome, path.read_text())
    if told.state is not TrialState.COMPLETE or told.last is None:
        raise RuntimeError(f"trial {told.number} is {told.state}: {told.error}")
    ended = path.stat().st_mtime
    # Its only report is appended when its evaluation, after the last update, has ended.
    evaluated = path.with_name("reports.jsonl").stat().st_mtime
    busy = told.last.seconds_training + told.last.seconds_evaluating
    return Trial(held=(ended - told.seconds, ended), computing=(evaluated - busy, evaluated))
