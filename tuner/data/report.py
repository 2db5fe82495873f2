"""Report on the data before the first trial: figures, and warnings as sentences."""

from collections.abc import Container
from dataclasses import dataclass
from typing import Any

import numpy as np

from tuner.data.examples import Examples
from tuner.data.forms import FORMS
from tuner.data.table import Remarks
from tuner.data.tokenizer import TokenRows
from tuner.tasks import Task

WARN_DUPLICATES = 0.01
"""Share of training rows that repeat an earlier one, from which on a warning is given."""
WARN_TRUNCATED = 0.05
"""Share of truncated rows from which on a warning is given."""
WARN_UNKNOWN = 0.02
"""Share of unknown tokens from which on a warning is given; a fitting vocabulary stays far below.
"""
WARN_VOCABULARY = 0.9
"""Share of the model's embeddings that the tokenizer should reach."""


@dataclass(frozen=True, kw_only=True)
class DataReport:
    """Figures of a data set for one model, as plain values."""

    train_rows: int
    """Number of training rows."""
    validation_rows: int
    """Number of validation rows."""
    labels: tuple[str, ...]
    """Names of the outputs: labels, in the order of their numbers."""
    train_counts: tuple[int, ...]
    """Training rows of each label; empty for a task without labels."""
    validation_counts: tuple[int, ...]
    """Validation rows of each label."""
    targets: str
    """Line about the targets."""
    target_warnings: tuple[str, ...]
    """Sentences about targets that are likely to spoil a fine-tune."""
    duplicates: int
    """Number of training rows with the text of an earlier one."""
    contradictions: int
    """Number of training rows whose text occurs with another label, too."""
    shared: int
    """Number of validation rows whose text is also in training."""
    empty: int
    """Number of rows of both splits without text."""
    truncated: float
    """Share of the rows of both splits that exceed `max_length`, where those are cut."""
    unknown: float
    """Share of the tokens of both splits that are not in the vocabulary."""
    length_median: float
    """Median number of tokens per row before truncation, with special tokens."""
    length_p95: float
    """Number of tokens that 95 % of the rows do not exceed."""
    length_max: int
    """Number of tokens of the longest row."""
    max_length: int
    """Number of tokens that are kept."""
    tokenizer_vocabulary: int
    """Number of ids of the tokenizer."""
    model_vocabulary: int
    """Number of embeddings of the model."""
    windows: int = 0
    """Number of rows of both splits that have several windows, where longer ones are not cut."""
    notes: tuple[str, ...] = ()
    """Sentences about settings and files."""
    read_as: tuple[str, ...] = ()
    """Lines on how the files were read, if that is not obvious."""

    def warnings(self) -> list[str]:
        """Return a sentence with figures for each likely problem of a fine-tune."""
        rows = self.train_rows
        out = list(self.notes)
        if self.duplicates / rows >= WARN_DUPLICATES:
            share = self.duplicates / rows
            out.append(f"{self.duplicates} training rows ({share:.1%}) repeat an earlier text.")
        if self.contradictions:
            out.append(
                f"{self.contradictions} training rows have a text that also has another label:"
                " no model can get all of them right."
            )
        if self.shared:
            share = self.shared / self.validation_rows
            out.append(
                f"{self.shared} validation rows ({share:.1%}) have a text that is also in "
                "training: their scores are too optimistic."
            )
        if self.empty:
            out.append(f"{self.empty} rows have an empty text.")
        return [*out, *self._token_warnings(), *self.target_warnings]

    def _token_warnings(self) -> list[str]:
        out = []
        if self.truncated >= WARN_TRUNCATED:
            out.append(
                f"{self.truncated:.1%} of the rows are cut at model.max_length={self.max_length};"
                f" 95 % have no more than {self.length_p95:.0f} tokens."
            )
        if self.unknown >= WARN_UNKNOWN:
            out.append(
                f"{self.unknown:.1%} of the tokens are unknown to the tokenizer:"
                " check that the model fits the language of the texts."
            )
        if self.tokenizer_vocabulary < WARN_VOCABULARY * self.model_vocabulary:
            out.append(
                f"The tokenizer has {self.tokenizer_vocabulary} tokens, but the model has "
                f"embeddings for {self.model_vocabulary}: check that they belong together."
            )
        return out

    @property
    def _too_long(self) -> str:
        if self.windows:
            return f"{self.windows} rows are split into windows of {self.max_length}"
        return f"{self.truncated:.1%} cut at {self.max_length}"

    def _vocabulary_line(self) -> list[str]:
        if self.tokenizer_vocabulary == self.model_vocabulary:
            return []
        sizes = f"{self.tokenizer_vocabulary} tokens, the model {self.model_vocabulary} embeddings"
        return [f"the tokenizer has {sizes}"]

    def lines(self) -> list[str]:
        """Return the report for a terminal, warnings last."""
        return [
            *self.read_as,
            f"{self.train_rows} training rows, {self.validation_rows} validation rows",
            self.targets,
            *self._vocabulary_line(),
            (
                f"tokens a row: median {self.length_median:.0f}, 95 % up to {self.length_p95:.0f},"
                f" longest {self.length_max}; {self._too_long}"
            ),
            (
                f"unknown tokens {self.unknown:.2%}, repeated texts {self.duplicates},"
                f" in both splits {self.shared}, empty {self.empty}"
            ),
            *(f"warning: {sentence}" for sentence in self.warnings()),
        ]


def make_report(
    splits: tuple[Examples, Examples],
    tokens: tuple[TokenRows, TokenRows],
    *,
    task: Task,
    labels: tuple[str, ...],
    vocabularies: tuple[int, int],
    remarks: Remarks,
) -> DataReport:
    """Compute all figures.

    Args:
        splits: Training and validation rows.
        tokens: Their tokens.
        task: Task whose targets the rows have.
        labels: Names of the outputs.
        vocabularies: Size of the tokenizer's and of the model's.
        remarks: About how the data was read.
    """
    train, validation = splits
    found: dict[tuple[Any, Any], list[Any]] = {}
    for text, target in zip(train.inputs, train.targets, strict=True):
        found.setdefault(text, []).append(target)
    summary = task.describe(train.targets, validation.targets, labels)
    max_length = tokens[0].max_length
    lengths = np.concatenate([part.full_lengths for part in tokens])
    text_tokens = sum(len(part.ids) - part.special_tokens * len(part.lengths) for part in tokens)
    longer = int((lengths > max_length).sum())
    has_windows = FORMS[task.form].has_windows
    return DataReport(
        train_rows=len(train),
        validation_rows=len(validation),
        labels=labels,
        train_counts=summary.train_counts,
        validation_counts=summary.validation_counts,
        targets=summary.line,
        target_warnings=summary.warnings,
        duplicates=len(train) - len(found),
        contradictions=sum(len(seen) for seen in found.values() if len(set(seen)) > 1),
        shared=shared(validation, found),
        empty=sum(not is_written(row) for split in splits for row in split.inputs),
        truncated=0.0 if has_windows else longer / len(lengths),
        windows=longer if has_windows else 0,
        unknown=sum(part.unknown for part in tokens) / max(1, text_tokens),
        length_median=float(np.median(lengths)),
        length_p95=float(np.percentile(lengths, 95)),
        length_max=int(lengths.max()),
        max_length=max_length,
        tokenizer_vocabulary=vocabularies[0],
        model_vocabulary=vocabularies[1],
        notes=tuple(dict.fromkeys(remarks.notes)),
        read_as=tuple(dict.fromkeys(remarks.read_as)),
    )


def is_written(part: Any) -> bool:
    """True if a part of a row has characters that are no blanks."""
    if isinstance(part, str):
        return bool(part.strip())
    return any(map(is_written, part))


def shared(examples: Examples, texts: Container[tuple[Any, Any]]) -> int:
    """Return the number of rows with one of these texts.

    Args:
        examples: Rows to search.
        texts: Pairs of texts, as in `Examples.inputs`.
    """
    return sum(text in texts for text in examples.inputs)
