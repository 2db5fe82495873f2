"""Commands in texts: found in Markdown, and composed as `tuner` composes them, without running."""

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from markdown_it import MarkdownIt

from tuner.commands.command_words import HELP, VERSION, read_options
from tuner.commands.completion import SHELLS
from tuner.commands.train import split_file
from tuner.config import (
    compose_clean,
    compose_doctor,
    compose_export,
    compose_predict,
    compose_report,
    compose_sweep,
    compose_training,
    compose_verify,
)

MARKDOWN = MarkdownIt("commonmark").enable("table")
SHELL = ("", "bash", "console")
"""Languages of blocks that hold commands; an indented block has none."""

OTHERS = re.compile(r"\.\.\.$|^\[")
"""Words that stand for the reader's own: `data=...`, `[KEY=VALUE ...]`."""

ENDS = ("|", ">", ">>", "&&", ";", "&")


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """Yield language and text of each code block of a page."""
    for token in MARKDOWN.parse(page.read_text(encoding="utf-8")):
        if token.type in ("fence", "code_block"):
            yield token.info.strip(), token.content


def inline(page: Path) -> Iterator[str]:
    """Yield each piece of code in the sentences and tables of a page."""
    for token in MARKDOWN.parse(page.read_text(encoding="utf-8")):
        for child in token.children or ():
            if child.type == "code_inline":
                yield child.content


def commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each command of a text, without variables that are set for it alone."""
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        try:
            words = shlex.split(line, comments=True)
        except ValueError:  # Not a command: text with an apostrophe.
            continue
        while words:
            end = next((at for at, word in enumerate(words) if word in ENDS), len(words))
            command, words = words[:end], words[end + 1 :]
            while command and re.match(r"[A-Z_]+=", command[0]):
                command = command[1:]
            if command:
                yield command


def program(words: Sequence[str]) -> tuple[str, list[str]]:
    """Return what a command runs, and its arguments: `tuner`, `pytest`, a script, a module.

    The name is empty if the words run nothing of the project.
    """
    name, *arguments = words
    if Path(name).name == "python" and arguments:
        module = arguments[0] == "-m"
        name, *arguments = arguments[module:] or [""]
        return (f"{name.replace('.', '/')}.py" if module and "." in name else name), arguments
    return (name if name in ("tuner", "pytest") else ""), arguments


COMPOSERS: Mapping[str, Callable[[list[str], Path], object]] = {
    "sweep": compose_sweep,
    "train": lambda words, folder: compose_training(*split_file(words), folder),
    "doctor": compose_doctor,
    "prepare": compose_doctor,
    "export": compose_export,
    "report": compose_report,
    "clean": compose_clean,
    "predict": lambda words, folder: compose_predict(words[2:], folder),
    "verify": lambda words, folder: compose_verify(words[1:], folder),
    "completion": lambda words, _: SHELLS.index(words[0]),
}
"""Command to the function that composes its words."""


def compose(words: Sequence[str], folder: Path) -> None:
    """Compose what the arguments of `tuner` ask for.

    Args:
        words: Command line after `tuner`.
        folder: Working folder.

    Raises:
        InputError: The command line is wrong.
    """
    words = [word for word in words if not OTHERS.search(word)]
    if set(words) & {*HELP, *VERSION}:
        return
    named = bool(words) and "=" not in words[0] and not words[0].startswith("-")
    command, words = (words[0], words[1:]) if named else ("sweep", words)
    COMPOSERS[command](list(read_options(words, command=command).overrides), folder)
