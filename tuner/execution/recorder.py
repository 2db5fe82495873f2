"""Records what happens to trials, in every place that keeps or shows it."""

import logging
from collections.abc import Sequence
from dataclasses import replace

from tuner.execution.attempt import Attempt
from tuner.execution.interfaces import Plan, TrialObserver, TrialSource
from tuner.tracking import Tracker
from tuner.trial.folder import StudyFolder
from tuner.trial.records import Report, TrialOutcome, TrialSpec, TrialState

_log = logging.getLogger(__name__)


class TrialRecorder:
    """Passes each event of a trial to its folder, the study, MLflow, the terminal and the log.

    They are written in this order: another process that reads of an event in the study or in
    MLflow finds its files.
    """

    def __init__(
        self,
        plan: Plan,
        source: TrialSource,
        tracker: Tracker,
        folder: StudyFolder,
        watcher: TrialObserver,
    ) -> None:
        """Record nothing yet.

        Args:
            plan: Goals, role and noun of the trials.
            source: Study of the trials.
            tracker: Open.
            folder: Files of the study.
            watcher: Terminal.
        """
        self._plan = plan
        self._source = source
        self._tracker = tracker
        self._folder = folder
        self._watcher = watcher

    def run_id(self, number: int) -> str:
        """Return MLflow's name for the run of a running trial; empty where none is known yet."""
        return self._tracker.run_id(number)

    def reclaimed(self, number: int) -> None:
        """Record that a trial was claimed whose earlier agent could not end its run."""
        self._tracker.abandon([number], self._plan.role)

    def attempt_started(self, slot: int, spec: TrialSpec, crashes: int) -> None:
        """Record that a slot begins an attempt.

        Args:
            slot: Index of the slot.
            spec: The trial.
            crashes: Number of earlier attempts whose worker or agent died.
        """
        config = self._plan.render(spec.settings)
        self._folder.trial(spec.number).begin(config)
        self._source.started(spec.number, config, attempt=spec.attempt, crashes=crashes)
        self._tracker.trial_started(spec, self._plan.role, config)
        self._watcher.trial_started(slot, spec)
        _log.info(
            "slot %d: trial %d, attempt %d after %d crashes: %s",
            slot,
            spec.number,
            spec.attempt,
            crashes,
            dict(spec.parameters),
        )

    def training_started(self, number: int, resumed_at: int) -> Sequence[Report]:
        """Record that training begins, or resumes after a point of an earlier attempt.

        Args:
            number: Number of the trial.
            resumed_at: Last evaluation point of the saved state; 0: from the beginning.

        Returns:
            Reports of earlier attempts up to that point.
        """
        kept = self._folder.trial(number).keep(resumed_at)
        self._tracker.training_started(number, resumed_at=resumed_at, kept=kept)
        _log.info("trial %d trains from point %d on", number, resumed_at)
        return kept

    def progressed(self, slot: int, share: float, rate: float) -> None:
        """Show how far a slot's trial is: share of its budget, examples a second."""
        self._watcher.progressed(slot, share, rate)

    def reported(self, slot: int, attempt: Attempt) -> None:
        """Record the last report of an attempt."""
        number, report = attempt.spec.number, attempt.reports[-1]
        measured = self._plan.goals.measure(attempt.reports)
        self._append(attempt)
        self._source.report(number, report.point, measured)
        self._tracker.reported(number, report)
        share = report.examples_seen / report.total_examples
        self._watcher.progressed(slot, share, report.examples_per_second)
        self._watcher.reported(slot, measured[self._plan.goals.objective])

    def _append(self, attempt: Attempt) -> None:
        """Write the last report to the trial's folder, which somebody may have removed."""
        folder, reports = self._folder.trial(attempt.spec.number), attempt.reports
        if not folder.path.is_dir():
            self._watcher.notice(f"{folder.path} was removed while it was used; it is made again")
            _log.info("%s was removed and is made again", folder.path)
            folder.restore(self._plan.render(attempt.spec.settings), reports[:-1])
        folder.append(reports[-1])

    def finished(
        self, slot: int, attempt: Attempt, outcome: TrialOutcome, follow_up: str
    ) -> TrialOutcome:
        """Record how an attempt ended.

        Args:
            slot: Index of its slot.
            attempt: The attempt.
            outcome: Outcome of the attempt.
            follow_up: Next step after a failure, for people; empty if there is none.

        Returns:
            The outcome as it counts: `retried` without a value where the trial is another
            agent's by now.
        """
        number = outcome.number
        folder = self._folder.trial(number)
        if outcome.model_error is not None:
            folder.drop_model()  # A worker that was killed leaves a part of it.
        self._store(outcome)
        if not self._source.owns(number):
            outcome = replace(outcome, state=TrialState.RETRIED, value=None)
            _log.info("trial %d is another agent's by now", number)
            self._watcher.notice(
                f"{self._plan.noun} {number} went to another agent, because this one sent no "
                "heartbeat for storage.heartbeat_timeout; the results of this attempt are dropped"
            )
        self._tracker.trial_finished(outcome, folder.artifacts, attempt.labels)
        self._explain(outcome, follow_up, attempt.member_error)
        if outcome.state is not TrialState.RETRIED:
            self._watcher.trial_finished(slot, outcome)
        _log.info(
            "slot %d: trial %d, attempt %d is %s after %.1f s: %s",
            slot,
            number,
            outcome.attempt,
            outcome.state,
            outcome.seconds,
            outcome.error.text if outcome.error else outcome.stopped_by or "its budget is spent",
        )
        return outcome

    def _explain(self, outcome: TrialOutcome, follow_up: str, member_error: str | None) -> None:
        trial = f"{self._plan.noun} {outcome.number}"
        if outcome.error is not None and follow_up:
            message = f"{outcome.error.message}; {follow_up}"
            self._watcher.notice(f"{trial} {outcome.state.value}: {message}")
        if outcome.model_error is not None:
            self._watcher.notice(
                f"the model of {trial} could not be saved: {outcome.model_error}; its score counts"
            )
        if member_error is not None:
            self._watcher.notice(
                f"the weights of {trial} could not be kept for a soup: {member_error}"
            )

    def given_back(self, spec: TrialSpec) -> None:
        """Record that an attempt that waited for a slot is left to the next start."""
        _log.info("trial %d, attempt %d is left to the next start", spec.number, spec.attempt)
        self._store(
            TrialOutcome(
                number=spec.number,
                attempt=spec.attempt,
                state=TrialState.INTERRUPTED,
                parameters=spec.parameters,
                stopped_by="interrupt",
            )
        )

    def _store(self, outcome: TrialOutcome) -> None:
        """Write how an attempt ended, unless the trial is another agent's by now."""
        if self._source.owns(outcome.number):
            self._folder.trial(outcome.number).finish(outcome)
            self._source.finish(outcome)
