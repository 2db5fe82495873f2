"""Which command; nothing else."""

import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import FrameType

from tuner import __version__
from tuner.crash_report import crashed
from tuner.disk import refusals_said
from tuner.errors import INTERRUPTED, InputError, TunerError
from tuner.output import outlive_readers
from tuner.stop_requests import TERMINATING, heeded

COMMANDS = {
    "sweep": "run a sweep, or resume it up to its total",
    "train": "one fine-tune from an exported configuration, no search",
    "export": "the best configuration as YAML, overrides, JSON or TrainingArguments; its model",
    "doctor": "check GPUs, TensorFlow, model, data, storage and tracking; say how to mend them",
    "predict": "labels and probabilities from a trained model, for a first look",
    "prepare": "fetch, check and tokenise model and data, for nodes without internet",
    "report": "rank a study's trials, here and on an HTML page; report.follow=true follows it",
}

LASTING = ("sweep", "train")
"""Commands that go on when nobody reads their output any more."""

HELP = """tuner: hyperparameter sweeps for fine-tuning BERT-like encoders

usage: tuner [COMMAND] [OVERRIDE ...]      the same as python -m tuner

commands (the first word without '='; without one: sweep)
{commands}

overrides (Hydra's)
  sweep=lr_search                       which sweep: a file of ./sweeps or of ours
  model=minilm data=rotten_tomatoes     another option of a group: a file of ./conf/<group> or ours
  training.epochs=3                     a value; a searched key is taken out of the space and fixed
  training.batch_size=8,16              a dimension of the search space, added or replaced
  'optimizer.learning_rate=tag(log,interval(1e-6,1e-4))'

options
  --help, -h        this text
  --version         the version
  --cfg job         print the composed configuration and stop

examples
  tuner sweep=lr_search
  tuner sweep=full_search data=csv data.train=train.csv data.text=review data.label=stars
  tuner train outputs/lr_search/best.yaml training.epochs=5
  tuner report sweep=lr_search
  tuner predict outputs/lr_search/best_model reviews.csv
  tuner prepare sweep=lr_search
  tuner export sweep=lr_search export.output=best.yaml export.model=best_model
  tuner doctor sweep=lr_search
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command.

    Whatever is raised ends here, as one message: what is not ours leaves a crash report.

    Args:
        arguments: The command line without the program's name; None: the process's own.

    Returns:
        Exit code: 0 done, 1 nothing usable came out, 2 wrong input, 130 interrupted.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if arguments is None:  # A process of our own: what is half made is taken away.
            outlive_readers(lasting=_command(words) in LASTING)
            for number in heeded(*TERMINATING):
                signal.signal(number, _interrupt)
        code = _main(words)
        sys.stdout.flush()
    except TunerError as error:
        print(f"tuner: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    except KeyboardInterrupt:
        print("tuner: interrupted", file=sys.stderr)  # noqa: T201
        return INTERRUPTED
    except Exception as error:
        print(f"tuner: {crashed(error, words)}", file=sys.stderr)  # noqa: T201
        return 1
    return code


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    """Ends a command as Ctrl-C does; a terminal that closes says so more than once."""
    if number == signal.SIGHUP:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _main(words: list[str]) -> int:
    if "--help" in words or "-h" in words:
        width = max(map(len, COMMANDS)) + 2
        listed = "\n".join(f"  {name:<{width}}{text}" for name, text in COMMANDS.items())
        print(HELP.format(commands=listed))  # noqa: T201
        return 0
    if "--version" in words:
        print(f"tuner {__version__}")  # noqa: T201
        return 0
    return _run(words)


def _is_named(words: Sequence[str]) -> bool:
    return bool(words) and "=" not in words[0] and not words[0].startswith(("-", "+", "~"))


def _command(words: Sequence[str]) -> str:
    return words[0] if _is_named(words) else "sweep"


def _run(words: list[str]) -> int:
    command = _command(words)
    if _is_named(words):
        words = words[1:]
    if command not in COMMANDS:
        raise InputError(
            f"unknown command '{command}'",
            where="the first word of the command line",
            remedy="one of " + ", ".join(COMMANDS) + "; tuner --help says more",
        )
    module = import_module(f"tuner.commands.{command}")
    with refusals_said(f"{_working_folder()}, or the folder of output="):
        code: int = module.run(words)
    return code


def _working_folder() -> Path:
    try:
        return Path.cwd()
    except OSError as error:
        raise InputError(
            f"the working folder cannot be used: {error.strerror}",
            where="the folder in which the command was started",
            remedy="cd to a folder that exists and can be read",
        ) from error


if __name__ == "__main__":
    sys.exit(main())
