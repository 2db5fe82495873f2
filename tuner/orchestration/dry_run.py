"""`sweep.dry_run=true`: shows a sweep's plan without a trial, a study or a run in MLflow."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from tuner.orchestration.dry_run_lines import measured_rate, space_lines, time_lines
from tuner.orchestration.start import Start
from tuner.results.terminal import parameters_text
from tuner.settings.settings import SQLITE
from tuner.trial.folder import StudyFolder
from tuner.trial.records import UNTUNED

FIRST_TRIALS = 5
"""Number of shown trials."""


def dry_run(start: Start) -> None:
    """Show the space, the first trials, and the expected duration of the sweep.

    Raises:
        InputError: The first trials cannot run as they are configured.
        TunerError: A worker died.
    """
    composed, agent, terminal = start.composed, start.composed.agent, start.terminal
    terminal.result("\nSpace")
    for line in space_lines(composed.space, composed.defaults):
        terminal.result(line)
    with TemporaryDirectory() as place:
        terminal.result("\nFirst trials")
        folder = StudyFolder(Path(place), agent.study_name)
        storage = replace(agent.storage, name=SQLITE, url=None)
        with closing(start.make_study(folder, storage)) as study:
            for _ in range(min(FIRST_TRIALS, start.n_trials)):
                claimed = study.claim(None)
                if claimed is not None:
                    start.compose(claimed.parameters)
                    untuned = "   (untuned default)" if claimed.number == UNTUNED else ""
                    text = parameters_text(claimed.parameters)
                    terminal.result(f"  {claimed.number:>3}  {text}{untuned}")
        terminal.result("\nTime")
        stall_timeout = agent.launcher.stall_timeout
        rate = measured_rate(start.launcher, start.base, Path(place), stall_timeout)
    found, slots = start.inputs.variant(composed.base), len(start.launcher.slots)
    sweep = replace(agent.sweep, n_trials=start.n_trials)
    for line in time_lines(start.base, found, rate, sweep, slots):
        terminal.result(line)
