"""Text from users inside Markdown, which MLflow shows."""

import re
from collections.abc import Iterable, Sequence

_MARKS = re.compile(r"([\\`*\[\]|#])")

_SPACE = "\N{NO-BREAK SPACE}"
"""Space around each cell, because MLflow shows tables without any."""


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table.

    Args:
        headings: Names of the columns.
        rows: Cells in Markdown.
    """
    padded = [[f"{_SPACE}{cell}{_SPACE}" for cell in row] for row in (headings, *rows)]
    lines = [f"| {' | '.join(row)} |" for row in padded]
    return [lines[0], "|---" * len(headings) + "|", *lines[1:]]


def prose(text: str) -> str:
    """Return the text so that Markdown shows it as it is, in a paragraph or a table's cell."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKS.sub(r"\\\1", " ".join(escaped.splitlines()))


def code(text: str) -> str:
    """Return the text as a code span, in a paragraph or a table's cell."""
    text = " ".join(text.splitlines()).replace("|", r"\|")
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    space = " " if longest else ""
    return f"{fence}{space}{text}{space}{fence}"
