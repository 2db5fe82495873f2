"""The command line as its user wrote it, and commands like it that can be pasted."""

import os
import shlex
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner.secrets import hidden

NAME = "tuner"
"""Name of the package and of its command."""

DEFAULT_PROGRAM = f"python -m {NAME}"
"""Program name for printed commands if the user's own call is unknown."""


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """One call of the program."""

    words: tuple[str, ...]
    """The words behind the program's name: a command, where one was given, and overrides."""
    program: str = DEFAULT_PROGRAM
    """Program as the user calls it, quoted for a shell."""

    @property
    def again(self) -> str:
        """The same command, quoted for a shell, passwords masked."""
        return self.command_with({})

    def command_with(self, overrides: Mapping[str, str]) -> str:
        """Return the command with other overrides, quoted for a shell, passwords masked.

        Args:
            overrides: Key to override, which is quoted already; each takes the place of what the
                user gave for its key.
        """
        kept = [word for word in self.words if key_of(word) not in overrides]
        return " ".join([self.program, *map(_quoted, kept), *overrides.values()])

    def command(self, *words: str) -> str:
        """Return another command of the program.

        Args:
            words: Behind the program's name, quoted already where that is needed.
        """
        return " ".join([self.program, *words])


def key_of(word: str) -> str | None:
    """Return the key that a word of the command line sets; None where it sets none."""
    key, equals, _ = word.partition("=")
    return key.lstrip("+") if equals else None


def invoked(words: Iterable[str]) -> Invocation:
    """Return the call that runs now.

    Args:
        words: Behind the program's name.
    """
    started = Start(
        words=tuple(sys.orig_argv), script=sys.argv[0] if sys.argv else "", prefix=sys.prefix
    )
    return Invocation(words=tuple(words), program=program(started))


def script(name: str) -> str:
    """Return how a program of our environment is called, quoted for a shell.

    Args:
        name: For instance `mlflow`; one that is found in the shell's path is called by its name.
    """
    beside = Path(sys.prefix) / "bin" / name
    if not beside.exists() or _is_found(name, beside):
        return name
    return shlex.quote(_short(beside))


@dataclass(frozen=True, kw_only=True)
class Start:
    """Command line of a process at its start."""

    words: tuple[str, ...]
    """The interpreter's command line."""
    script: str
    """`sys.argv[0]`: the script, or the module's file."""
    prefix: str
    """Folder of the environment."""


def program(start: Start) -> str:
    """Return how the user calls the program: as a script, or as a module of an interpreter."""
    path = Path(start.script)
    if path.name == NAME and path.is_file():
        return NAME if _is_found(NAME, path) else shlex.quote(start.script)
    if path.parts[-2:] != (NAME, "__main__.py"):
        return DEFAULT_PROGRAM
    before = _interpreter(start.words)
    if not before:
        return DEFAULT_PROGRAM
    return shlex.join([*before, "-m", NAME])


def _interpreter(words: Sequence[str]) -> list[str]:
    """Return the interpreter and its options, as they were written."""
    for index, word in enumerate(words):
        if word == "-m" and words[index + 1 : index + 2] == (NAME,):
            return list(words[:index])
    return []


def _is_found(name: str, path: Path) -> bool:
    """True if the shell finds this very file by its name."""
    found = shutil.which(name)
    return found is not None and Path(found).exists() and Path(found).samefile(path)


def _short(path: Path) -> str:
    """A path relative to the working folder where it lies below it."""
    here = Path(os.getcwd())  # noqa: PTH109  (the folder as the shell names it)
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _quoted(word: str) -> str:
    return shlex.quote(hidden(word))
