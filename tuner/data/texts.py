"""Texts to classify: read from a file, and tokenised as a trial tokenises its own."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tuner.checkpoints import CheckpointInfo
from tuner.checkpoints.info import check_length
from tuner.data.checkpoint_tokenizer import load_tokenizer
from tuner.data.delimited import Hints
from tuner.data.examples import Examples, SecondColumns, TargetColumns, target_column
from tuner.data.files import read_file
from tuner.data.forms import FORMS
from tuner.data.table import Remarks, Table, one_column_hint
from tuner.data.tokenized import TokenizedSplit, offsets_of
from tuner.data.tokenizer import find_layout
from tuner.errors import InputError
from tuner.formatting.suggestion import nearest
from tuner.settings.file_formats import FORMAT_OF_ENDING, inner_suffix
from tuner.tasks import Task
from tuner.tasks.cells import is_blank


@dataclass(frozen=True, kw_only=True)
class Texts:
    """Checked texts of a file."""

    texts: tuple[Any, ...]
    """First part of each row, see `Examples.texts`."""
    pairs: tuple[Any, ...] | None
    """Second part of each row; None without one."""
    targets: tuple[Any, ...] | None
    """True target of each row, see `Task.read`; None where the file has none."""
    remarks: tuple[str, ...] = ()
    """Lines on how the file was read, and warnings."""

    def row(self, index: int) -> tuple[str, ...]:
        """Return the parts of a row as texts."""
        parts = [column[index] for column in (self.texts, self.pairs) if column is not None]
        return tuple(part if isinstance(part, str) else " ".join(part) for part in parts)


def read_texts(
    path: Path,
    text: str,
    second: SecondColumns,
    label: str | None,
    *,
    task: Task,
    usual: TargetColumns,
    hints: Hints | None = None,
) -> Texts:
    """Read the texts of a file.

    Args:
        path: CSV, JSON or Parquet file, by its suffix.
        text: Column of the texts.
        second: Columns of the second parts.
        label: Column of the true targets, which every row has; None: `usual`.
        task: Task of the model.
        usual: The same, which the file or some of its rows may lack: it is left out then.
        hints: Known facts about a delimited file; None if there are none.

    Raises:
        InputError: The file cannot be read, lacks a column, or has rows without a text.
    """
    suffix = inner_suffix(path)
    if suffix not in FORMAT_OF_ENDING:
        raise InputError(
            f"the format of {path.name} cannot be determined",
            where=str(path),
            remedy=f"cp {shlex.quote(str(path))} {shlex.quote(f'{path}.csv')}; the name "
            f"ends in one of {', '.join(FORMAT_OF_ENDING)}, compressed or not",
        )
    texts = {"predict.text": text, **second.keys}
    wanted = texts if label is None else {**texts, "predict.label": label}
    targets = replace(usual, key="the file")
    if label is not None:
        targets = replace(usual, key="predict.label", label=label, columns=None)
    columns = [*texts.values(), *targets.names]
    remarks = Remarks()
    table = read_file(path, FORMAT_OF_ENDING[suffix], columns, "the file to predict", hints)
    remarks.of(table)
    for key, column in wanted.items():
        if column not in table.columns:
            raise InputError(
                f"there is no column {column!r}",
                where=f"{key}, in {path}",
                remedy=f"{key}={nearest(column, table.columns) or 'COLUMN'}, one of: "
                f"{', '.join(table.columns)}"
                f"{one_column_hint(table, 'predict')}",
            )
    rows = range(len(table.values[text]))
    if not rows:
        raise InputError(
            "there are no rows", where=str(path), remedy="a file with a text in each row"
        )
    form = FORMS[task.form]
    first = form.asked(table, text, "predict.text", rows)
    pairs = second.read(table, task, rows)
    known = label is not None or _are_known(table, task, targets)
    return Texts(
        texts=first,
        pairs=pairs,
        targets=_targets(table, task, targets, (first, pairs), must=label is not None)
        if known
        else None,
        remarks=tuple(remarks.lines()),
    )


def _are_known(table: Table, task: Task, targets: TargetColumns) -> bool:
    """True if a file has the true targets of all rows; no label is a target of several labels."""
    cells = [table.values.get(name) for name in targets.names]
    found = [column for column in cells if column is not None]
    blank = [_is_blank(cell) for column in found for cell in column]
    complete = not all(blank) if task.several_labels else not any(blank)
    return len(found) == len(cells) and complete


def _is_blank(cell: Any) -> bool:
    """True for a cell without a value; an empty list is a value."""
    return not isinstance(cell, list) and not hasattr(cell, "tolist") and is_blank(cell)


def _targets(
    table: Table,
    task: Task,
    targets: TargetColumns,
    parts: tuple[Sequence[Any], Sequence[Any] | None],
    *,
    must: bool,
) -> tuple[Any, ...] | None:
    """Targets of all rows; None where a column that nobody asked for holds something else."""
    texts, pairs = parts
    try:
        column = target_column(table, targets, range(len(texts)))
        return task.read(replace(column, texts=texts, pairs=pairs))
    except InputError:
        if must:
            raise
        return None


def tokenized_texts(
    checkpoint: CheckpointInfo,
    task: Task,
    texts: Sequence[Any],
    pairs: Sequence[Any] | None,
    max_length: int,
) -> TokenizedSplit:
    """Tokenise examples for a model; their targets are not known.

    Args:
        checkpoint: Model that the examples are for.
        task: Task of the model.
        texts: First part of each example.
        pairs: Second part of each example; None without one.
        max_length: Most tokens of an input, with special tokens.

    Raises:
        InputError: The tokenizer cannot be read, or the model has no positions for `max_length`.
    """
    tokenizer = load_tokenizer(checkpoint)
    layout = find_layout(tokenizer, pairs=pairs is not None)
    check_length(checkpoint, max_length, layout.special_tokens)
    rows = FORMS[task.form].tokenize(tokenizer, texts, pairs, max_length, task.window_overlap())
    unknown = (None,) * len(texts)
    known = None if pairs is None else tuple(pairs)
    return TokenizedSplit(
        ids=rows.ids,
        type_ids=rows.type_ids,
        offsets=offsets_of(rows.lengths),
        labels=np.zeros(len(rows.lengths), np.int32),
        max_length=max_length,
        pad_id=tokenizer.pad_id,
        inputs=rows.inputs,
        places=rows.places,
        examples=Examples(where="", texts=tuple(texts), pairs=known, targets=unknown),
        spans=rows.spans,
    )
