"""The only evaluation on the test rows: the model that it is for, whether it may run, its scores.

A test score estimates the performance on new rows only as long as nothing was chosen by it. So the
rows of `data.test` are evaluated for one model, and never for another one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import NormalDist

from tuner.diagnosis.sweep.noise import CRITICAL
from tuner.fields.intervals import Interval, within
from tuner.search.goals import Goals
from tuner.tasks import Evaluation
from tuner.trial.model_identity import KeptModel

TESTED = "tested"
"""User attribute of a study: the `FinalEvaluation` that has begun or ended."""


@dataclass(frozen=True, kw_only=True)
class EvaluatedModel:
    """The model and rows of a final evaluation."""

    trial: int
    """Number of the confirmed best."""
    seed: int
    """Seed of its best repeat."""
    rows: str
    """SHA-256 of the test rows."""
    members: tuple[tuple[int, int], ...] = ()
    """Trial and seed of each member of the soup that is evaluated; empty: the best repeat is."""

    @property
    def model(self) -> KeptModel:
        """Identity of the model."""
        return KeptModel(trial=self.trial, seed=self.seed, members=self.members)


@dataclass(frozen=True, kw_only=True)
class Score:
    """A score on the test rows."""

    value: float
    """Value in the metric's unit."""
    error: float
    """Standard error over the drawing of the rows."""


@dataclass(frozen=True, kw_only=True)
class FinalEvaluation:
    """An evaluation on the test rows.

    It is stored before it begins: after an interruption it is repeated, for the same model only.
    """

    subject: EvaluatedModel
    """Model that it is for."""
    examples: int
    """Number of test rows."""
    in_training: int
    """Number of test rows whose text is also in the training data."""
    in_validation: int
    """Number of test rows whose text is also in the validation data."""
    scores: Mapping[str, Score] = field(default_factory=dict)
    """Name to score, of the task and `loss`; empty before the end."""

    def interval(self, name: str, goals: Goals) -> Interval | None:
        """Return a score's 95 % interval over the drawing of the rows, within its range.

        Args:
            name: Name of one of `scores`.
            goals: Goals of the study.

        Returns:
            None if there is only one row.
        """
        score = self.scores[name]
        if name == "accuracy":
            return wilson_interval(score.value, self.examples)
        described = goals.scores.get(f"val_{name}")
        if not score.error or described is None:
            return None
        return within(described.values, score.value, CRITICAL * score.error)

    @property
    def metrics(self) -> dict[str, float]:
        """Metrics of the sweep's own run in MLflow."""
        if not self.scores:
            return {}
        found = {f"test_{name}": score.value for name, score in self.scores.items()}
        return found | {"test_examples": float(self.examples)}


def evaluated_scores(evaluation: Evaluation, *, with_loss: bool) -> dict[str, Score]:
    """Return the scores of one model with their errors, and its loss.

    Args:
        evaluation: Scores of its predictions.
        with_loss: False where the loss has another unit than in training.
    """
    found = {
        name: Score(value=value, error=evaluation.errors.get(name, 0.0))
        for name, value in evaluation.scores.items()
    }
    if not with_loss:
        return found
    return found | {"loss": Score(value=evaluation.loss, error=evaluation.loss_error)}


def wilson_interval(share: float, examples: int) -> Interval:
    """Return the 95 % interval of a share of independent rows (Wilson 1927).

    Args:
        share: Observed share, 0 to 1.
        examples: Number of rows, 1 or more.
    """
    from scipy.stats import binomtest  # noqa: PLC0415 - slow to import

    found = binomtest(round(share * examples), examples)
    ends = found.proportion_ci(2.0 * NormalDist().cdf(CRITICAL) - 1.0, method="wilson")
    return float(ends.low), float(ends.high)


def second_evaluation_refusal(earlier: FinalEvaluation, wanted: EvaluatedModel) -> str:
    """Return why a second evaluation is refused; empty if it is for the same model and rows.

    Args:
        earlier: Evaluation that has begun or ended.
        wanted: Model and rows of the second one.
    """
    was = earlier.subject
    if was == wanted:
        return ""
    if was.rows != wanted.rows:
        change = "these are other rows"
    else:
        change = f"the confirmed best is {wanted.model.text} now"
    return (
        f"the rows of data.test were already evaluated for {was.model.text}, and {change}. A "
        "second evaluation would turn test scores into a selection criterion and make them too "
        "optimistic; the first one remains. A new choice needs a new study and rows that were "
        "never evaluated"
    )


def final_evaluation_text(
    evaluation: FinalEvaluation, published: KeptModel, goals: Goals
) -> Iterator[str]:
    """Return the result of an evaluation in sentences.

    Args:
        evaluation: Evaluation on the test rows.
        published: Model that is published now.
        goals: Goals of the study.
    """
    if not evaluation.scores:
        yield (
            f"The evaluation of {evaluation.subject.model.text} on the test rows was interrupted "
            "before its scores were stored; the same command repeats it."
        )
        return
    model, scores = evaluation.subject.model, scores_text(evaluation, goals)
    yield f"Test, evaluated once, for {model.full_text}: {scores}."
    if model != published:
        yield f"The published model is {published.text} now; these scores are not its own."
    yield from overlap_warnings(
        evaluation.examples, evaluation.in_training, evaluation.in_validation
    )


def scores_text(evaluation: FinalEvaluation, goals: Goals) -> str:
    """Return the scores of a finished evaluation and its number of rows.

    Args:
        evaluation: Evaluation on the test rows.
        goals: Goals of the study.
    """
    scores = [
        f"{_title(name, goals)} {score.value:.4f}{_ends(evaluation.interval(name, goals))}"
        for name, score in evaluation.scores.items()
    ]
    return f"{', '.join(scores)}, on {evaluation.examples} rows (95 % intervals in brackets)"


def _title(name: str, goals: Goals) -> str:
    described = goals.scores.get(f"val_{name}")  # A package may leave a score out of its list.
    return name if described is None else described.title


def _ends(interval: Interval | None) -> str:
    return "" if interval is None else f" ({interval[0]:.4f} to {interval[1]:.4f})"


def overlap_warnings(examples: int, in_training: int, in_validation: int) -> Iterator[str]:
    """Return a sentence for test rows that the model or its selection has seen.

    Args:
        examples: Number of test rows.
        in_training: Number of test rows whose text is also in the training data.
        in_validation: Number of test rows whose text is also in the validation data.
    """
    seen = {"training": in_training, "validation": in_validation}
    for split, rows in seen.items():
        if rows:
            yield (
                f"{rows} test rows ({rows / examples:.1%}) have a text that is also in {split}: "
                "their scores are too optimistic."
            )
