"""`tuner train`: one fine-tune from a file, from overrides, or from both; no search."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from tuner.commands.command_words import read_options
from tuner.config import compose_training, render_training
from tuner.errors import InputError
from tuner.formatting.timestamps import local_time
from tuner.orchestration.training_run import check_named, train
from tuner.results.terminal import Terminal
from tuner.study.reader import metrics_beside
from tuner.tracking import origin


def run(arguments: Sequence[str]) -> int:
    """Run the command.

    Args:
        arguments: File of a configuration and overrides; or overrides only, which name a model and
            a data set. `--cfg job` prints the configuration instead.

    Returns:
        0 if done, 1 if the fine-tune did not complete or its model could not be saved, 130 if
            interrupted.

    Raises:
        InputError: No model or data are named, or they cannot be used.
    """
    options = read_options(arguments, command="train")
    path, overrides = split_file(options.overrides)
    composed = compose_training(path, overrides, Path.cwd(), stored=metrics_beside)
    if options.prints_config:
        print(render_training(composed), end="")  # noqa: T201
        return 0
    tags = origin(["train", *arguments], Path.cwd())
    terminal = Terminal(
        composed.goals.objective,
        quiet=options.quiet,
        now=local_time,
        moves=not composed.launcher.runs_inline,
    )
    return train(composed, tags, terminal).exit_code


def split_file(words: Sequence[str]) -> tuple[Path | None, list[str]]:
    """Separate the configuration's file from the overrides around it.

    Args:
        words: Path of a file, at any position, and overrides.

    Returns:
        File, or None if there is none; and the overrides.

    Raises:
        InputError: There are two files, or neither a file nor both a model and a data set.
    """
    files = [word for word in words if _is_file(word)]
    overrides = [word for word in words if word not in files]
    if len(files) > 1:
        raise InputError(
            f"there are {len(files)} configuration files: {', '.join(files)}",
            where="command line",
            remedy=f"tuner train {shlex.quote(files[0])}, one of them, and overrides as KEY=VALUE",
        )
    if not files:
        check_named(overrides)
    return (Path(files[0]) if files else None), overrides


def _is_file(word: str) -> bool:
    """True if a word is a path; also for a path in a folder with an `=` in its name."""
    return "=" not in word or (not word.startswith(("+", "~")) and Path(word).is_file())
