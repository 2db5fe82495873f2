"""One attempt at a trial: its reports so far, and how it ended."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from tuner.diagnosis import diagnose
from tuner.search.goals import Goals
from tuner.tasks import Baseline
from tuner.trial.records import (
    Decision,
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
    """A running attempt at a trial."""

    spec: TrialSpec
    """The trial."""
    since: float
    """Time at which a worker got it, in seconds of the sweep's clock."""
    heard: float = 0.0
    """Time of the last message of its worker, in seconds of the agent's active time."""
    reports: list[Report] = field(default_factory=list)
    """Its reports, after those of the earlier attempts that it resumes."""
    kept: int = 0
    """Number of reports of earlier attempts among them."""
    guess: Baseline | None = None
    """Loss and accuracy of the best constant guess; None until training starts."""
    labels: tuple[str, ...] = ()
    """Label names, in the order of their numbers; empty until training starts."""
    requested_state: TrialState | None = None
    """State in which the agent ends it; None while it may continue."""
    stopped_by: str = ""
    """As in `TrialOutcome`."""
    diverged: str = ""
    """Why its worker stopped it as diverged; empty where it did not."""
    error: TrialError | None = None
    """Why it failed; None where it did not."""
    saves_model: bool = False
    """True if its worker was asked to save its model."""
    saves_member: bool = False
    """True if its worker was asked to keep its weights for a soup."""
    model_error: str | None = None
    """Why its model could not be saved; None where it was, or was not wanted."""
    member_error: str | None = None
    """Why its weights could not be kept for a soup; None where they were, or were not wanted."""

    @property
    def is_scored(self) -> bool:
        """True if it made its final report: its score counts, whatever happens afterwards."""
        return bool(self.reports) and self.reports[-1].final and not self.diverged

    def fail(self, error: TrialError) -> None:
        """Note an error; one after the final report only costs what is saved of the weights."""
        if not self.is_scored:
            self.error = error
            return
        if self.saves_model:
            self.model_error = error.message
        if self.saves_member:
            self.member_error = error.message

    def add(self, report: Report) -> None:
        """Add a report; the final one of a point replaces an earlier one of that point."""
        if self.reports and self.reports[-1].point == report.point:
            self.reports.pop()
        self.reports.append(report)

    def stop(self, state: TrialState, by: str) -> None:
        """Request its end; the first request counts."""
        if self.requested_state is None:
            self.requested_state, self.stopped_by = state, by

    @property
    def ending(self) -> Decision:
        """Decision that ends it; the next start resumes an interrupted one from its state."""
        is_interrupted = self.requested_state is TrialState.INTERRUPTED
        return Decision.SUSPEND if is_interrupted else Decision.STOP


def conclude(attempt: Attempt, goals: Goals, now: float, provenance: Provenance) -> TrialOutcome:
    """Return the outcome of an attempt.

    A trial that made its final report is complete even if it was stopped at that moment.

    Args:
        attempt: Attempt with its reports and its error.
        goals: Goals of the sweep.
        now: Seconds of the sweep's clock.
        provenance: Provenance of the attempt.
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
    if attempt.requested_state in (TrialState.INTERRUPTED, TrialState.RETRIED):
        return attempt.requested_state
    if attempt.error is None:
        return TrialState.PRUNED
    if attempt.error.kind == "out_of_memory":
        return TrialState.INFEASIBLE
    return TrialState.FAILED
