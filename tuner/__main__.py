"""Choice of the command; nothing else."""

import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import FrameType

from tuner import __version__
from tuner.commands.command_words import asks_help, help_topic, only_prints, unknown_command
from tuner.errors import INTERRUPTED, InputError, TunerError
from tuner.files.disk import refusals_said
from tuner.files.streams import OutputClosedError, outlive_readers
from tuner.processes.crash_report import crashed
from tuner.processes.stop_requests import TERMINATING, heeded

COMMANDS = {
    "sweep": "run a sweep, or resume it up to its total",
    "train": "fine-tune once, from a file, KEY=VALUE words, or both; no search",
    "export": "write the best configuration as a file or command; copy its model",
    "doctor": "check GPUs, TensorFlow, model, data, storage and tracking",
    "predict": "show labels and probabilities from a trained model",
    "verify": "repeat a trial and compare losses and weights to the last bit",
    "prepare": "fetch, check and tokenise model and data, for offline nodes",
    "clean": "list or remove caches, states and superseded models",
    "completion": "print the script that completes words in bash or zsh",
    "report": "rank a study's trials in the terminal and on an HTML page",
}

LASTING = ("sweep", "train")
"""Commands that go on when nobody reads their output any more."""

HELP = """tuner: hyperparameter sweeps for fine-tuning BERT-like encoders

usage: tuner [COMMAND] [KEY=VALUE ...]       the same as python -m tuner

commands (the first word without '='; without one: sweep)
{commands}

keys
  sweep=lr_search            the sweep: a file in ./sweeps or a bundled one
  model=minilm data=imdb     the option of a group: a file in ./conf/GROUP or
                             a bundled one
  training.epochs=3          a value; it fixes a searched key
  training.batch_size=8,16   values to search
  'optimizer.learning_rate=tag(log,interval(1e-6,1e-4))'

options
  -h, --help            this text; after a command: its keys and examples
  -q, --quiet           only warnings, errors and results
  --cfg job             print the configuration and stop (sweep, train)
  --version             print the version

more help
  tuner COMMAND --help  the keys of a command, and examples
  tuner --help groups   the groups and their options
  tuner --help model    one group: its options and keys
  tuner --help KEY      one key, for example training.epochs

examples
  tuner sweep=lr_search
  tuner train model=minilm data=rotten_tomatoes
  tuner train outputs/lr_search/best.yaml training.epochs=5
  tuner report sweep=lr_search
  tuner predict outputs/lr_search/best_model reviews.csv
  tuner verify outputs/lr_search/best.yaml
  tuner export sweep=lr_search export.model=best_model
  tuner doctor sweep=lr_search
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Whatever is raised ends here, as one message: what is not ours leaves a crash report.

    Args:
        arguments: The command line without the program's name; None: the process's own.

    Returns:
        Exit code: 0 done, 1 nothing usable came out, 2 wrong input, 130 interrupted.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if arguments is None:  # A process of our own: what is half made is taken away.
            outlive_readers(lasting=_command(words) in LASTING and not only_prints(words))
            for number in heeded(*TERMINATING):
                signal.signal(number, _interrupt)
        code = _main(words)
        sys.stdout.flush()
    except OutputClosedError as error:
        if asks_help(words):
            return 0  # A pager that was left.
        print(f"tuner: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code
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
    """End a command as Ctrl-C does; a terminal that closes sends its signal more than once."""
    if number == signal.SIGHUP:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _main(words: list[str]) -> int:
    if asks_help(words):
        print(_help(words))  # noqa: T201
        return 0
    if "--version" in words:
        print(f"tuner {__version__}")  # noqa: T201
        return 0
    return _run(words)


def _help(words: Sequence[str]) -> str:
    """Return the page that a command line asks for."""
    command, topic = help_topic(words, COMMANDS)
    if topic is None and command is None:
        width = max(map(len, COMMANDS)) + 2
        listed = "\n".join(f"  {name:<{width}}{text}" for name, text in COMMANDS.items())
        return HELP.format(commands=listed)
    from tuner.commands.help_pages import command_page, topic_page  # noqa: PLC0415 - reads conf/

    folder = _working_folder()
    if topic is not None:
        return topic_page(topic, COMMANDS, folder)
    return command_page(str(command), COMMANDS[str(command)], folder)


def _is_named(words: Sequence[str]) -> bool:
    return bool(words) and "=" not in words[0] and not words[0].startswith(("-", "+", "~"))


def _command(words: Sequence[str]) -> str:
    return words[0] if _is_named(words) else "sweep"


def _run(words: list[str]) -> int:
    command = _command(words)
    if _is_named(words):
        words = words[1:]
    if command not in COMMANDS:
        raise unknown_command(command, COMMANDS, _working_folder())
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
            remedy="cd ~, or to another folder that exists and can be read",
        ) from error


if __name__ == "__main__":
    sys.exit(main())
