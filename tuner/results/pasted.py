"""Commands and places that people copy from a terminal: never broken, so that a paste works."""

from pathlib import Path

from rich.console import Console
from rich.style import Style
from rich.text import Text

INDENT = 2
LABEL_WIDTH = 13
"""Columns of the words before a command or a place."""


def print_command(console: Console, command: str, label: str | None = None) -> None:
    """Print a command on a line of its own, which the terminal itself wraps.

    Args:
        console: Where to write.
        command: As it is to be pasted.
        label: What it is for, before it; None: it is indented alone.
    """
    _print(console, Text(command), label)


def print_place(console: Console, path: Path, label: str) -> None:
    """Print a path, which a terminal that can do so opens on a click."""
    style = Style(link=path.absolute().as_uri()) if console.is_terminal else Style.null()
    _print(console, Text(str(path), style), label)


def _print(console: Console, text: Text, label: str | None) -> None:
    head = " " * INDENT if label is None else f"{label:<{LABEL_WIDTH}} "
    console.print(Text.assemble(head, text), soft_wrap=True)
