"""`tuner sweep=NAME`: runs a sweep, or resumes it up to its total."""

import time
from collections.abc import Sequence
from pathlib import Path

from tuner.commands.command_words import read_options
from tuner.config import GivenMetrics, compose_sweep, render
from tuner.formatting.timestamps import local_time
from tuner.orchestration.call import Call
from tuner.orchestration.sweep_run import run_sweep
from tuner.processes.invocation import invoked
from tuner.results.terminal import Terminal
from tuner.study.reader import find_metrics
from tuner.tracking import origin


def run(arguments: Sequence[str]) -> int:
    """Run the command.

    Args:
        arguments: Hydra overrides; `--cfg job` prints the configuration instead.

    Returns:
        0 if done, 1 if there is no usable result, 130 if interrupted.
    """
    started_at = time.monotonic()
    options = read_options(arguments, command="sweep")
    composed = compose_sweep(
        options.overrides, Path.cwd(), metrics=GivenMetrics(stored=find_metrics)
    )
    if options.prints_config:
        print(render(composed), end="")  # noqa: T201
        return 0
    terminal = Terminal(
        composed.goals.objective,
        keys=composed.space.keys,
        quiet=options.quiet,
        now=local_time,
        moves=not composed.agent.launcher.runs_inline,
    )
    call = Call(
        invocation=invoked(arguments),
        overrides=options.overrides,
        tags=origin(["sweep", *arguments], Path.cwd()),
    )
    return run_sweep(composed, call, terminal, started_at)
