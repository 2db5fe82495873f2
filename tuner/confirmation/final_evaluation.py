"""The one look at the test rows: whose model it is for, whether it may be taken, what it says.

A test score is an estimate of what new rows will bring only as long as nothing was chosen by it.
So the rows of `data.test` are looked at for one model, and for no other one ever after.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from statistics import NormalDist, fmean, stdev

from tuner.diagnosis.sweep.noise import CRITICAL, confusion_error
from tuner.settings.intervals import Interval, within
from tuner.settings.objectives import range_of
from tuner.trial.metrics import Confusion, accuracy, macro_f1, matthews_correlation

TESTED = "tested"
"""User attribute of a study: the `FinalEvaluation` that was begun, or has ended."""

METRICS: Mapping[str, str] = {
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "mcc": "MCC",
    "loss": "loss",
}
"""Name of each score to what people call it."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Whom the test rows are looked at for."""

    trial: int
    """Number of the confirmed best."""
    seed: int
    """Of the repeat of it whose model is scored: the best one's."""
    rows: str
    """SHA-256 of the test rows."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """A score on the test rows."""

    value: float
    """In the metric's unit."""
    error: float
    """Standard error over the drawing of the rows."""


@dataclass(frozen=True, kw_only=True)
class FinalEvaluation:
    """A look at the test rows.

    It is written down before it begins: whoever dies in the middle has it again, for the same
    model alone.
    """

    subject: Subject
    """Whom it is for."""
    examples: int
    """How many rows there are."""
    in_training: int
    """Of them those whose text stands in training, too."""
    in_validation: int
    """Of them those whose text stands in validation, too."""
    scores: Mapping[str, Score] = field(default_factory=dict)
    """By the names of `METRICS`; none before it has ended."""

    def interval(self, name: str) -> Interval | None:
        """95 % interval of a score over the drawing of the rows, within the score's range.

        Args:
            name: One of `METRICS`.

        Returns:
            None where one row alone gives none.
        """
        score = self.scores[name]
        if name == "accuracy":
            return wilson_interval(score.value, self.examples)
        if not score.error:
            return None
        return within(range_of(name), score.value, CRITICAL * score.error)

    @property
    def metrics(self) -> dict[str, float]:
        """Metrics of the sweep's own run in MLflow."""
        if not self.scores:
            return {}
        found = {f"test_{name}": score.value for name, score in self.scores.items()}
        return found | {"test_examples": float(self.examples)}


def scored(confusion: Confusion, losses: Sequence[float]) -> dict[str, Score]:
    """The scores of one model.

    Args:
        confusion: Counts by true label (rows) and predicted one (columns); one row at least.
        losses: Cross-entropy of each row, in nats.
    """
    values = {
        "accuracy": accuracy(confusion),
        "macro_f1": macro_f1(confusion),
        "mcc": matthews_correlation(confusion),
    }
    scores = {
        name: Score(value=value, error=confusion_error(confusion, name))
        for name, value in values.items()
    }
    error = stdev(losses) / sqrt(len(losses)) if len(losses) > 1 else 0.0
    return scores | {"loss": Score(value=fmean(losses), error=error)}


def wilson_interval(share: float, examples: int) -> Interval:
    """Return the 95 % interval of a share of independent rows (Wilson 1927).

    Args:
        share: Share seen, 0 to 1.
        examples: Number of rows, 1 or more.
    """
    from scipy.stats import binomtest  # noqa: PLC0415 - slow to import

    found = binomtest(round(share * examples), examples)
    ends = found.proportion_ci(2.0 * NormalDist().cdf(CRITICAL) - 1.0, method="wilson")
    return float(ends.low), float(ends.high)


def refusal(earlier: FinalEvaluation, wanted: Subject) -> str:
    """Why a look is refused after an earlier one; empty where both are for the same.

    Args:
        earlier: The look that was begun, or has ended.
        wanted: Whom another one would be for.
    """
    was = earlier.subject
    if was == wanted:
        return ""
    if was.rows != wanted.rows:
        change = "these are other rows"
    else:
        change = f"the confirmed best is {_model(wanted)} now"
    return (
        f"data.test is not looked at again: it was for {_model(was)}, and {change}. A second look "
        "would make test scores something to choose by, and the one that is told too good; the "
        "first one stands. What is chosen from here on needs a new study and rows that nobody has "
        "scored"
    )


def final_evaluation_text(look: FinalEvaluation, best: int) -> Iterator[str]:
    """What a look says, in sentences.

    Args:
        look: The look.
        best: Number of the trial that is the confirmed best now.
    """
    if not look.scores:
        yield (
            f"The test rows were being looked at for {_model(look.subject)}, and what that gave "
            "is not known; the same command looks again."
        )
        return
    yield f"Test, looked at once, for the model of {_model(look.subject)}: {scores_text(look)}."
    if look.subject.trial != best:
        yield "The confirmed best is another one by now, of which this says nothing."
    yield from overlap(look.examples, look.in_training, look.in_validation)


def scores_text(look: FinalEvaluation) -> str:
    """The scores of a look that has ended, and on how many rows."""
    scores = [
        f"{METRICS[name]} {score.value:.4f}{_ends(look.interval(name))}"
        for name, score in look.scores.items()
    ]
    return f"{', '.join(scores)}, on {look.examples} rows (in brackets 95 % intervals)"


def _ends(interval: Interval | None) -> str:
    return "" if interval is None else f" ({interval[0]:.4f} to {interval[1]:.4f})"


def overlap(examples: int, in_training: int, in_validation: int) -> Iterator[str]:
    """A sentence for the test rows that are none: the model or its choice has seen them.

    Args:
        examples: Test rows.
        in_training: Of them those whose text stands in training, too.
        in_validation: Of them those whose text stands in validation, too.
    """
    seen = {"training": in_training, "validation": in_validation}
    for split, rows in seen.items():
        if rows:
            yield (
                f"{rows} test rows ({rows / examples:.1%}) have a text that {split} has too: "
                "their scores flatter."
            )


def _model(subject: Subject) -> str:
    return f"trial {subject.trial} with seed {subject.seed}"
