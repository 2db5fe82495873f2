"""One fine-tune of each task by us and by the Hugging Face Trainer, with the same configuration.

    python benchmarks/tasks.py --data DATA --peer-python /tmp/peers/bin/python

MiniLM on the rows of `task_data.py`, whose docstring says what DATA holds. Both sides read the
same files and take turns, seed by seed, with one thread each. The Trainer gets the
TrainingArguments that `tuner export` writes; it tokenises, trains and scores in a process of its
own (`peer_tasks.py`) with transformers, scikit-learn, SciPy and seqeval. Each ended fine-tune is a
line of --results, and is not repeated.

The peer's environment is the one of throughput.py, with scikit-learn, scipy and seqeval.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any

from default_trial import default_trial
from scipy.stats import ttest_ind
from task_data import write
from turns import here

from tuner.checkpoints import locate
from tuner.results.export import training_arguments
from tuner.settings.settings import TrialSettings
from tuner.tasks import Baseline
from tuner.training import device
from tuner.training.fine_tune import FineTuner
from tuner.trial.records import Decision, Report

VALIDATION = 300
LEVEL = 0.05
"""A difference of means that is less probable (Welch's test) is more than the seeds' noise."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The fine-tune of a task.

    Attributes:
        rows: Training rows.
        overrides: On top of the default configuration.
    """

    rows: int
    overrides: tuple[str, ...]


def _plan(rows: int, epochs: int, rate: float, *overrides: str) -> Plan:
    given = (f"training.epochs={epochs}", f"optimizer.learning_rate={rate}", *overrides)
    return Plan(rows=rows, overrides=given)


PLANS: Mapping[str, Plan] = {
    "classification": _plan(300, 2, 2e-4),
    "regression": _plan(400, 2, 2e-4),
    "multiple_choice": _plan(160, 2, 2e-4),
    "multilabel": _plan(400, 3, 5e-4),
    "token_classification": _plan(400, 3, 5e-4),
    "question_answering": _plan(100, 2, 3e-4, "model.max_length=256", "task.stride=64"),
}


@dataclass(frozen=True, kw_only=True)
class Result:
    """An ended fine-tune.

    Attributes:
        task: Name of the task.
        side: `ours` or `trainer`.
        seed: Decides everything random.
        score: First score of the task, on all validation rows.
        seconds: Time of training and evaluation.
    """

    task: str
    side: str
    seed: int
    score: float
    seconds: float


class Last:
    """Keeps the last report of a fine-tune, which uses its whole budget."""

    report: Report

    def started(self, constant_guess: Baseline, labels: tuple[str, ...], resumed_at: int) -> None:
        """The first update begins."""

    def progress(self, share: float, examples_per_second: float) -> None:
        """An update is done."""

    def reported(self, report: Report) -> Decision:
        """Continues always."""
        self.report = report
        return Decision.CONTINUE

    def stop_requested(self) -> bool:
        """Never."""
        return False


def ours(tuner: FineTuner, settings: TrialSettings) -> float:
    """Score of our fine-tune."""
    last = Last()
    if diverged := tuner.run(settings, last):
        raise RuntimeError(diverged)
    return last.report.metrics[settings.task.objective]


class Trainer:
    """The process of the Trainer."""

    def __init__(self, python: str, threads: int) -> None:
        """Starts it."""
        environment = os.environ | {"OMP_NUM_THREADS": str(threads), "CUDA_VISIBLE_DEVICES": "-1"}
        self._process = subprocess.Popen(
            [python, here("peer_tasks.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self._checkpoint = locate(default_trial().model)

    def score(self, settings: TrialSettings) -> float:
        """Score of a fine-tune.

        Raises:
            RuntimeError: The process ended.
        """
        task = settings.task
        job: dict[str, Any] = {
            "task": task.name,
            "checkpoint": str(self._checkpoint),
            "train": settings.data.train,
            "validation": settings.data.validation,
            "max_length": settings.model.max_length,
            "dropout": settings.model.dropout,
            "stride": task.window_overlap(),
            "max_answer_length": getattr(task, "max_answer_length", None),
            "arguments": training_arguments(settings)[0],
        }
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the pipes of the Trainer are closed")
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the Trainer ended; its message stands above")
        return float(line)

    def close(self) -> None:
        """Ends the process."""
        self._process.communicate()


def show(results: list[Result]) -> None:
    """Prints the table of the tasks that both sides have ended."""
    print("| task | rows x epochs | score | ours | Trainer | difference | p | within the noise |")
    print("|---|---|---|---|---|---|---|---|")
    for task, plan in PLANS.items():
        own, theirs = (
            [each.score for each in results if (each.task, each.side) == (task, side)]
            for side in ("ours", "trainer")
        )
        if min(len(own), len(theirs)) <= 1:
            continue
        settings = default_trial(f"task={task}", *plan.overrides)
        probability = float(ttest_ind(own, theirs, equal_var=False).pvalue)
        shown = " | ".join(
            (
                task,
                f"{plan.rows} x {settings.training.epochs:g}",
                settings.task.objective,
                _spread(own),
                _spread(theirs),
                f"{mean(own) - mean(theirs):+.3f}",
                f"{probability:.2f}",
                "yes" if probability > LEVEL else "no",
            )
        )
        print(f"| {shown} |")


def _spread(scores: list[float]) -> str:
    return f"{mean(scores):.3f} ({min(scores):.3f} to {max(scores):.3f})"


def main() -> None:
    """Runs what is missing and prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--peer-python", required=True)
    parser.add_argument("--results", type=Path, default=Path("tasks.jsonl"))
    parser.add_argument("--tasks", default=",".join(PLANS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    lines = given.results.read_text().splitlines() if given.results.exists() else []
    results = [Result(**json.loads(line)) for line in lines]
    done = {(each.task, each.side, each.seed) for each in results}
    device.set_up(given.threads)
    tuner = FineTuner()
    trainer = Trainer(given.peer_python, given.threads)
    with tempfile.TemporaryDirectory() as folder:
        for task in given.tasks.split(","):
            plan = PLANS[task]
            files = write(task, given.data, Path(folder), plan.rows, VALIDATION)
            made = default_trial(*files, *plan.overrides, "training.evaluations=1")
            for seed in range(given.seeds):
                settings = replace(made, training=replace(made.training, seed=seed))
                for side in ("ours", "trainer"):
                    if (task, side, seed) in done:
                        continue
                    began = time.perf_counter()
                    score = ours(tuner, settings) if side == "ours" else trainer.score(settings)
                    seconds = time.perf_counter() - began
                    result = Result(task=task, side=side, seed=seed, score=score, seconds=seconds)
                    results.append(result)
                    with given.results.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(asdict(result)) + "\n")
    trainer.close()
    show(results)


if __name__ == "__main__":
    main()
