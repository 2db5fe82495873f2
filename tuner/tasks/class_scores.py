"""Precision, recall and F1 of each class, from a confusion matrix."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tuner.tasks.confusion import weighted_pairs
from tuner.tasks.records import ClassCounts

FEW_CLASSES = 12
"""Up to so many classes are all shown."""

WEAKEST = 8
"""Number of classes with the lowest F1 that are shown where there are more."""


@dataclass(frozen=True, kw_only=True)
class ClassScore:
    """Scores of one class; F1 is the harmonic mean of precision and recall."""

    label: str
    """Name of the class."""
    rows: int
    """Validation rows of the class; the entities of a type."""
    precision: float
    """Share of the predictions of the class that are right; 0 where there is none."""
    recall: float
    """Share of the rows of the class that are found; 0 where there is none."""
    f1: float
    """0 where the class has no rows and no predictions."""


@dataclass(frozen=True, kw_only=True)
class ShownScores:
    """The scores of classes that are shown, and a sentence on the others."""

    scores: tuple[ClassScore, ...]
    """In the order in which they are shown."""
    others: str
    """Summary of the classes that are not shown; empty if all are."""


def class_scores(confusion: Sequence[Sequence[int]], labels: Sequence[str]) -> list[ClassScore]:
    """Return the scores of each class, in the order of the labels' numbers.

    Args:
        confusion: Rows true labels, columns predicted, shape (labels, labels); one count at least.
        labels: Names of the labels; others than the matrix has give their numbers instead.
    """
    from sklearn.metrics import precision_recall_fscore_support

    numbers = range(len(confusion))
    names = labels if len(labels) == len(numbers) else list(map(str, numbers))
    found = precision_recall_fscore_support(
        **weighted_pairs(confusion), labels=numbers, zero_division=0.0
    )
    return [
        ClassScore(
            label=name,
            rows=int(rows),
            precision=float(precision),
            recall=float(recall),
            f1=float(f1),
        )
        for name, precision, recall, f1, rows in zip(names, *found, strict=True)
    ]


def counted_scores(by_class: Mapping[str, ClassCounts]) -> list[ClassScore]:
    """Return the scores of each class from its counts."""
    return [
        ClassScore(
            label=name,
            rows=each.true,
            precision=each.right / max(1, each.predicted),
            recall=each.right / max(1, each.true),
            f1=2 * each.right / max(1, each.predicted + each.true),
        )
        for name, each in by_class.items()
    ]


def shown_scores(scores: Sequence[ClassScore]) -> ShownScores:
    """Return all classes where they are few, else those with the lowest F1.

    Classes without validation rows say nothing and come last.
    """
    if len(scores) <= FEW_CLASSES:
        return ShownScores(scores=tuple(scores), others="")
    known = sorted((each for each in scores if each.rows), key=lambda each: each.f1)
    shown, rest = known[:WEAKEST], known[WEAKEST:]
    parts = []
    if rest:
        parts.append(f"the other {len(rest)} reach F1 {rest[0].f1:.3f} to {rest[-1].f1:.3f}")
    if len(known) < len(scores):
        parts.append(f"{len(scores) - len(known)} have no validation rows")
    head = f"the {len(shown)} of {len(scores)} classes with the lowest F1"
    return ShownScores(scores=tuple(shown), others="; ".join([head, *parts]))
