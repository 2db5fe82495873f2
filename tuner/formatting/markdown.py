"""Text from users inside Markdown, which MLflow shows."""

import re

_MARKS = re.compile(r"([\\`*\[\]|#])")


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
