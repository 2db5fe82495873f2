"""Remaining time of the last publication if its process was started ahead.

    python benchmarks/publication.py [--ahead 15]

Run in a folder where `tuner sweep=lr_search` has ended: plots and model are sent to its MLflow
again, by a process that is asked at once, and by one that had `--ahead` seconds to import.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

from tuner.settings.settings import StorageSettings
from tuner.study import sqlite_url
from tuner.study.reader import StudyReader
from tuner.tracking.publishing import Request
from tuner.trial.folder import StudyFolder
from tuner.trial.serialization import to_json

STUDY = "lr_search"


def seconds(request: Request, ahead: float) -> float:
    """From being asked to its end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tuner.tracking.publishing"], stdin=subprocess.PIPE
    )
    time.sleep(ahead)
    begun = time.perf_counter()
    process.communicate(to_json(request).encode())
    return time.perf_counter() - begun


def main() -> None:
    """Prints both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ahead", type=float, default=15.0)
    ahead = parser.parse_args().ahead
    folder = StudyFolder(Path.cwd() / "outputs", STUDY)
    request = Request(
        study=StudyReader(STUDY, StorageSettings(), folder.path.parent).identity,
        objectives=("val_accuracy",),
        storage=sqlite_url(folder.database),
        tracking=f"sqlite:///{Path.cwd() / 'mlflow.db'}",
        folder=str(folder.path),
    )
    print(f"asked at once: {seconds(request, 0.0):.1f} s")
    print(f"started {ahead:.0f} s ahead: {seconds(request, ahead):.1f} s")


if __name__ == "__main__":
    main()
