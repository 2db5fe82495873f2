"""Commands and paths to copy from a terminal, never broken, so that they can be pasted."""

from pathlib import Path

from rich.console import Console
from rich.style import Style
from rich.text import Text

INDENT = 2
LABEL_WIDTH = 13
"""Columns of the label before a command or a path."""


def print_command(console: Console, command: str, label: str | None = None) -> None:
    """Print a command on a line of its own, which only the terminal may wrap.

    Args:
        console: Console to print on.
        command: Command to paste.
        label: Label before it; None to only indent it.
    """
    _print(console, Text(command), label)


def print_place(console: Console, path: Path, label: str) -> None:
    """Print a path, which some terminals open on a click."""
    style = Style(link=path.absolute().as_uri()) if console.is_terminal else Style.null()
    _print(console, Text(str(path), style), label)


def _print(console: Console, text: Text, label: str | None) -> None:
    head = " " * INDENT if label is None else f"{label:<{LABEL_WIDTH}} "
    console.print(Text.assemble(head, text), soft_wrap=True)
