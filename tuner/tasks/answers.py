"""Answers that a context contains: read from cells, and compared with the context."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tuner.tasks.cells import Column, as_text, is_missing, refuse_rows

NEAR = 10
"""Characters around a wrong offset within which a single occurrence is taken for the answer."""

_FORM = (
    'a list of {"text": ..., "answer_start": ...}, or {"text": [...], "answer_start": [...]}; an '
    "empty list where the context has no answer"
)


class Answer(NamedTuple):
    """A piece of a context."""

    start: int
    """Number of characters before it."""

    text: str


Answers = tuple[Answer, ...]
"""True answers of one question; none where the context has none."""


class Candidate(NamedTuple):
    """A piece of a context that may be the answer."""

    score: float
    """Sum of its start and its end logit."""

    start: int
    """Characters before it."""

    stop: int
    """Characters up to its end."""


def read_answers(column: Column) -> tuple[Answers, ...]:
    """Return the answers of each row, each once, in their order.

    Raises:
        InputError: A row has no value, or something else than answers.
    """
    missing = [
        row for row, cell in zip(column.rows, column.cells, strict=True) if is_missing(cell)
    ]
    if missing:
        refuse_rows(missing, "no answers", f"{column.key}, {column.where}")
    return tuple(
        tuple(dict.fromkeys(_answers(column, index))) for index in range(len(column.cells))
    )


def _answers(column: Column, index: int) -> Iterator[Answer]:
    cell = column.cells[index]
    for text, start in _pairs(cell):
        if not isinstance(text, str) or type(start) is not int:
            raise column.refuse(f"{cell!r} is no list of answers", index, _FORM)
        if not text.strip():
            raise column.refuse("an answer is blank", index, _FORM)
        where = f"column {column.name!r}, row {column.rows[index] + 1} of {column.where}"
        yield Answer(start, as_text(text, where))


def _pairs(cell: object) -> list[tuple[Any, Any]]:
    """Return text and offset of each answer; a pair of None for a cell of another form."""
    if isinstance(cell, Mapping):
        texts, starts = cell.get("text"), cell.get("answer_start")
        if isinstance(texts, list) and isinstance(starts, list) and len(texts) == len(starts):
            return list(zip(texts, starts, strict=True))
        return [(texts, starts)]
    if isinstance(cell, list):
        return [
            (item.get("text"), item.get("answer_start"))
            if isinstance(item, Mapping)
            else (None, None)
            for item in cell
        ]
    return [(None, None)]


@dataclass(frozen=True, kw_only=True)
class PlacedAnswers:
    """Answers with offsets at which the contexts have them."""

    answers: tuple[Answers, ...]
    """Answers of each row; those that are not found keep their offset."""

    moved: tuple[int, ...]
    """Indices of rows with an answer whose offset was wrong and is clear."""

    lost: tuple[int, ...]
    """Indices of rows with an answer that the context does not have, or that could be at several
    places."""


def placed(answers: Sequence[Answers], contexts: Sequence[str]) -> PlacedAnswers:
    """Compare answers with their contexts.

    An answer that is not at its offset is moved to the one place within `NEAR` characters that
    has it, or else to the one place in the whole context.

    Args:
        answers: Answers of each row.
        contexts: Context of each row.
    """
    found, moved, lost = [], [], []
    for row, (given, context) in enumerate(zip(answers, contexts, strict=True)):
        starts = [_start(answer, context) for answer in given]
        if None in starts:
            lost.append(row)
        elif any(start != answer.start for start, answer in zip(starts, given, strict=True)):
            moved.append(row)
        found.append(
            tuple(
                answer if start is None else answer._replace(start=start)
                for start, answer in zip(starts, given, strict=True)
            )
        )
    return PlacedAnswers(answers=tuple(found), moved=tuple(moved), lost=tuple(lost))


def _start(answer: Answer, context: str) -> int | None:
    """Return the offset at which a context has an answer; None: nowhere, or not clear."""
    if answer.start >= 0 and context.startswith(answer.text, answer.start):
        return answer.start
    places = list(_occurrences(answer.text, context))
    near = [place for place in places if abs(place - answer.start) <= NEAR]
    for clear in (near, places):
        if len(clear) == 1:
            return clear[0]
    return None


def _occurrences(text: str, context: str) -> Iterator[int]:
    place = context.find(text)
    while place >= 0:
        yield place
        place = context.find(text, place + 1)
