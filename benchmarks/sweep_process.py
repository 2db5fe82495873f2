"""The side `process` of `sweep.py`: a fresh process for each trial, without pruning."""

import os
import queue
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import optuna
from sweep_ours import data_overrides, outcomes
from sweep_task import Result, Task, read_task

from tuner.config import compose_sweep, compose_trial, dump_trial
from tuner.settings.settings import TrialSettings
from tuner.trial.records import Scalar

RATE, SCHEDULE, WARMUP = "optimizer.learning_rate", "schedule", "schedule.warmup_fraction"

WITHOUT_EARLY_ENDS = (
    "training.evaluations=1",
    "convergence.not_learning_patience=null",
    "convergence.converged_patience=null",
)


def suggest(trial: optuna.Trial, task: Task) -> dict[str, Scalar]:
    """A trial's parameters, by override."""
    return {
        RATE: trial.suggest_float(RATE, *task.learning_rate, log=True),
        SCHEDULE: trial.suggest_categorical(SCHEDULE, task.schedules),
        WARMUP: trial.suggest_float(WARMUP, *task.warmup_fraction),
    }


def fine_tune(number: int, settings: TrialSettings) -> dict[str, Any]:
    """Runs a trial in a process of its own; returns how it ended."""
    study = f"trial-{number}"
    file = Path(f"{study}.yaml")
    file.write_text(dump_trial(settings), encoding="utf-8")
    subprocess.run([sys.executable, "-m", "tuner", "train", file, f"study={study}"], check=True)
    return outcomes(study)[0]


def one_core_each(cores: int) -> ThreadPoolExecutor:
    """Threads whose processes run on a core of their own."""
    free: queue.SimpleQueue[int] = queue.SimpleQueue()
    for core in sorted(os.sched_getaffinity(0))[:cores]:
        free.put(core)
    return ThreadPoolExecutor(cores, initializer=lambda: os.sched_setaffinity(0, {free.get()}))


def main() -> None:
    """Runs the sweep of the task in this folder."""
    task = read_task()
    composed = compose_sweep(
        ["sweep=lr_search", *data_overrides(task), *WITHOUT_EARLY_ENDS], Path.cwd()
    )
    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.TPESampler(seed=task.seed)
    )
    busy = 0.0
    with one_core_each(task.cores) as pool:
        while missing := task.trials - len(study.trials):
            batch = [study.ask() for _ in range(min(task.cores, missing))]
            settings = [compose_trial(composed, suggest(trial, task)) for trial in batch]
            ended = pool.map(fine_tune, [trial.number for trial in batch], settings)
            for trial, outcome in zip(batch, ended, strict=True):
                study.tell(trial, outcome["value"])
                busy += outcome["seconds_busy"]
    Result(
        score=study.best_value,
        best=study.best_params,
        busy=busy,
        slots=task.cores,
        complete=task.trials,
    ).write()


if __name__ == "__main__":
    main()
