"""Labels of a data set as people look at them before the first trial: counts and warnings."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from tuner.tasks.cells import shortened
from tuner.tasks.labels import normalized_label
from tuner.tasks.records import TargetSummary

WARN_IMBALANCE = 10.0
"""Rows of the most frequent label for one of the rarest."""


def label_summary(
    train: Iterable[str], validation: Iterable[str], names: Sequence[str]
) -> TargetSummary:
    """Return counts of labels, and what is likely to spoil a fine-tune.

    Args:
        train: Labels of the training rows; several for a row where labels do not exclude one
            another.
        validation: Labels of the validation rows.
        names: Label names in the order of their numbers.
    """
    counts = tuple(
        tuple(found[name] for name in names) for found in map(Counter, (train, validation))
    )
    shown = [f"{name} {count}" for name, count in zip(names, counts[0], strict=True)]
    return TargetSummary(
        line=f"{len(names)} labels: {shortened(shown, 8)}",
        warnings=tuple(_warnings(names, *counts)),
        train_counts=counts[0],
        validation_counts=counts[1],
    )


def _warnings(
    names: Sequence[str], train: Sequence[int], validation: Sequence[int]
) -> Iterator[str]:
    spelt: dict[str, list[str]] = {}
    for label in names:
        spelt.setdefault(normalized_label(label), []).append(label)
    for same in spelt.values():
        if len(same) > 1:
            yield (
                f"Labels {_shown_apart(same)} are different labels, although they differ only in "
                "case, blanks, Unicode form or the spelling of a number: check whether they "
                "should be one."
            )
    most, least = max(train), min(train)
    if most >= WARN_IMBALANCE * least:
        frequent, rare = names[train.index(most)], names[train.index(least)]
        yield (
            f"Label {frequent!r} has {most} training rows, {rare!r} only {least}:"
            " accuracy shows little about rare labels, val_macro_f1 more."
        )
    if single := [name for name, count in zip(names, train, strict=True) if count == 1]:
        what = "label has" if len(single) == 1 else "labels have"
        yield f"{len(single)} {what} one training row: {shortened(single)}."
    absent = [name for name, count in zip(names, validation, strict=True) if not count]
    if absent:
        what = "label is" if len(absent) == 1 else "labels are"
        yield f"{len(absent)} {what} in no validation row: {shortened(absent)}."


def _shown_apart(labels: Sequence[str]) -> str:
    """Return labels in quotes; by their characters' codes where they would look the same."""
    same = len({unicodedata.normalize("NFKC", label) for label in labels}) < len(labels)
    return ", ".join(map(ascii if same else repr, labels))
