"""`tuner prepare sweep=NAME`: all that trials will read is fetched, checked and in the caches."""

from collections.abc import Sequence
from pathlib import Path

from tuner.checkpoints.content import cache_root
from tuner.checkpoints.locate import locate
from tuner.commands.inputs import check_inputs, held_out_lines
from tuner.config import compose_look
from tuner.terminal import Terminal


def run(arguments: Sequence[str]) -> int:
    """Runs the command.

    Args:
        arguments: Hydra overrides, as the sweep will get them; a sweep is not required.

    Returns:
        0.

    Raises:
        InputError: Model or data can not be used.
    """
    trials = compose_look(arguments, Path.cwd()).trials
    terminal = Terminal("")
    for line in (*check_inputs(trials).lines, *held_out_lines(trials, confirms=True)):
        terminal.notice(line)
    found = {locate(settings.model): settings.model.checkpoint for settings in trials}
    for folder, checkpoint in found.items():
        terminal.notice(f"{'model':<13} {checkpoint}: {folder}")
    terminal.notice(f"{'tokenised':<13} {cache_root()}")
    terminal.notice("a node that sees these folders needs no network")
    return 0
