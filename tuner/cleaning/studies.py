"""Leftovers in the folder of a study that does not run: states, weights, unfinished models."""

from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from tuner.cleaning.leftover import Leftover, is_inside, measure
from tuner.soup import StoredSoup
from tuner.study.reader import Phase, StoredStudy
from tuner.trial.folder import StudyFolder, TrialFolder, trial_number
from tuner.trial.names import STATE_NAME
from tuner.trial.records import TrialState

_ENDED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.INFEASIBLE, TrialState.FAILED)
"""A trial in one of these states is never resumed."""


def is_running(study: StoredStudy, folder: StudyFolder) -> bool:
    """True if an agent may be at work: a trial runs, or a process of this machine sends its runs.

    A trial of a killed agent counts as running until the sweep is resumed.
    """
    if any(trial.phase is Phase.RUNNING for trial in study.trials):
        return True
    spools = [folder.path / "spool", folder.confirmation.path / "spool"]
    return any(_is_held(lock) for spool in spools for lock in spool.glob("*.lock"))


def study_leftovers(folder: StudyFolder, soup: StoredSoup | None) -> Iterator[Leftover]:
    """Yield the files that no resume of a study needs.

    Args:
        folder: Folder of a study that does not run.
        soup: Last soup of the study, which may wait to be published; None if there was none.
    """
    for place in (folder, folder.confirmation):
        for path in sorted((place.path / "trials").glob("[0-9]*")):
            if trial_number(path) is not None and _has_ended(TrialFolder(path)):
                yield from _of_trial(TrialFolder(path), folder.path)
    for copy in sorted(folder.path.glob(".model-*")):
        yield from _leftover("models", "copies for MLflow", copy, folder.path)
    for built in sorted(folder.soups.glob("*")):
        if soup is None or built.name != soup.folder_name:
            yield from _leftover("models", "unfinished soups", built, folder.path)


def _of_trial(trial: TrialFolder, root: Path) -> Iterator[Leftover]:
    state = trial.path / STATE_NAME
    for path in (state, state.with_name(f".{state.name}.partial")):
        yield from _leftover("states", "states of trials that have ended", path, root)
    for path in (trial.partial_model, trial.partial_member):
        yield from _leftover("models", "half-written models", path, root)
    yield from _leftover("members", "weights kept for soups", trial.member, root)


def _leftover(kind: str, what: str, path: Path, root: Path) -> Iterator[Leftover]:
    if not path.exists() or not is_inside(path, root):
        return
    size, used = measure(path)
    yield Leftover(kind=kind, description=what, path=path, root=root, size=size, used=used)


def _has_ended(trial: TrialFolder) -> bool:
    outcome = trial.read_outcome()
    return outcome is not None and outcome.state in _ENDED


def _is_held(lock: Path) -> bool:
    try:
        with FileLock(lock, timeout=0):
            return False
    except (Timeout, OSError):
        return True
