"""Repetition of a trial on this machine, and its comparison with the trial's certificate."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tuner import metrics
from tuner.config import ComposedTraining, dump_trial, read_provenance
from tuner.devices.host import usable_cores
from tuner.devices.slots import local_slots
from tuner.errors import InputError
from tuner.execution.interfaces import Plan, SweepHooks
from tuner.execution.loop import Sweep
from tuner.execution.single_trial import SingleTrialSource
from tuner.launchers.local import LocalLauncher
from tuner.orchestration.inputs import check_inputs
from tuner.results.best_file import stored_settings
from tuner.results.terminal import Terminal
from tuner.settings.between_starts import BetweenStarts, decision_of
from tuner.settings.settings import TrialSettings, between_starts
from tuner.study import made_with
from tuner.tracking import Tracker
from tuner.trial.certificate import Change, Comparison, Conditions, Mark, changed, compare
from tuner.trial.folder import StudyFolder
from tuner.trial.records import ClaimedTrial, Provenance, Report, TrialOutcome
from tuner.trial.serialization import to_plain

ROLE = "verify"

_DECISIONS = between_starts()
_CODE = "code"
"""Name of the hash of the program's files among the versions."""


@dataclass(frozen=True, kw_only=True)
class RecordedTrial:
    """Trial of a study, as its files have it."""

    number: int
    """Number of the trial."""

    settings: TrialSettings
    """Settings that it ran with."""

    outcome: TrialOutcome
    """Its outcome."""

    reports: Sequence[Report]
    """Its reports, with the marks of the certificate."""

    contents: Mapping[str, Sequence[str]]
    """SHA-256 of the models and data of its study."""

    @property
    def marks(self) -> list[Mark]:
        """All marks in their order."""
        return [mark for report in self.reports for mark in report.marks]


def recorded_trial(file: Path) -> RecordedTrial:
    """Return the trial whose configuration a file contains.

    Args:
        file: best.yaml of a study, in the study's folder.

    Raises:
        InputError: The file is of no trial, or the trial's files lack a certificate.
    """
    facts = read_provenance(file)
    number = facts.get("trial")
    if not isinstance(number, int):
        raise InputError(
            "the file names no trial, so nothing is recorded to compare with",
            where=f"provenance in {file}",
            remedy="tuner verify outputs/STUDY/best.yaml",
        )
    folder = StudyFolder(file.absolute().parent.parent, file.absolute().parent.name).trial(number)
    outcome, settings = folder.read_outcome(), stored_settings(folder.config, None)
    ended = (facts.get("attempt"), facts.get("value"))
    # Of several machines with folders of their own, or of another study, it may be another's.
    if outcome is None or settings is None or (outcome.attempt, outcome.value) != ended:
        raise InputError(
            f"trial {number} of the file did not end in the folder beside it",
            where=str(folder.path),
            remedy=f"tuner verify outputs/{facts.get('study')}/best.yaml, beside its trials/",
        )
    found = RecordedTrial(
        number=number,
        settings=settings,
        outcome=outcome,
        reports=folder.read_reports(),
        contents=facts.get("contents") or {},
    )
    if not found.marks:
        raise InputError(
            f"trial {number} has no certificate: an earlier version trained it",
            where=str(folder.reports),
            remedy=f"tuner train {shlex.quote(str(file))} trains it again",
        )
    return found


@dataclass(frozen=True, kw_only=True)
class Verification:
    """Result of a repetition."""

    comparison: Comparison
    """Comparison of the marks."""

    changes: tuple[Change, ...]
    """Conditions that differ from the trial's, the most likely cause first."""

    attempts: int = 1
    """Attempts that the trial needed."""

    error: str | None = None
    """Reason why the repetition failed; None if it did not."""

    interrupted: bool = False
    """True if somebody stopped it."""


@dataclass
class _Repetition:
    """Marks of a repetition, until enough of them are there."""

    recorded: Sequence[Mark]
    last: int
    """Update at which the comparison ends."""
    ends_at: int | None
    """Evaluation point that is reported twice, the second time on all validation rows."""
    found: dict[int, Mark] = field(default_factory=dict)
    is_enough: bool = False

    @property
    def marks(self) -> list[Mark]:
        return list(self.found.values())

    def hear(self, report: Report) -> None:
        self.found |= {mark.update: mark for mark in report.marks}
        if report.point != self.ends_at or report.final:
            reached = max(self.found, default=0) >= self.last
            self.is_enough = reached or compare(self.recorded, self.marks).is_different


def verify(
    recorded: RecordedTrial,
    composed: ComposedTraining,
    updates: int | None,
    tags: Mapping[str, str],
    terminal: Terminal,
) -> Verification:
    """Repeat a trial in a folder that is removed again, until it ends or differs.

    Args:
        recorded: The trial.
        composed: Configuration in its file.
        updates: Number of updates to compare, up to the next evaluation point; None: all.
        tags: Origin of the run, as MLflow's tags.
        terminal: Display.

    Raises:
        InputError: Model or data cannot be used.
    """
    last = recorded.marks[-1].update
    repetition = _Repetition(
        recorded=recorded.marks,
        last=min(updates or last, last),
        ends_at=_early_end(recorded.outcome),
    )
    inputs = check_inputs([composed.trial])
    with ExitStack() as stack:
        output = stack.enter_context(TemporaryDirectory(prefix="tuner-verify-"))
        folder = StudyFolder(Path(output), ROLE)
        tracking = replace(composed.tracking, send=False, tensorboard=False)
        tracker = Tracker(tracking, ROLE, folder)
        launcher = _launcher(composed, recorded.outcome.provenance.cpu_threads, terminal)
        stack.callback(launcher.close, composed.launcher.stop_timeout)
        launcher.start(0)
        tracker.open(tags)
        stack.callback(tracker.close)
        sweep = Sweep(
            plan=Plan(
                goals=composed.goals,
                compose=lambda _: composed.trial,
                render=dump_trial,
                n_trials=1,
                max_attempts=1,
                stall_timeout=composed.launcher.stall_timeout,
                role=ROLE,
                versions=made_with(),
                metrics=composed.metrics,
                wants_model=lambda _: False,
                hooks=SweepHooks(
                    on_reported=lambda _, report: repetition.hear(report),
                    stop_requested=lambda: repetition.is_enough,
                ),
                concludes_at=lambda _: repetition.ends_at,
            ),
            source=SingleTrialSource(ClaimedTrial(number=recorded.number)),
            launcher=launcher,
            tracker=tracker,
            folder=folder,
            watcher=terminal,
        )
        terminal.begin(f"trial {recorded.number}, repeated", 1, launcher.slots)
        stack.callback(terminal.end)
        outcomes = sweep.run()
    ended = outcomes[-1] if outcomes else None
    now = _conditions(composed.trial, ended.provenance if ended else Provenance(), inputs.contents)
    before = _conditions(recorded.settings, recorded.outcome.provenance, recorded.contents, now)
    return Verification(
        comparison=compare(recorded.marks, repetition.marks),
        changes=tuple(changed(before, now)),
        error=ended.error.text if ended is not None and ended.error is not None else None,
        attempts=recorded.outcome.attempt,
        interrupted=sweep.interrupted and not repetition.is_enough,
    )


def _launcher(composed: ComposedTraining, threads: int, terminal: Terminal) -> LocalLauncher:
    """One worker with as many threads as the trial had, if there are so many cores."""
    (slot,) = local_slots(1, composed.trial.training.devices, notice=terminal.notice)
    return LocalLauncher([replace(slot, threads=min(threads or slot.threads, usable_cores()))])


def _early_end(outcome: TrialOutcome) -> int | None:
    """Evaluation point at which a trial ended as converged; None if it had its whole budget."""
    last = outcome.last
    return last.point if last is not None and last.final and last.point < last.points else None


def _conditions(
    settings: TrialSettings,
    provenance: Provenance,
    contents: Mapping[str, Sequence[str]],
    now: Conditions | None = None,
) -> Conditions:
    """Conditions of a trial; of several models or data sets of its study, those of now."""
    # Metrics decide neither losses nor weights.
    versions = {
        name: found
        for name, found in provenance.versions.items()
        if not name.startswith(metrics.VERSION)
    }

    def content(kind: str, present: str | None) -> str | None:
        known = contents.get(kind, ())
        return present if present in known else next(iter(known), None)

    return Conditions(
        settings=dict(_deciding(to_plain(settings))),
        data=content("data", now.data if now else None),
        checkpoint=content("model", now.checkpoint if now else None),
        code=versions.pop(_CODE, ""),
        versions=versions,
        threads=provenance.cpu_threads,
        device=provenance.device,
    )


def _deciding(plain: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the keys that decide what a trial gives; contents are compared by themselves."""
    for name, value in plain.items():
        key = f"{prefix}{name}"
        if decision_of(key, _DECISIONS) is not BetweenStarts.SAME:
            continue
        if isinstance(value, Mapping):
            yield from _deciding(value, f"{key}.")
        else:
            yield key, value
