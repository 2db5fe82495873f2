"""Every file name that a study leaves; files are written so that none is ever half."""

import re
import shlex
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from tuner.errors import InputError
from tuner.files.atomic import write_whole
from tuner.files.model_folder import discard, partial
from tuner.trial.names import (
    LOG_NAME,
    MEMBER_NAME,
    MODEL_NAME,
    PROFILE_NAME,
    STATE_NAME,
    last_attempt,
)
from tuner.trial.records import Report, TrialOutcome
from tuner.trial.serialization import from_json, to_json

_FOLDERS = ("trials", "best_model", "single_model", "soup", "plots", "spool", "confirm", "retrain")
"""Folders in a study's folder."""

_DIGITS = re.compile(r"[0-9]{1,18}")


def trial_number(path: Path) -> int | None:
    """Return the number of a trial's folder; None for any other, such as `00001.bak`."""
    return int(path.name) if _DIGITS.fullmatch(path.name) else None


class TrialFolder:
    """One trial's files: `config.yaml`, `reports.jsonl`, `outcome.json`, `worker.log`.

    `run` names the MLflow run of the latest attempt; another attempt resumes from `state`.
    `profile` is there where `training.profile` asked for it; `artifacts` are what MLflow gets.
    `model` is there only between the end of the best trial so far and its move to the study's
    `best_model`, and for good after a single fine-tune. `member` holds the weights that training
    changed, where they are kept for a soup.
    """

    def __init__(self, path: Path) -> None:
        """Name the files; `begin` makes the folder."""
        self.path = path
        self.config = path / "config.yaml"
        self.reports = path / "reports.jsonl"
        self.outcome = path / "outcome.json"
        self.log = path / LOG_NAME
        self.run = path / "mlflow_run.json"
        self.state = path / STATE_NAME
        self.profile = path / PROFILE_NAME
        self.model = path / MODEL_NAME
        self.partial_model = partial(self.model)
        self.member = path / MEMBER_NAME
        self.partial_member = partial(self.member)
        self.artifacts = (self.log, self.reports, self.profile)

    def begin(self, config: str) -> None:
        """Make the folder for an attempt; drop outcome, profile and weights of earlier ones.

        Its reports are kept until the new attempt reports whether it resumes (see
        `keep`), its log for good.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        self.outcome.unlink(missing_ok=True)
        shutil.rmtree(self.profile, ignore_errors=True)
        self.drop_model()
        discard(self.member)
        discard(self.partial_member)
        write_whole(self.config, config)

    def drop_model(self) -> None:
        """Remove the model, or the part that a killed worker left of one."""
        discard(self.model)
        discard(self.partial_model)

    def keep(self, resumed_at: int) -> list[Report]:
        """Drop the reports that an attempt makes again.

        Args:
            resumed_at: Evaluation point after which it resumes; 0: from the beginning.

        Returns:
            Those that are kept.
        """
        kept = [report for report in self.read_reports() if report.point <= resumed_at]
        write_whole(self.reports, "".join(to_json(report) + "\n" for report in kept))
        return kept

    def read_reports(self) -> list[Report]:
        """Return the last report of each point; a line that is no whole report is left out."""
        try:
            lines = self.reports.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return []
        found = {}
        for line in lines:
            with suppress(ValueError, TypeError, KeyError, AttributeError, BaseExceptionGroup):
                report = from_json(Report, line)
                found[report.point] = report
        return [found[point] for point in sorted(found)]

    def read_outcome(self) -> TrialOutcome | None:
        """Return the outcome of the latest attempt.

        Returns:
            None while the trial runs or waits, after an agent was killed, and where the file is
            of another version.
        """
        try:
            return from_json(TrialOutcome, self.outcome.read_text(encoding="utf-8"))
        except (OSError, ValueError, TypeError, KeyError, AttributeError, BaseExceptionGroup):
            return None

    def restore(self, config: str, reports: Iterable[Report]) -> None:
        """Make the folder of a running trial again, which somebody removed.

        Args:
            config: The trial's configuration.
            reports: Reports of the trial so far.
        """
        write_whole(self.config, config)
        write_whole(self.reports, "".join(to_json(report) + "\n" for report in reports))

    def append(self, report: Report) -> None:
        """Append a report, before it is sent anywhere."""
        with self.reports.open("a", encoding="utf-8") as file:
            file.write(to_json(report) + "\n")

    def finish(self, outcome: TrialOutcome) -> None:
        """Write the outcome of the attempt."""
        write_whole(self.outcome, to_json(outcome) + "\n")

    def log_tail(self, characters: int = 4000) -> str:
        """Return the end of the last attempt's output; empty without a log."""
        return last_attempt(self.path)[-characters:].strip()


class StudyFolder:
    """A study's files below the output folder."""

    def __init__(self, output: Path, study: str) -> None:
        """Name the files; nothing is made."""
        self.path = output / study
        self.database = self.path / "study.db"
        self.journal = self.path / "study.journal"
        self.best = self.path / "best.yaml"
        self.best_model = self.path / "best_model"
        self.single_model = self.path / "single_model"
        self.soups = self.path / "soup"
        self.limits = self.path / "memory_limits.json"

    @property
    def confirmation(self) -> "StudyFolder":
        """Files of the repeats, a separate study with the same memory limits."""
        found = StudyFolder(self.path, "confirm")
        found.limits = self.limits
        return found

    @property
    def retraining(self) -> "StudyFolder":
        """Files of trials that are trained again because their models were lost."""
        found = StudyFolder(self.path, "retrain")
        found.limits = self.limits
        return found

    def has_sibling(self, study: str) -> bool:
        """Return True if the output folder has a study of this name."""
        return (self.path.parent / study).exists()

    def next_number(self) -> int:
        """Return the first trial number above all that have a folder.

        It is not ours by that: see `take_number`.
        """
        taken = map(trial_number, (self.path / "trials").glob("[0-9]*"))
        return max((number for number in taken if number is not None), default=-1) + 1

    def take_number(self) -> int:
        """Make the folder of a new trial, so that no other process gets the same number.

        Returns:
            The trial's number.

        Raises:
            OSError: The folder cannot be made.
        """
        (self.path / "trials").mkdir(parents=True, exist_ok=True)
        while True:
            number = self.next_number()
            with suppress(FileExistsError):
                self.trial(number).path.mkdir()
                return number

    def refuse_misplaced(self) -> None:
        """Refuse a folder where a file of ours belongs, and a file where a folder does.

        Raises:
            InputError: It names the first.
        """
        files = self.database, self.journal, self.best, self.limits, self.path / "report.html"
        folders = self.path, *(self.path / name for name in _FOLDERS)
        wrong = [
            *((path, "file") for path in files if path.exists() and not path.is_file()),
            *((path, "folder") for path in folders if path.exists() and not path.is_dir()),
        ]
        for path, kind in wrong:
            raise InputError(
                f"a {kind} belongs where something else is",
                where=str(path),
                remedy=f"mv {shlex.quote(str(path))} {shlex.quote(f'{path}.moved')}; nothing of "
                "the study is lost by that",
            )

    def trial(self, number: int) -> TrialFolder:
        """Return the folder of a trial."""
        return TrialFolder(self.path / "trials" / f"{number:05d}")
