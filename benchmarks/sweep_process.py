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
from sweep_task import Result, read_task

from tuner.config import compose_sweep, compose_trial, dump_trial
from tuner.core.trial import Scalar

WITHOUT_EARLY_ENDS = (
    "training.evaluations=1",
    "convergence.not_learning_patience=null",
    "convergence.converged_patience=null",
)


def main() -> None:
    """Runs the sweep of the task in this folder."""
    task = read_task()
    composed = compose_sweep(
        ["sweep=lr_search", *data_overrides(task), *WITHOUT_EARLY_ENDS], Path.cwd()
    )
    tracking = f"tracking.uri=sqlite:///{Path('mlflow.db').absolute()}"

    def fine_tune(number: int, parameters: dict[str, Scalar]) -> dict[str, Any]:
        study = f"trial-{number}"
        file = Path(f"{study}.yaml")
        file.write_text(dump_trial(compose_trial(composed, parameters)), encoding="utf-8")
        subprocess.run(
            [sys.executable, "-m", "tuner", "train", str(file), f"study={study}", tracking],
            check=True,
        )
        return outcomes(study)[0]

    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.TPESampler(seed=task.seed)
    )
    busy = 0.0
    cores: queue.SimpleQueue[int] = queue.SimpleQueue()
    for core in sorted(os.sched_getaffinity(0))[: task.cores]:
        cores.put(core)
    with ThreadPoolExecutor(
        task.cores, initializer=lambda: os.sched_setaffinity(0, {cores.get()})
    ) as pool:
        for first in range(0, task.trials, task.cores):
            batch = [study.ask() for _ in range(min(task.cores, task.trials - first))]
            wanted = [
                {
                    "optimizer.learning_rate": trial.suggest_float(
                        "optimizer.learning_rate", *task.learning_rate, log=True
                    ),
                    "schedule": trial.suggest_categorical("schedule", task.schedules),
                    "schedule.warmup_fraction": trial.suggest_float(
                        "schedule.warmup_fraction", *task.warmup_fraction
                    ),
                }
                for trial in batch
            ]
            ended = pool.map(fine_tune, [trial.number for trial in batch], wanted)
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
