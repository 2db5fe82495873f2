"""The reading of a trial: one word, the figures behind it, and what to change.

A first, simple set of rules, tried in this order: `diverged`, `undetermined`, `not_learning`,
`oscillating` (learned, then fell back to the constant guess), `improving`, `plateaued`,
`converged`.
"""

import math
from collections.abc import Sequence

from tuner.core.settings import ConvergenceSettings, TrialSettings
from tuner.core.trial import ConstantGuess, Convergence, Diagnosis, Report

MINIMUM_REPORTS = 3
"""Below so many evaluation points there is no trend to read."""

USUAL_RATES = {
    "adamw": (1e-5, 2e-4),
    "adam": (1e-5, 2e-4),
    "adafactor": (1e-4, 2e-3),
    "lion": (1e-6, 3e-5),
    "rmsprop": (1e-5, 2e-4),
    "sgd": (1e-3, 1e-1),
}
"""Rates at which encoders are usually fine-tuned: Devlin 2019 and Mosbach 2021 for Adam and its
kin, Chen 2023 for Lion (3 to 10 times below AdamW's); for SGD those of our own searches."""

LOSS_GAIN = 0.1
"""A validation loss this share below the constant guess's shows learning that scores hide."""


def diagnose(
    reports: Sequence[Report],
    guess: ConstantGuess | None,
    settings: TrialSettings,
    *,
    diverged: bool = False,
) -> Diagnosis:
    """Reads a trial's reports.

    Args:
        reports: All reports of the attempt, in order.
        guess: What the best constant guess reaches; None when the trial never started.
        settings: The trial's configuration; its own values stand in the advice.
        diverged: The worker saw NaN or Inf in loss or weights.

    Returns:
        The status of the first rule that holds, its figures, and advice in configuration keys.
    """
    thresholds = settings.convergence
    blown_up = _blown_up(reports, guess, thresholds)
    if diverged or blown_up:
        return _diverged(blown_up, settings)
    if guess is None or len(reports) < MINIMUM_REPORTS:
        return Diagnosis(
            status=Convergence.UNDETERMINED,
            reason=f"{len(reports)} of the {MINIMUM_REPORTS} reports that a reading needs",
            advice="",
        )
    learned = [_learned(report, guess, thresholds) for report in reports]
    if not any(learned):
        return _not_learning(reports, guess, settings)
    if not learned[-1]:
        return _lost(reports, guess, settings)
    return _trend(reports, guess, settings)


def _blown_up(
    reports: Sequence[Report], guess: ConstantGuess | None, thresholds: ConvergenceSettings
) -> str:
    """The figure that shows a blown-up loss, or an empty string."""
    for report in reports:
        for name, loss in (("train_loss", report.train_loss), ("val_loss", report.val_loss)):
            if not math.isfinite(loss):
                return f"{name} is {loss} at point {report.point}"
    if reports and guess is not None:
        last = reports[-1].train_loss
        if last > thresholds.diverged_factor * guess.loss:
            return f"train_loss {last:.3g} against {guess.loss:.3g} of the constant guess"
    return ""


def _diverged(figure: str, settings: TrialSettings) -> Diagnosis:
    advice = _other_rate(settings, lower=True)
    if settings.training.clip_norm is None:
        advice += ("; " if advice else "") + "training.clip_norm: null → try 1.0"
    return Diagnosis(
        status=Convergence.DIVERGED,
        reason=figure or "NaN or Inf in the loss or the gradients",
        advice=advice,
    )


def _learned(report: Report, guess: ConstantGuess, thresholds: ConvergenceSettings) -> bool:
    """Whether a report beats the constant guess beyond the noise of its own rows."""
    margin = _margin(report, guess, thresholds)
    return (
        report.metrics["val_accuracy"] > guess.accuracy + margin
        or report.val_loss < (1 - LOSS_GAIN) * guess.loss
    )


def _margin(report: Report, guess: ConstantGuess, thresholds: ConvergenceSettings) -> float:
    """Standard error of the guess's accuracy on the report's rows, times the threshold."""
    variance = guess.accuracy * (1 - guess.accuracy) / report.validation_examples
    return thresholds.learning_margin * math.sqrt(variance)


def _not_learning(
    reports: Sequence[Report], guess: ConstantGuess, settings: TrialSettings
) -> Diagnosis:
    best = max(report.metrics["val_accuracy"] for report in reports)
    losses = [report.train_loss for report in reports]
    jumped = max(losses) > guess.loss * (1 + LOSS_GAIN)
    return Diagnosis(
        status=Convergence.NOT_LEARNING,
        reason=f"best val_accuracy {best:.3f} against {guess.accuracy:.3f} of the constant guess; "
        f"train_loss from {losses[0]:.3f} to {losses[-1]:.3f}",
        advice=_other_rate(settings, lower=jumped or _rate_is_high(settings)),
    )


def _rate_is_high(settings: TrialSettings) -> bool:
    """Whether the rate lies above what is usual for its optimizer."""
    usual = USUAL_RATES.get(str(settings.optimizer.get("name")))
    return usual is not None and float(settings.optimizer["learning_rate"]) > usual[1]


def _other_rate(settings: TrialSettings, *, lower: bool) -> str:
    """Advice to take a tenth of the rate, or ten times as much."""
    rate = settings.optimizer.get("learning_rate")
    if not rate:
        return ""
    return f"optimizer.learning_rate: {rate:.3g} → try {rate / 10 if lower else rate * 10:.3g}"


def _lost(reports: Sequence[Report], guess: ConstantGuess, settings: TrialSettings) -> Diagnosis:
    """It beat the constant guess on the way and fell back to it."""
    best = max(report.metrics["val_accuracy"] for report in reports)
    last = reports[-1].metrics["val_accuracy"]
    return Diagnosis(
        status=Convergence.OSCILLATING,
        reason=f"val_accuracy fell from {best:.3f} back to {last:.3f}; the constant guess has "
        f"{guess.accuracy:.3f}",
        advice=_other_rate(settings, lower=True),
    )


def _trend(reports: Sequence[Report], guess: ConstantGuess, settings: TrialSettings) -> Diagnosis:
    """`improving` when the last third brought a fair share of the whole fall of val_loss.

    Else `converged`, or `plateaued` when the loss stays close to the constant guess's.
    """
    losses = [report.val_loss for report in reports]
    until = losses[: len(losses) - max(1, len(losses) // 3)]
    fall, late = losses[0] - min(losses), min(until) - min(losses)
    epochs = settings.training.epochs
    if fall > 0 and late > settings.convergence.improving_share * fall:
        return Diagnosis(
            status=Convergence.IMPROVING,
            reason=f"val_loss still fell by {late:.3f} of {fall:.3f} over the last third",
            advice=f"training.epochs: {epochs:g} → try {2 * epochs:g}",
        )
    if min(losses) > (1 - LOSS_GAIN) * guess.loss:
        return Diagnosis(
            status=Convergence.PLATEAUED,
            reason=f"val_loss stays at {min(losses):.3f}; the constant guess has {guess.loss:.3f}",
            advice=_other_rate(settings, lower=_rate_is_high(settings)),
        )
    return Diagnosis(
        status=Convergence.CONVERGED,
        reason=f"val_loss fell by {fall:.3f}, of which {max(late, 0.0):.3f} over the last third",
        advice="",
    )
