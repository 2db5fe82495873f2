"""The side `trainer` of `sweep.py`: Optuna in process, by `Trainer.hyperparameter_search`."""

from typing import Any

import optuna
from sweep_task import Result, read_task
from sweep_torch import SCHEDULES, Stopwatch, make_trainer


def main() -> None:
    """Runs the sweep of the task in this folder."""
    task = read_task()
    watch = Stopwatch()
    # A rate, because the search casts what it draws to the type that stands there.
    trainer = make_trainer(task, task.cores, [watch], warmup_steps=0.1)

    def space(trial: optuna.Trial) -> dict[str, Any]:
        schedule = trial.suggest_categorical("schedule", task.schedules)
        return {
            "learning_rate": trial.suggest_float("learning_rate", *task.learning_rate, log=True),
            "lr_scheduler_type": SCHEDULES[schedule],
            "warmup_steps": trial.suggest_float("warmup_fraction", *task.warmup_fraction),
        }

    best = trainer.hyperparameter_search(
        hp_space=space,
        compute_objective=lambda metrics: metrics["eval_accuracy"],
        n_trials=task.trials,
        direction="maximize",
        backend="optuna",
        sampler=optuna.samplers.TPESampler(seed=task.seed),
    )
    Result(
        score=best.objective,
        best=best.hyperparameters,
        busy=watch.seconds,
        slots=1,
        complete=watch.complete,
    ).write()


if __name__ == "__main__":
    main()
