"""The side `ray` of `sweep.py`: Ray Tune with ASHA, a trial of one thread on each core."""

from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune.schedulers import ASHAScheduler
from sweep_task import Result, Task, read_task
from sweep_torch import SCHEDULES, Stopwatch, make_trainer
from transformers import TrainerCallback


class ToTune(TrainerCallback):
    """Tells Ray Tune of each evaluation, after which it may end the trial."""

    def __init__(self, watch: Stopwatch) -> None:
        self._watch = watch

    def on_evaluate(
        self,
        args: Any,  # noqa: ARG002
        state: Any,
        control: Any,  # noqa: ARG002
        metrics: dict[str, float],
        **kwargs: Any,  # noqa: ARG002
    ) -> None:
        """All validation rows were evaluated."""
        tune.report(
            {
                "accuracy": metrics["eval_accuracy"],
                "busy": self._watch.running(),
                "complete": state.global_step == state.max_steps,
            }
        )


def fine_tune(config: dict[str, Any], task: Task) -> None:
    """One trial."""
    watch = Stopwatch()
    make_trainer(
        task,
        1,
        [watch, ToTune(watch)],
        learning_rate=config["learning_rate"],
        lr_scheduler_type=SCHEDULES[config["schedule"]],
        warmup_steps=config["warmup_fraction"],
    ).train()


def main() -> None:
    """Runs the sweep of the task in this folder."""
    task = read_task()
    ray.init(address="local", num_cpus=task.cores, include_dashboard=False)
    tuner = tune.Tuner(
        tune.with_resources(tune.with_parameters(fine_tune, task=task), {"cpu": 1}),
        param_space={
            "learning_rate": tune.loguniform(*task.learning_rate),
            "schedule": tune.choice(task.schedules),
            "warmup_fraction": tune.uniform(*task.warmup_fraction),
        },
        tune_config=tune.TuneConfig(
            metric="accuracy",
            mode="max",
            num_samples=task.trials,
            scheduler=ASHAScheduler(max_t=task.points),
            search_alg=tune.search.BasicVariantGenerator(random_state=task.seed),
        ),
        run_config=tune.RunConfig(storage_path=str(Path("ray").absolute()), verbose=0),
    )
    results = tuner.fit()
    if results.errors:
        raise results.errors[0]
    best = results.get_best_result()
    found = [trial.metrics or {} for trial in results]
    Result(
        score=(best.metrics or {})["accuracy"],
        best=best.config or {},
        busy=sum(metrics["busy"] for metrics in found),
        slots=task.cores,
        complete=sum(metrics["complete"] for metrics in found),
    ).write()
    ray.shutdown()


if __name__ == "__main__":
    main()
