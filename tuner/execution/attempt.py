"""One try at a trial: what was heard of it so far, and how it ended."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from tuner.diagnosis import diagnose
from tuner.search.goals import Goals
from tuner.trial.records import (
    Baseline,
    Provenance,
    Report,
    TrialError,
    TrialOutcome,
    TrialSpec,
    TrialState,
    each_stretch,
)


@dataclass(kw_only=True)
class Attempt:
    """What is known of a running trial.

    Attributes:
        spec: The trial.
        since: When it was handed to a worker, in seconds of the sweep's clock.
        heard: When its worker last said anything, in seconds of the agent's active time.
        reports: All its reports, those of an earlier attempt that it goes on with included.
        kept: How many are of that earlier attempt.
        guess: What the best constant guess reaches; None until it started.
        labels: Label names, in the order of their numbers; empty until it started.
        told: What it was told to end as, if it was.
        stopped_by: See `TrialOutcome`.
        diverged: Why the worker stopped it as diverged; empty when it did not.
        error: Why it failed, if it did.
        saves_model: Whether it was told to save its model.
        model_error: Why its model could not be saved; None where it was, or was not wanted.
    """

    spec: TrialSpec
    since: float
    heard: float = 0.0
    reports: list[Report] = field(default_factory=list)
    kept: int = 0
    guess: Baseline | None = None
    labels: tuple[str, ...] = ()
    told: TrialState | None = None
    stopped_by: str = ""
    diverged: str = ""
    error: TrialError | None = None
    saves_model: bool = False
    model_error: str | None = None

    @property
    def is_scored(self) -> bool:
        """Whether it has made its final report, so that nothing after it takes the score away."""
        return bool(self.reports) and self.reports[-1].final and not self.diverged

    def fail(self, error: TrialError) -> None:
        """Note an error; one after the final report only costs the model."""
        if not self.is_scored:
            self.error = error
        elif self.saves_model:
            self.model_error = error.message

    def add(self, report: Report) -> None:
        """Takes in a report; the final one of a point that was reported before replaces that."""
        if self.reports and self.reports[-1].point == report.point:
            self.reports.pop()
        self.reports.append(report)

    def stop(self, state: TrialState, by: str) -> None:
        """Notes why it is told to end; what it was told first counts."""
        if self.told is None:
            self.told, self.stopped_by = state, by


def conclude(attempt: Attempt, goals: Goals, now: float, provenance: Provenance) -> TrialOutcome:
    """How an attempt ended.

    A trial that made its final report is complete even if it was told to stop at that moment.

    Args:
        attempt: What was heard of it.
        goals: What the sweep is run for.
        now: Seconds of the sweep's clock.
        provenance: Where it was made.
    """
    last = attempt.reports[-1] if attempt.reports else None
    measured = goals.measure(attempt.reports) if attempt.reports else {}
    scores = [measured[name] for name in goals.objectives] if last and last.final else []
    state = _state(attempt, scores)
    complete = state is TrialState.COMPLETE
    return TrialOutcome(
        number=attempt.spec.number,
        attempt=attempt.spec.attempt,
        state=state,
        parameters=attempt.spec.parameters,
        value=scores[0] if complete else None,
        measured=measured,
        violated=goals.violated(measured) if complete else (),
        stopped_by=_stopped_by(attempt, state, last),
        guess=attempt.guess,
        last=last,
        diagnosis=diagnose(
            attempt.reports,
            attempt.guess,
            attempt.spec.settings,
            diverged=attempt.diverged,
            objectives=goals.objectives,
        ),
        seconds=now - attempt.since,
        seconds_busy=sum(
            report.seconds_training + report.seconds_evaluating
            for report in each_stretch(attempt.reports[attempt.kept :])
        ),
        error=attempt.error,
        provenance=provenance,
        model_error=attempt.model_error,
    )


def _stopped_by(attempt: Attempt, state: TrialState, last: Report | None) -> str:
    if state is TrialState.COMPLETE:
        return "converged" if last is not None and last.point < last.points else ""
    if attempt.diverged:
        return "diverged"
    return attempt.stopped_by if attempt.error is None else ""


def _state(attempt: Attempt, scores: Sequence[float]) -> TrialState:
    sound = attempt.error is None and not attempt.diverged
    if sound and scores and all(map(math.isfinite, scores)):
        return TrialState.COMPLETE
    if attempt.told in (TrialState.INTERRUPTED, TrialState.RETRIED):
        return attempt.told
    if attempt.error is None:
        return TrialState.PRUNED
    if attempt.error.kind == "out_of_memory":
        return TrialState.INFEASIBLE
    return TrialState.FAILED
