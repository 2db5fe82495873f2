"""Completion of a killed process's spool from the trials' folders."""

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from tuner.tracking.events import Event, MetricsLogged, RunEnded, RunStarted
from tuner.tracking.runs import (
    ATTEMPT,
    SWEEP,
    number_tag,
    point_logged,
    trial_abandoned,
    trial_ended,
)
from tuner.tracking.spool import Spool
from tuner.trial.folder import StudyFolder


def complete_spool(spool: Spool, folder: StudyFolder, requeued: Collection[int], now: int) -> None:
    """End each open run of a spool, so that MLflow shows none as running for ever.

    A trial that has ended in the study but not in the spool ends as its folder says.

    Args:
        spool: Spool of this agent.
        folder: Folder of the study, before any new attempt writes there.
        requeued: Numbers of the trials that will be tried again, whatever their folders say.
        now: Time in milliseconds since the epoch.
    """
    open_runs: dict[str, RunStarted] = {}
    steps: dict[str, int] = {}
    for event in spool.events():
        if isinstance(event, RunStarted):
            open_runs[event.run] = event
        elif isinstance(event, MetricsLogged):
            steps[event.run] = event.step
        elif isinstance(event, RunEnded):
            open_runs.pop(event.run, None)
    for run, begun in open_runs.items():
        if run == SWEEP:
            spool.append(RunEnded(at=now, run=run, status="KILLED", if_running=True))
            continue
        for missing in _missing(spool, begun, steps.get(run, 0), folder, requeued):
            spool.append(missing)


def _missing(
    spool: Spool, begun: RunStarted, step: int, folder: StudyFolder, requeued: Collection[int]
) -> list[Event]:
    """Return the events that the process did not write: the last evaluation point, and the end."""
    number, attempt = int(begun.tags[number_tag(begun.tags["role"])]), int(begun.tags[ATTEMPT])
    trial = folder.trial(number)
    events: list[Event] = []
    reports = trial.read_reports()
    changed = _changed(trial.reports)
    if reports and changed >= begun.at and reports[-1].examples_seen > step:
        same = sum(each.examples_seen == reports[-1].examples_seen for each in reports)
        events.append(point_logged(begun.run, reports[-1], changed, same))
    outcome = trial.read_outcome()
    changed = _changed(trial.outcome)
    known = outcome is not None and outcome.attempt == attempt and changed >= begun.at
    if outcome is None or not known or number in requeued:
        return [*events, trial_abandoned(begun.run, max(begun.at, _changed(spool.path)))]
    files = spool.attach(begun.run, trial.artifacts)
    return [*events, trial_ended(begun.run, outcome, files, (), changed)]


def _changed(file: Path) -> int:
    """Return a file's modification time in milliseconds; 0 if there is no file."""
    with suppress(OSError):
        return int(file.stat().st_mtime * 1000)
    return 0
