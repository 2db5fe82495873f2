"""Diagnosis of a trial: its status, the figures behind it, and advice.

The rules are tried in this order; the first that holds decides:

1. `diverged`      NaN, Inf or a loss that has exploded: nothing else can be read from it.
2. `undetermined`  fewer reports than a trend needs.
3. `overfitting`   without ever generalising: the training rows are memorised.
4. `not_learning`  no point beats the constant guess, and there is no sign that one soon will.
5. `oscillating`   learned and fell back to the constant guess, or swings between points.
6. `overfitting`   the validation loss has risen from its minimum while the training loss fell.
7. `improving`     the validation loss is still falling.
8. `plateaued`     it is not, and the training loss is still high.
9. `converged`     it is not, and the training loss is low.

A trial that was stopped early is judged by the points that it has.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tuner.diagnosis.advice import advise
from tuner.diagnosis.curve import Curve, distinct
from tuner.diagnosis.statistics import critical
from tuner.diagnosis.trial_facts import Cause, TrialFacts, rows_of
from tuner.settings.settings import TrialSettings
from tuner.tasks import Baseline
from tuner.trial.records import Convergence, Diagnosis, Report

MINIMUM_REPORTS = 3
"""Least number of evaluation points of a diagnosis."""

_ROUNDING = 1e-9

FINAL_POINTS = 2
"""Number of last points that must all be as poor as the constant guess to count as a fall-back."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Result of a rule."""

    status: Convergence
    """Convergence status."""
    cause: Cause = Cause.NONE
    """Further finding that the advice depends on."""
    reason: str
    """Figures that decided it, as text."""
    points: tuple[int, ...] = ()
    """Indices of the reports that decided it."""


def diagnose(
    reports: Sequence[Report],
    guess: Baseline | None,
    settings: TrialSettings,
    *,
    diverged: str = "",
    objectives: Sequence[str] = (),
) -> Diagnosis:
    """Diagnose a trial from its reports.

    Args:
        reports: All reports of the attempt, in order.
        guess: Best constant guess; None if the trial never started.
        settings: Configuration of the trial, whose values appear in the advice.
        diverged: Reason why the worker stopped the trial as diverged; empty otherwise.
        objectives: Objectives of the trial; the advice suggests none of them.

    Returns:
        The status of the first rule that holds, its figures, and advice in configuration keys.
    """
    reports = distinct(reports)
    found = (
        _diverged(reports, guess, settings.convergence.diverged_factor, diverged)
        or _undetermined(reports, guess)
        or Finding(status=Convergence.CONVERGED, reason="")
    )
    if found.reason or guess is None:
        figures = None
    else:
        curve = Curve(reports, guess, settings.convergence, settings.task)
        found = next(each for rule in RULES if (each := rule(curve)) is not None)
        figures = curve.figures
    facts = TrialFacts(
        cause=found.cause,
        reports=reports,
        guess=guess,
        settings=settings,
        objectives=objectives or (settings.task.objective,),
    )
    return Diagnosis(
        status=found.status,
        reason=found.reason,
        advice=advise(found.status, facts),
        figures=figures,
        points=tuple(reports[index].point for index in found.points),
    )


def _diverged(
    reports: Sequence[Report], guess: Baseline | None, factor: float, explanation: str
) -> Finding | None:
    """Find NaN or Inf in a loss or the weights, or a training loss that has exploded.

    A loss above an untrained model's is worse than knowing nothing; from several times above it,
    training does not recover (Goodfellow 2016, 8.2.4 on cliffs). Updates skipped by
    mixed_float16 do not count: they have no loss here.
    """
    if explanation:
        return Finding(
            status=Convergence.DIVERGED, reason=explanation, points=tuple(range(len(reports))[-1:])
        )
    for index, report in enumerate(reports):
        for name in ("train_loss", "val_loss", "weight_change"):
            value = getattr(report, name)
            if not math.isfinite(value):
                return Finding(
                    status=Convergence.DIVERGED,
                    reason=f"{name} is {value} at point {report.point}",
                    points=(index,),
                )
    if not reports or guess is None:
        return None
    last, untrained = reports[-1], guess.untrained_loss
    if last.train_loss > factor * guess.untrained_over(rows_of(reports)[-1]):
        return Finding(
            status=Convergence.DIVERGED,
            reason=f"train_loss {last.train_loss:.3g} at point {last.point}, "
            f"{last.train_loss / untrained:.1f} times the {untrained:.3g} of an untrained model",
            points=(len(reports) - 1,),
        )
    return None


def _undetermined(reports: Sequence[Report], guess: Baseline | None) -> Finding | None:
    if guess is not None and len(reports) >= MINIMUM_REPORTS:
        return None
    return Finding(
        status=Convergence.UNDETERMINED,
        reason=f"{len(reports)} of the {MINIMUM_REPORTS} reports that a diagnosis needs",
    )


def _memorised(curve: Curve) -> Finding | None:
    """Find memorised training rows without any generalisation (Zhang 2017).

    The losses decide, since a score may still be slightly above the constant guess's.
    """
    known = curve.thresholds.memorised_level * curve.training_baseline
    if curve.end_training > known or min(curve.losses) < curve.learned_level:
        return None
    return Finding(
        status=Convergence.OVERFITTING,
        cause=Cause.MEMORISED,
        reason=f"train_loss fell to {curve.end_training:.3f}, but val_loss is "
        f"{curve.losses[-1]:.3f} and was never below {min(curve.losses):.3f}; the constant guess "
        f"has {_guessed(curve)}",
        points=(curve.best, len(curve.losses) - 1),
    )


def _not_learning(curve: Curve) -> Finding | None:
    """Find a trial in which no point beats the constant guess, nor soon will.

    The most frequent label is the first baseline to compare with (Google's Rules of machine
    learning; Mosbach 2021 counts fine-tunes at or below it as failed).
    """
    if any(curve.beats) or _on_its_way(curve) or _has_fallen(curve):
        return None
    last = curve.reports[-1]
    best = max(report.fixed.score for report in curve.reports)
    shown = (
        f"best {curve.task.objective} {best:.3f} against {curve.guess.score:.3f} of the constant "
        f"guess on {last.fixed.examples} rows; train_loss from {curve.training[0]:.3f} to "
        f"{curve.training[-1]:.3f} and val_loss from {curve.losses[0]:.3f} to "
        f"{curve.losses[-1]:.3f}, the guess's is {_guessed(curve)}"
    )
    if last.fixed.majority_share == 1.0:
        shown += "; every prediction is the same"
    return Finding(
        status=Convergence.NOT_LEARNING,
        cause=Cause.NONE,
        reason=shown,
        points=(max(range(len(curve.reports)), key=lambda i: curve.reports[i].fixed.score),),
    )


def _on_its_way(curve: Curve) -> bool:
    """Return True if the loss falls clearly, and will soon fall far enough to matter.

    Far enough means: within the rest of the budget, or as much again after its end, it would be
    below the constant guess by the share that counts as learning. Where an untrained model is
    further above the guess than the guess above 0, as with many tags, the same share of the way
    is enough.
    """
    if not _falls(curve):
        return False
    way = curve.guess.untrained_loss - curve.learned_level
    done = curve.guess.untrained_loss - curve.losses[-1]
    if way > curve.baseline and done >= curve.thresholds.learning_gain * way:
        return True
    ahead = max(1.0 - curve.shares[-1], curve.thresholds.window)
    return curve.losses[-1] + curve.trend.slope * ahead < curve.learned_level


def _has_fallen(curve: Curve) -> bool:
    """Return True if both losses end below the constant guess's by a share that matters.

    Predictions may still be the most frequent label, and few rows prove nothing about one point.
    But chance seldom lowers the loss on training rows and on unseen rows at the same time.
    """
    late = math.fsum(curve.losses[-FINAL_POINTS:]) / len(curve.losses[-FINAL_POINTS:])
    return late < curve.learned_level and curve.end_training < curve.learned_training_level


def _falls(curve: Curve) -> bool:
    """Return True if the validation loss falls beyond noise over the last part.

    The training loss counts, too, since continued learning shows there first: both statistics are
    combined (Stouffer 1949). A validation loss that hardly falls cannot pass.
    """
    bound = critical(curve.thresholds.confidence)
    own, training = curve.trend.statistic, curve.training_trend.statistic
    both = (own + training) / math.sqrt(2.0)
    return own < -bound or (own < -bound / 3 and both < -bound)


def _oscillating(curve: Curve) -> Finding | None:
    """Find lost learning, or swings: steps too long for the valley (LeCun 1998, 4)."""
    return _forgot(curve) or _swinging(curve)


def _forgot(curve: Curve) -> Finding | None:
    """Find a fall back to the constant guess in score and in loss.

    If the loss is as low as ever, a point beat the guess by chance.
    """
    if not any(curve.beats):
        return None
    learned = max(index for index, beats in enumerate(curve.beats) if beats)
    fallen = curve.reports[learned + 1 :]
    if (
        len(fallen) < FINAL_POINTS
        or min(curve.losses[: learned + 1]) > min(curve.losses[learned + 1 :]) - curve.floor
        or min(report.fixed.loss for report in fallen) < curve.learned_level
        or fallen[-1].train_loss < curve.learned_training_level
    ):
        return None
    best = max(report.fixed.score for report in curve.reports)
    return Finding(
        status=Convergence.OSCILLATING,
        cause=Cause.FORGOT,
        reason=f"{curve.task.objective} fell from {best:.3f} back to "
        f"{fallen[-1].fixed.score:.3f}; "
        f"the constant guess has {curve.guess.score:.3f}",
        points=(learned, len(curve.reports) - 1),
    )


def _swinging(curve: Curve) -> Finding | None:
    known = curve.thresholds.memorised_level / 3 * curve.training_baseline
    restless = curve.end_training > known
    if curve.swing <= curve.thresholds.oscillating_share or not restless:
        return None
    later = range(len(curve.losses) // 3, len(curve.losses))
    return Finding(
        status=Convergence.OSCILLATING,
        reason=f"val_loss goes up and down between {min(curve.losses[i] for i in later):.3f} and "
        f"{max(curve.losses[i] for i in later):.3f}; its swings beyond noise sum up to "
        f"{curve.swing:.2f} times the constant guess's loss",
        points=tuple(later),
    )


def _overfitting(curve: Curve) -> Finding | None:
    """Find a validation loss that rose while the training loss fell (Prechelt 1998).

    The mean of the last points is compared with the mean around the minimum, since the minimum
    itself is low by chance.
    """
    count = len(curve.losses)
    around = range(max(0, curve.best - 1), min(count, curve.best + 2))
    end = range(max(curve.best + 1, count - max(1, count // 5)), count)
    if not end:
        return None
    low = math.fsum(curve.losses[i] for i in around) / len(around)
    high = math.fsum(curve.losses[i] for i in end) / len(end)
    error = curve.noise * math.sqrt(1.0 / len(around) + 1.0 / len(end))
    rise = high - low
    known = curve.training[curve.best] - curve.end_training
    if (
        rise <= critical(curve.thresholds.confidence) * error
        or rise <= curve.thresholds.overfitting_share * curve.baseline
        or known <= 0.0
    ):
        return None
    point = curve.reports[curve.best].point
    return Finding(
        status=Convergence.OVERFITTING,
        reason=f"val_loss rose from {low:.3f} around point {point} to {high:.3f} at the end, "
        f"{rise / error:.1f} standard errors, while train_loss fell from "
        f"{curve.training[curve.best]:.3f} to {curve.end_training:.3f}",
        points=(curve.best, *end),
    )


def _improving(curve: Curve) -> Finding | None:
    """Find a loss that still falls beyond noise, by a share of the whole fall that matters."""
    matters = curve.thresholds.improving_share * (curve.losses[0] - min(curve.losses))
    if (
        not _falls(curve)
        or -curve.trend.change < matters - _ROUNDING
        or _has_levelled(curve, matters)
    ):
        return None
    late = curve.late
    return Finding(
        status=Convergence.IMPROVING,
        reason=f"val_loss still falls, from {curve.losses[late]:.3f} at point "
        f"{curve.reports[late].point} to {curve.losses[-1]:.3f} at the end "
        f"({-curve.trend.statistic:.1f} standard errors), and train_loss goes from "
        f"{curve.training[late]:.3f} to {curve.training[-1]:.3f} "
        f"({-curve.training_trend.statistic:.1f})",
        points=tuple(range(curve.late, len(curve.losses))),
    )


def _has_levelled(curve: Curve, matters: float) -> bool:
    """Return True if nearly all of the last part's fall came at its beginning.

    Args:
        curve: Curve of the trial.
        matters: Fall within the last part that matters, in nats. At the pace of the second half,
            noise included, the whole part would have fallen by less than half of it.
    """
    pace = curve.late_trend
    length = curve.shares[-1] - curve.shares[curve.late]
    return (pace.error - pace.slope) * length < matters / 2.0


def _plateaued(curve: Curve) -> Finding | None:
    """Find a stalled trial that has not learned most of what the training rows could teach."""
    level, known = curve.thresholds.plateau_level, curve.training_baseline
    if curve.end_training <= level * known or min(curve.losses) <= level * curve.baseline:
        return None
    return Finding(
        status=Convergence.PLATEAUED,
        reason=f"val_loss ends with {_last(curve)} and train_loss with "
        f"{curve.end_training:.3f}, {curve.end_training / known:.0%} of the constant "
        "guess's",
        points=tuple(range(curve.late, len(curve.losses))),
    )


def _converged(curve: Curve) -> Finding:
    low = min(curve.losses)
    return Finding(
        status=Convergence.CONVERGED,
        reason=f"val_loss fell from {curve.losses[0]:.3f} to {low:.3f} and ends with "
        f"{_last(curve)}; train_loss is {curve.end_training:.3f}",
        points=tuple(range(curve.late, len(curve.losses))),
    )


def _guessed(curve: Curve) -> str:
    """Return the constant guess's loss; those on training and validation rows if they differ."""
    losses = (curve.training_baseline, curve.baseline)
    return " and ".join(dict.fromkeys(f"{loss:.3f}" for loss in losses))


def _last(curve: Curve) -> str:
    """Return the last validation losses, which support the status."""
    return ", ".join(f"{loss:.3f}" for loss in curve.losses[-MINIMUM_REPORTS:])


RULES: tuple[Callable[[Curve], Finding | None], ...] = (
    _memorised, _not_learning, _oscillating, _overfitting, _improving, _plateaued, _converged,
)  # fmt: skip
