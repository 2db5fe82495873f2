"""Every file name that a study leaves, and how the files are written so that none is ever half."""

import os
from pathlib import Path

from tuner.core.trial import Report, TrialOutcome
from tuner.records import to_json


def write_whole(path: Path, text: str) -> None:
    """Writes a file so that readers see the old text or the new one, never a part."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with beside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


class TrialFolder:
    """One trial's files: `config.yaml`, `reports.jsonl`, `outcome.json`, `worker.log`."""

    def __init__(self, path: Path) -> None:
        """Names the files; `begin` makes the folder."""
        self.path = path
        self.config = path / "config.yaml"
        self.reports = path / "reports.jsonl"
        self.outcome = path / "outcome.json"
        self.log = path / "worker.log"

    def begin(self, config: str) -> None:
        """Makes the folder for a new attempt; what an earlier one left is dropped."""
        self.path.mkdir(parents=True, exist_ok=True)
        for left in (self.reports, self.outcome, self.log):
            left.unlink(missing_ok=True)
        write_whole(self.config, config)

    def append(self, report: Report) -> None:
        """Adds a report, before it is sent anywhere."""
        with self.reports.open("a", encoding="utf-8") as file:
            file.write(to_json(report) + "\n")

    def finish(self, outcome: TrialOutcome) -> None:
        """Writes how the attempt ended."""
        write_whole(self.outcome, to_json(outcome) + "\n")

    def log_tail(self, characters: int = 4000) -> str:
        """The last that the worker printed; empty without a log."""
        try:
            return self.log.read_text(encoding="utf-8", errors="replace")[-characters:].strip()
        except FileNotFoundError:
            return ""


class StudyFolder:
    """A study's files below the output folder."""

    def __init__(self, output: Path, study: str) -> None:
        """Names the files; nothing is made."""
        self.path = output / study
        self.database = self.path / "study.db"
        self.best = self.path / "best.yaml"

    def next_number(self) -> int:
        """The first trial number above all that have a folder."""
        taken = [int(path.name) for path in (self.path / "trials").glob("[0-9]*")]
        return max(taken, default=-1) + 1

    def trial(self, number: int) -> TrialFolder:
        """The folder of a trial."""
        return TrialFolder(self.path / "trials" / f"{number:05d}")
