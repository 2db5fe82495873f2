"""What the data looks like before the first trial: figures, and sentences where they warn."""

import unicodedata
from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass

import numpy as np

from tuner.data.labels import look_alike
from tuner.data.table import Examples, Remarks, shortened
from tuner.data.tokenizer import TokenRows

WARN_DUPLICATES = 0.01
"""Share of training rows that repeat an earlier one."""
WARN_TRUNCATED = 0.05
"""Share of rows that lose tokens."""
WARN_UNKNOWN = 0.02
"""Share of text tokens; a fitting WordPiece vocabulary stays far below."""
WARN_IMBALANCE = 10.0
"""Rows of the most frequent label for one of the rarest."""
WARN_VOCABULARY = 0.9
"""Share of the model's embeddings that the tokenizer can reach."""


@dataclass(frozen=True, kw_only=True)
class DataReport:
    """Figures of a data set as one model meets it; plain values alone."""

    train_rows: int
    """Rows trained on."""
    validation_rows: int
    """Rows held out."""
    labels: tuple[str, ...]
    """Label names, in the order of their numbers."""
    train_counts: tuple[int, ...]
    """Training rows of each label."""
    validation_counts: tuple[int, ...]
    """Validation rows of each label."""
    duplicates: int
    """Training rows whose text stands in an earlier training row."""
    contradictions: int
    """Training rows whose text stands with another label too."""
    shared: int
    """Validation rows whose text stands in training."""
    empty: int
    """Rows of both splits without any text."""
    truncated: float
    """Share of the rows of both splits that are longer than `max_length`."""
    unknown: float
    """Share of the text tokens of both splits that the vocabulary lacks."""
    length_median: float
    """Tokens of a row before truncation, special ones included."""
    length_p95: float
    """95 % of the rows have no more tokens."""
    length_max: int
    """Tokens of the longest row."""
    max_length: int
    """Tokens kept."""
    tokenizer_vocabulary: int
    """Ids that the tokenizer can give."""
    model_vocabulary: int
    """Rows of the model's embedding."""
    notes: tuple[str, ...] = ()
    """Sentences about settings and files."""
    read_as: tuple[str, ...] = ()
    """Lines about how the files were read, where that is not obvious."""

    def warnings(self) -> list[str]:
        """A sentence with its figures for all that is likely to spoil a fine-tune."""
        rows = self.train_rows
        out = list(self.notes)
        if self.duplicates / rows >= WARN_DUPLICATES:
            share = self.duplicates / rows
            out.append(f"{self.duplicates} training rows ({share:.1%}) repeat an earlier text.")
        if self.contradictions:
            out.append(
                f"{self.contradictions} training rows have a text that stands with another label"
                " too: no model can get all of them right."
            )
        if self.shared:
            share = self.shared / self.validation_rows
            out.append(
                f"{self.shared} validation rows ({share:.1%}) have a text that training has too:"
                " their scores flatter."
            )
        if self.empty:
            out.append(f"{self.empty} rows have an empty text.")
        return out + self._token_warnings() + self._label_warnings()

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
                " does the model fit the language of the texts?"
            )
        if self.tokenizer_vocabulary < WARN_VOCABULARY * self.model_vocabulary:
            out.append(
                f"The tokenizer has {self.tokenizer_vocabulary} tokens, the model embeddings for"
                f" {self.model_vocabulary}: do they belong together?"
            )
        return out

    def _label_warnings(self) -> list[str]:
        out = []
        spelt: dict[str, list[str]] = {}
        for label in self.labels:
            spelt.setdefault(look_alike(label), []).append(label)
        out += [
            f"Labels {_shown_apart(same)} stay apart, and differ in no more than case, "
            "blanks, Unicode form or the spelling of a number: are they one?"
            for same in spelt.values()
            if len(same) > 1
        ]
        most, least = max(self.train_counts), min(self.train_counts)
        if most >= WARN_IMBALANCE * least:
            frequent = self.labels[self.train_counts.index(most)]
            rare = self.labels[self.train_counts.index(least)]
            out.append(
                f"Label {frequent!r} has {most} training rows, {rare!r} only {least}:"
                " accuracy says little about the rare ones, val_macro_f1 more."
            )
        pairs = zip(self.labels, self.validation_counts, strict=True)
        absent = [label for label, count in pairs if not count]
        if absent:
            what = "label stands" if len(absent) == 1 else "labels stand"
            out.append(f"{len(absent)} {what} in no validation row: {shortened(absent)}.")
        return out

    def _vocabulary_line(self) -> list[str]:
        if self.tokenizer_vocabulary == self.model_vocabulary:
            return []
        sizes = f"{self.tokenizer_vocabulary} tokens, the model {self.model_vocabulary} embeddings"
        return [f"the tokenizer has {sizes}"]

    def lines(self) -> list[str]:
        """The report for a terminal, warnings last."""
        counts = [f"{n} {c}" for n, c in zip(self.labels, self.train_counts, strict=True)]
        return [
            *self.read_as,
            f"{self.train_rows} training rows, {self.validation_rows} validation rows",
            f"{len(self.labels)} labels: {shortened(counts, 8)}",
            *self._vocabulary_line(),
            (
                f"tokens a row: median {self.length_median:.0f}, 95 % up to {self.length_p95:.0f},"
                f" longest {self.length_max}; {self.truncated:.1%} cut at {self.max_length}"
            ),
            (
                f"unknown tokens {self.unknown:.2%}, repeated texts {self.duplicates},"
                f" in both splits {self.shared}, empty {self.empty}"
            ),
            *(f"warning: {sentence}" for sentence in self.warnings()),
        ]


def _shown_apart(labels: Sequence[str]) -> str:
    """Return labels in quotes; by their characters' codes where they would look the same."""
    same = len({unicodedata.normalize("NFKC", label) for label in labels}) < len(labels)
    return ", ".join(map(ascii if same else repr, labels))


def make_report(
    splits: tuple[Examples, Examples],
    tokens: tuple[TokenRows, TokenRows],
    *,
    labels: tuple[str, ...],
    vocabularies: tuple[int, int],
    remarks: Remarks,
) -> DataReport:
    """Counts all figures.

    Args:
        splits: Training and validation rows.
        tokens: Their tokens.
        labels: In the order of their numbers.
        vocabularies: Size of the tokenizer's and of the model's.
        remarks: About how the data was read.
    """
    train, validation = splits
    found: dict[tuple[str, str], list[str]] = {}
    for text, label in zip(train.inputs, train.labels, strict=True):
        found.setdefault(text, []).append(label)
    max_length = tokens[0].max_length
    lengths = np.concatenate([part.full_lengths for part in tokens])
    text_tokens = sum(len(part.ids) - part.special_tokens * len(part.lengths) for part in tokens)
    return DataReport(
        train_rows=len(train),
        validation_rows=len(validation),
        labels=labels,
        train_counts=_counts(train, labels),
        validation_counts=_counts(validation, labels),
        duplicates=len(train) - len(found),
        contradictions=sum(len(seen) for seen in found.values() if len(set(seen)) > 1),
        shared=shared(validation, found),
        empty=sum(not "".join(text).strip() for split in splits for text in split.inputs),
        truncated=float(np.mean(lengths > max_length)),
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


def shared(examples: Examples, texts: Container[tuple[str, str]]) -> int:
    """How many rows have one of these texts.

    Args:
        examples: The rows.
        texts: Pairs of texts, as `Examples.inputs` has them.
    """
    return sum(text in texts for text in examples.inputs)


def _counts(examples: Examples, labels: Sequence[str]) -> tuple[int, ...]:
    counts = Counter(examples.labels)
    return tuple(counts[label] for label in labels)
