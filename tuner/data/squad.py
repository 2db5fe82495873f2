"""Rows of question answering from the nested JSON of SQuAD 1.1 and 2.0 (Rajpurkar 2016, 2018)."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tuner.errors import InputError

_FORM = (
    'as in SQuAD: {"data": [{"paragraphs": [{"context": ..., "qas": [{"question": ..., '
    '"answers": [{"text": ..., "answer_start": ...}]}]}]}]}'
)


def is_squad(content: object) -> bool:
    """True if a JSON value has articles with paragraphs, as SQuAD's files do."""
    articles = content.get("data") if isinstance(content, Mapping) else None
    return isinstance(articles, list) and any(
        isinstance(article, Mapping) and "paragraphs" in article for article in articles
    )


def squad_rows(content: Mapping[str, Any], path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield place and row of each question, with id, title, question, context and answers.

    `is_impossible` is not read: as in SQuAD's own script, a question without answers has none.

    Args:
        content: Value for which `is_squad` is true.
        path: File, for messages.

    Raises:
        InputError: A part is of another kind.
    """
    for article_place, article in _objects(content, "data", "", path):
        for place, paragraph in _objects(article, "paragraphs", article_place, path):
            for question_place, question in _objects(paragraph, "qas", place, path):
                yield (
                    question_place,
                    {
                        "id": question.get("id"),
                        "title": article.get("title"),
                        "question": question.get("question"),
                        "context": paragraph.get("context"),
                        "answers": question.get("answers"),
                    },
                )


def _objects(
    holder: Mapping[str, Any], name: str, place: str, path: Path
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield place and value of each item of a list of objects."""
    inner = f"{place}.{name}".removeprefix(".")
    items = holder.get(name)
    if not isinstance(items, list):
        raise InputError(f"{name} is not a list", where=f"{path}, {inner}", remedy=_FORM)
    for number, item in enumerate(items):
        if not isinstance(item, Mapping):
            raise InputError(
                f"an item of {name} is not an object",
                where=f"{path}, {inner}[{number}]",
                remedy=_FORM,
            )
        yield f"{inner}[{number}]", item
