"""`tuner prepare sweep=NAME`: fetches and checks everything that trials will read."""

from collections.abc import Sequence
from pathlib import Path

from tuner.checkpoints.content import cache_root
from tuner.checkpoints.locate import locate
from tuner.commands.command_words import read_options
from tuner.config import compose_doctor
from tuner.formatting.timestamps import local_time
from tuner.orchestration.inputs import check_inputs, held_out_lines
from tuner.results.terminal import Terminal


def run(arguments: Sequence[str]) -> int:
    """Run the command.

    Args:
        arguments: Hydra overrides of the later sweep; a sweep is not required.

    Returns:
        0.

    Raises:
        InputError: Model or data cannot be used.
    """
    options = read_options(arguments, command="prepare")
    trials = compose_doctor(options.overrides, Path.cwd()).trials
    terminal = Terminal("", quiet=options.quiet, now=local_time)
    for line in (*check_inputs(trials).lines, *held_out_lines(trials, confirms=True)):
        terminal.notice(line)
    found = {locate(settings.model): settings.model.checkpoint for settings in trials}
    for folder, checkpoint in found.items():
        terminal.result(f"{'model':<13} {checkpoint}: {folder}")
    terminal.result(f"{'tokenised':<13} {cache_root()}")
    terminal.result("a node that sees these folders needs no network")
    return 0
