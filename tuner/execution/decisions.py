"""Decision on a running trial after each of its reports."""

from tuner.diagnosis import judge
from tuner.execution.attempt import Attempt
from tuner.execution.interfaces import Plan
from tuner.trial.budget import may_prune
from tuner.trial.records import Decision, TrialState

_SAVING = {
    (False, False): Decision.CONTINUE,
    (True, False): Decision.SAVE_MODEL,
    (False, True): Decision.SAVE_MEMBER,
    (True, True): Decision.SAVE_BOTH,
}
"""Decision after the final report, by whether the model and the weights for a soup are wanted."""


def decide(attempt: Attempt, plan: Plan, *, unpromising: bool) -> Decision:
    """Decide whether a trial continues after its last report.

    What a trial is stopped for, and what is kept of its weights, is noted in the attempt.

    Args:
        attempt: With its reports so far.
        plan: Plan of the sweep.
        unpromising: True if the pruner would stop it, by what other trials reached.
    """
    report, spec = attempt.reports[-1], attempt.spec
    judged = _by_its_curve(attempt, plan)
    # The untuned default continues: the gain of tuning is measured against it.
    if not plan.is_untuned(spec.number):
        if unpromising and may_prune(
            report.point, report.points, spec.settings.schedule.warmup_fraction
        ):
            attempt.stop(TrialState.PRUNED, "pruner")
        elif judged is Decision.STOP:
            attempt.stop(TrialState.PRUNED, "not_learning")
    if report.final:
        measured = plan.goals.measure(attempt.reports)
        attempt.saves_model = plan.wants_model(measured)
        attempt.saves_member = plan.wants_member(spec, measured)
    if attempt.requested_state is not None:
        if attempt.saves_model:
            attempt.model_error = "the trial was stopped as it made its last report"
        return attempt.ending
    if report.final:
        return _SAVING[attempt.saves_model, attempt.saves_member]
    return Decision.CONTINUE if judged is Decision.STOP else judged


def _by_its_curve(attempt: Attempt, plan: Plan) -> Decision:
    """Decide by the trial's own reports alone."""
    report, settings = attempt.reports[-1], attempt.spec.settings
    if report.final:
        return Decision.CONTINUE
    if report.point == plan.concludes_at(attempt.spec.number):
        return Decision.FINISH_EARLY
    may_end = plan.is_search or settings.convergence.stop_single_runs
    if may_end and attempt.guess is not None:
        return judge(attempt.reports, attempt.guess, settings)
    return Decision.CONTINUE
