"""Early stopping of a running trial, from its own reports alone.

Comparison with other trials is the pruner's task; the worker itself detects an exploding loss
within updates (see divergence_detector.py).
"""

from collections.abc import Sequence

from tuner.diagnosis.curve import Curve, distinct
from tuner.diagnosis.diagnosis import diagnose
from tuner.diagnosis.statistics import critical, fit
from tuner.settings.settings import TrialSettings
from tuner.tasks import Baseline
from tuner.trial.records import Convergence, Decision, Report


def judge(reports: Sequence[Report], guess: Baseline, settings: TrialSettings) -> Decision:
    """Decide whether a trial continues after its last report.

    Returns:
        `STOP` if it is not learning and its patience is over; `FINISH_EARLY` if its remaining
        budget is shown to bring nothing; else `CONTINUE`.
    """
    last, thresholds = reports[-1], settings.convergence
    if last.point >= last.points:
        return Decision.CONTINUE
    curve = Curve(distinct(reports), guess, thresholds, settings.task)
    share = last.examples_seen / last.total_examples
    warmup = settings.schedule.warmup_fraction
    patience = thresholds.not_learning_patience
    if patience is not None and share >= warmup + patience * (1.0 - warmup):
        status = diagnose(reports, guess, settings).status
        if status is Convergence.NOT_LEARNING and not _falls_at_all(curve):
            return Decision.STOP
    patience = thresholds.converged_patience
    if patience is not None and share >= 2 * patience:
        status = diagnose(reports, guess, settings).status
        if status is Convergence.CONVERGED and _nothing_to_gain(curve, patience):
            return Decision.FINISH_EARLY
    return Decision.CONTINUE


def _falls_at_all(curve: Curve) -> bool:
    """Return True if the validation loss falls, however little: a slow start is no standstill."""
    return curve.trend.statistic < -critical(curve.thresholds.confidence)


def _nothing_to_gain(curve: Curve, patience: float) -> bool:
    """Return True if even the steepest fall within the noise would bring nothing that matters.

    This is a test of equivalence (Schuirmann 1987), because an unseen fall may still exist: the
    bound of the slope's confidence interval, extended to the end of the budget, must stay below
    `converged_gain` of the whole fall. The training loss must be flat in the same sense: while
    it falls, the validation loss may still move.
    """
    begin = curve.shares[-1] - patience - 1e-9
    late = [index for index, share in enumerate(curve.shares) if share >= begin]
    if len(late) < 3:  # noqa: PLR2004
        return False
    at = [curve.shares[index] for index in late]
    ahead = 1.0 - curve.shares[-1]
    total_fall = curve.baseline - min(curve.losses)
    matters = max(curve.thresholds.converged_gain * total_fall, curve.reports[-1].fixed.loss_error)
    bound = critical(curve.thresholds.confidence)
    for values, noise in (
        (curve.losses, curve.noise),
        (curve.training, curve.training_noise),
    ):
        line = fit(at, [values[index] for index in late], noise)
        if (bound * line.error - line.slope) * ahead > matters:
            return False
    return True
