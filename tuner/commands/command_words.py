"""Words of a command line: options, and the overrides and paths between them."""

import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner.errors import InputError
from tuner.formatting.suggestion import nearest

HELP = ("--help", "-h")
VERSION = ("--version",)
QUIET = ("--quiet", "-q")
CONFIG = ("--cfg", "-c")
OPTIONS = (*HELP, *VERSION, *QUIET, *CONFIG)

_PRINTED = "job"
"""Only configuration that `--cfg` prints here; Hydra has others."""

PRINTING = ("sweep", "train")
"""Commands whose configuration `--cfg job` prints."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of a command line."""

    overrides: tuple[str, ...]
    """All other words, in their order."""
    prints_config: bool = False
    """True to print the configuration and run nothing."""
    quiet: bool = False
    """True to show only warnings, errors and the result."""


def read_options(words: Sequence[str], *, command: str) -> Options:
    """Separate the options of a command from its overrides.

    Args:
        words: Command line after the command.
        command: Name of the command.

    Raises:
        InputError: An option does not exist, or the command does not have it.
    """
    overrides: list[str] = []
    prints_config = quiet = False
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        name, equals, value = word.partition("=")
        if name in CONFIG:
            value = value if equals else (waiting.pop(0) if waiting else "")
            _check_config(value, command)
            prints_config = True
        elif word in QUIET:
            quiet = True
        elif word.startswith("-"):
            raise unknown_option(word, waiting)
        else:
            overrides.append(word)
    return Options(overrides=tuple(overrides), prints_config=prints_config, quiet=quiet)


def asks_help(words: Sequence[str]) -> bool:
    """True if a command line asks for help, by an option or as `tuner help`."""
    return any(word in HELP for word in words) or words[:1] == ["help"]


def only_prints(words: Sequence[str]) -> bool:
    """True if a command line runs nothing."""
    return asks_help(words) or any(word.split("=")[0] in (*VERSION, *CONFIG) for word in words)


def help_topic(words: Sequence[str], commands: Collection[str]) -> tuple[str | None, str | None]:
    """Return the command and the topic of a request for help.

    A word after `--help` is the topic: a group, a key or a command. For a command before it, its
    keys are listed.

    Args:
        words: Command line that asks for help.
        commands: Names of the commands.

    Returns:
        Command and topic; None for each that is not named.
    """
    place = next(index for index, word in enumerate(words) if word in (*HELP, "help"))
    before = [word for word in words[:place] if not word.startswith("-")]
    after = [word for word in words[place + 1 :] if not word.startswith("-")]
    command = before[0] if before and before[0] in commands else None
    if after:
        return command, after[0]
    if before and command is None:
        is_override = "=" in before[0]
        return ("sweep", None) if is_override else (None, before[0])
    return command, None


def unknown_command(word: str, commands: Collection[str], folder: Path) -> InputError:
    """Return the error for a first word that is no command.

    Args:
        word: First word.
        commands: Names of the commands.
        folder: Working folder, whose sweeps may have been meant.
    """
    near = nearest(word, commands)
    if near is not None:
        remedy = f"type tuner {near}; the commands are {', '.join(commands)}"
    elif word.endswith((".yaml", ".yml")):
        remedy = f"type tuner train {shlex.quote(word)}"
    elif (folder / "sweeps" / f"{word}.yaml").is_file() or word.endswith("_search"):
        remedy = f"type tuner sweep={word}"
    else:
        remedy = f"choose one of {', '.join(commands)}; tuner --help describes them"
    return InputError(
        f"unknown command '{word}'", where="the first word of the command line", remedy=remedy
    )


def unknown_option(word: str, after: Sequence[str] = ()) -> InputError:
    """Return the error for an unknown option.

    Args:
        word: Option, with its value after a `=` if it has one there.
        after: Words after it, the first of which may be its value.
    """
    name, equals, value = word.partition("=")
    near = nearest(name, OPTIONS) if name.startswith("--") else None
    remedy = "see the options in tuner --help; a key is set as KEY=VALUE"
    if near is not None:
        remedy = near
    elif "." in name or equals:
        value = value if equals else next(iter(after), "VALUE")
        remedy = f"write {name.lstrip('-').replace('-', '_')}={value}, without the dashes"
    return InputError(f"there is no option {word!r}", where="command line", remedy=remedy)


def _check_config(value: str, command: str) -> None:
    if value != _PRINTED:
        raise InputError(
            f"--cfg cannot print {value!r}" if value else "--cfg has no value",
            where="command line",
            remedy=f"use --cfg {_PRINTED}",
        )
    if command not in PRINTING:
        raise InputError(
            f"the command {command} prints no configuration",
            where="command line",
            remedy=f"tuner {command} --help shows its keys; --cfg job is for "
            + " and ".join(PRINTING),
        )
