"""The side `ours` of `sweep.py`: the bundled search as its users start it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from sweep_task import Result, Task, read_task

STUDY = "lr_search"


def data_overrides(task: Task) -> list[str]:
    """The rows and the budget of a task, as overrides."""
    return [
        "data=csv",
        f"data.train={task.train}",
        f"data.validation={task.validation}",
        f"model.max_length={task.max_length}",
        f"optimizer.weight_decay={task.weight_decay}",
        f"training.batch_size={task.batch}",
        f"training.clip_norm={task.clip_norm}",
        f"training.epochs={task.epochs}",
        f"training.seed={task.seed}",
    ]


def outcomes(study: str) -> list[dict[str, Any]]:
    """Return the outcomes of a study's trials in this folder, by number."""
    files = sorted(Path("outputs", study, "trials").glob("*/outcome.json"))
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


def main() -> None:
    """Runs the sweep of the task in this folder."""
    task = read_task()
    subprocess.run(
        [sys.executable, "-m", "tuner", f"sweep={STUDY}", *data_overrides(task),
         f"sweep.n_trials={task.trials}", f"sampler.seed={task.seed}"],
        check=True,
    )  # fmt: skip
    ended = outcomes(STUDY)
    complete = [one for one in ended if one["state"] == "complete"]
    best = max(complete, key=lambda one: one["value"])
    Result(
        score=best["value"],
        best=best["parameters"],
        busy=sum(one["seconds_busy"] for one in ended),
        slots=task.cores // best["provenance"]["cpu_threads"],
        complete=len(complete),
    ).write()


if __name__ == "__main__":
    main()
