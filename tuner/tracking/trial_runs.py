"""The MLflow run of each attempt at a trial.

An attempt that continues a saved state continues the previous attempt's run, also in another
process or on another machine: the trial's folder names that run.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Self

import cattrs

from tuner.files.atomic import write_whole
from tuner.secrets import hidden
from tuner.settings.settings import TrialSettings
from tuner.tracking.events import Event, MetricsLogged
from tuner.tracking.origins import Inputs
from tuner.tracking.params import configuration_params
from tuner.tracking.runs import KEY, point_logged, trial_run_started
from tuner.trial.folder import StudyFolder
from tuner.trial.records import Report, TrialSpec
from tuner.trial.recovery import split
from tuner.trial.serialization import from_json, to_json
from tuner.trial.study_identity import StudyIdentity


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """Run of a trial's latest attempt; `mlflow_run.json` in the trial's folder."""

    attempt_key: str
    """Value of the run's identifying tag."""
    name: str
    """Name of the run in MLflow."""
    split: str
    """Batch size, accumulation steps and rematerialization; see `tuner.trial.recovery`."""

    @classmethod
    def read(cls, file: Path) -> Self | None:
        """Return the record in a file; None if there is no readable one."""
        with suppress(OSError, ValueError, cattrs.BaseValidationError):
            return from_json(cls, file.read_bytes())
        return None

    def write(self, file: Path) -> None:
        """Write the record to a file, whole or not at all."""
        write_whole(file, to_json(self) + "\n")


@dataclass(frozen=True, kw_only=True)
class AttemptStart:
    """Start of an attempt; it is not known yet whether a later one resumes a state."""

    spec: TrialSpec
    role: str
    config: str
    """Composed configuration as YAML."""
    at: int
    """Time at which the attempt began, in milliseconds since the epoch."""
    earlier: RunRecord | None = None
    """Run of the previous attempt; None if it was removed, or written without a record."""
    has_early_state: bool = False
    """True if a state was saved before the first evaluation point."""

    def continues(self, resumed_at: int) -> bool:
        """Return True if the attempt belongs to the previous attempt's run.

        Args:
            resumed_at: Evaluation point after which training continues; 0 for the beginning, or
                for a state that was saved before the first point.
        """
        return (resumed_at > 0 or self.has_early_state) and self.has_same_split

    @property
    def has_same_split(self) -> bool:
        """True if the previous attempt had the same batching, as far as is known."""
        return self.earlier is None or self.earlier.split == split(self.spec.settings)


class TrialRuns:
    """Runs of an agent's attempts, as events for its spool."""

    def __init__(
        self,
        spool: str,
        folder: StudyFolder,
        append: Callable[[Event], None],
        *,
        study: StudyIdentity,
        tags: Mapping[str, str],
        inputs: Callable[[TrialSettings], Inputs],
        is_nested: Callable[[], bool],
    ) -> None:
        """Start without a run.

        Args:
            spool: Unique name of the agent's spool.
            folder: Folder of the study.
            append: Function that takes each event.
            study: Identity of the study.
            tags: Tags of every run.
            inputs: Function of a trial's settings that returns known facts about model and data.
            is_nested: Function that returns True if the sweep's run is the parent.
        """
        self._spool = spool
        self._folder = folder
        self._append = append
        self._study = study
        self._tags = tags
        self._inputs = inputs
        self._is_nested = is_nested
        self._names = count(1)
        self._waiting: dict[int, AttemptStart] = {}
        self._steps: dict[int, Counter[int]] = {}
        self.running: dict[int, str] = {}
        """Trial number to the name in the spool of its current run."""

    def start(self, spec: TrialSpec, role: str, config: str, at: int) -> None:
        """Start the run of a first attempt; that of a later one waits for `training_started`.

        Args:
            spec: Trial.
            role: See `Tracker.trial_started`.
            config: Composed configuration as YAML.
            at: Time in milliseconds since the epoch.
        """
        attempt = AttemptStart(spec=spec, role=role, config=config, at=at)
        if spec.attempt == 1:
            self._begin(attempt, resumes=False)
            return
        trial = self._folder.trial(spec.number)
        self._waiting[spec.number] = replace(
            attempt,
            earlier=RunRecord.read(trial.run),
            has_early_state=trial.state.exists() and not trial.read_reports(),
        )

    def training_started(self, number: int, *, resumed_at: int, kept: Sequence[Report]) -> None:
        """Start the run of a later attempt, or continue that of the previous attempt.

        Args:
            number: Number of the trial.
            resumed_at: Evaluation point after which training continues; 0 for the beginning.
            kept: Reports up to that point.
        """
        attempt = self._waiting.pop(number, None)
        if attempt is not None:
            self._begin(attempt, resumes=attempt.continues(resumed_at), kept=kept)

    def reported(self, number: int, report: Report, at: int) -> MetricsLogged:
        """Append an evaluation point and return it."""
        self.training_started(number, resumed_at=0, kept=())  # No effect if it was called before.
        steps = self._steps.setdefault(number, Counter())
        steps[report.examples_seen] += 1
        run = self.running.get(number, f"trial {number}")
        point = point_logged(run, report, at, steps[report.examples_seen])
        self._append(point)
        return point

    def finish(self, number: int) -> str:
        """Return the spool's name of an ended trial's run."""
        waiting = self._waiting.pop(number, None)
        if waiting is not None:  # It ended before training began and changed nothing.
            known = waiting.earlier is not None and waiting.has_same_split
            self._begin(waiting, resumes=known)
        self._steps.pop(number, None)
        return self.running.pop(number, f"trial {number}")

    def _begin(self, attempt: AttemptStart, *, resumes: bool, kept: Sequence[Report] = ()) -> None:
        spec, earlier = attempt.spec, attempt.earlier if resumes else None
        number = spec.number
        run = f"{number}-{spec.attempt}-{next(self._names)}"
        inputs = self._inputs(spec.settings)
        begun = trial_run_started(
            spec,
            run=run,
            key=earlier.attempt_key if earlier else f"{self._spool}.{run}",
            study=self._study,
            role=attempt.role,
            tags={**self._tags, **inputs.tags},
            texts={"config.yaml": hidden(attempt.config), **inputs.texts},
            nested=self._is_nested(),
            at=attempt.at,
        )
        begun = replace(
            begun,
            name=earlier.name if earlier else begun.name,
            params=configuration_params(attempt.config, begun.params),
            datasets=inputs.datasets,
            resumes=resumes,
            seconds_before=seconds_trained(kept),
        )
        record = RunRecord(
            attempt_key=begun.identity[KEY], name=begun.name, split=begun.tags["split"]
        )
        record.write(self._folder.trial(number).run)
        self.running[number] = run
        self._steps[number] = Counter(report.examples_seen for report in kept)
        self._append(begun)
        for point in points_logged(run, kept, attempt.at):
            self._append(point)


def points_logged(run: str, reports: Sequence[Report], until: int) -> Iterator[MetricsLogged]:
    """Yield the evaluation points of an earlier attempt, at times computed from its durations.

    Args:
        run: Name of the run in its spool.
        reports: All reports up to the saved state.
        until: Time of the last report, in milliseconds since the epoch.
    """
    steps: Counter[int] = Counter()
    left = sum(map(_seconds, reports))
    for report in reports:
        left -= _seconds(report)
        steps[report.examples_seen] += 1
        nth = steps[report.examples_seen]
        yield point_logged(run, report, until - round(1000 * left), nth)


def seconds_trained(reports: Sequence[Report]) -> float:
    """Return the seconds that attempts took for their reports."""
    return sum(map(_seconds, reports))


def _seconds(report: Report) -> float:
    return report.seconds_training + report.seconds_evaluating
