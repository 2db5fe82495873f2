"""Milliseconds of Optuna's `Study.ask()` where many trials wait, and where many have ended.

    python -m benchmarks.waiting_trials [--trials 2000] [--url postgresql://...]

A study could hold one empty WAITING trial for each trial that its total still needs, so that
`ask()` hands them out. `ask()` reads all of them each time, and so does whatever else reads the
trials: a sampler before it proposes, a pruner after each report. The alternative is one WAITING
trial at a time, added right before `ask()`. Both are measured in a database file, in a journal
and, with `--url`, in an empty database of a server: as one agent does it, alone.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import optuna
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.trial import TrialState, create_trial

from tuner.settings.storage import with_driver
from tuner.study import JournalFile, sqlite_url
from tuner.study.link_lock import LinkLock
from tuner.study.owner import identity

REPEATS = 20


def storages(folder: Path, url: str | None) -> Iterator[tuple[str, Callable[[], BaseStorage]]]:
    """Name of each kind of storage, and a function that opens it as another agent does."""
    database = sqlite_url(folder / "study.db")
    yield "SQLite", lambda: RDBStorage(database)
    journal = folder / "study.journal"
    journal.touch()
    lock = LinkLock(folder / "study.journal.lock", identity())
    yield "journal", lambda: JournalStorage(JournalFile(journal, lock))
    if url is not None:
        yield "server", lambda: RDBStorage(with_driver(url))


def milliseconds(action: Callable[[], object]) -> str:
    """Median and longest of several calls."""
    taken = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        action()
        taken.append(1000 * (time.perf_counter() - begun))
    return f"{statistics.median(taken):7.1f} ({max(taken):.1f})"


def filled(storage: BaseStorage, name: str, trials: int, state: TrialState) -> optuna.Study:
    """A study with so many trials in one state."""
    study = optuna.create_study(study_name=name, storage=storage, direction="maximize")
    value = 0.5 if state is TrialState.COMPLETE else None
    for _ in range(trials):
        study.add_trial(create_trial(state=state, value=value, user_attrs={"owner": None}))
    return study


def add_and_ask(study: optuna.Study) -> None:
    """One more trial, added and claimed."""
    study.add_trial(create_trial(state=TrialState.WAITING, user_attrs={"owner": None}))
    study.ask()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--url")
    given = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    print("| storage | what | milliseconds: median (longest) |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as place:
        for kind, open_storage in storages(Path(place), given.url):
            for state in (TrialState.WAITING, TrialState.COMPLETE):
                name = f"{state.name} {given.trials}"
                filled(open_storage(), name, given.trials, state)
                study = optuna.load_study(study_name=name, storage=open_storage())
                study.get_trials(deepcopy=False)
                if state is TrialState.WAITING:
                    print(f"| {kind} | ask, {name} | {milliseconds(study.ask)} |")
                else:
                    add = milliseconds(lambda study=study: add_and_ask(study))
                    print(f"| {kind} | add_trial and ask, {name} | {add} |")
                read = milliseconds(lambda study=study: study.get_trials(deepcopy=False))
                print(f"| {kind} | get_trials, {name} | {read} |", flush=True)


if __name__ == "__main__":
    main()
