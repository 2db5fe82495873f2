"""Reports of a trial as the series that the rules read."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from tuner.diagnosis.statistics import Line, critical, excess_swing, fit, noise_swing, scatter
from tuner.settings.settings import ConvergenceSettings
from tuner.tasks import Baseline, Task
from tuner.trial.records import Figures, Report

NOISE_SHARE = 0.4
"""Noise between points as a share of a loss's standard error over its rows.

All points evaluate the same rows, so most of that error is common to them. On the recorded
curves (benchmarks/recorded) flat stretches scatter by this share of it."""

WINDOW_POINTS = 3
"""Least number of points of a trend."""


LARGEST_LOSS = 1e6
"""Bound of losses in nats; sums of squares of larger ones would overflow."""


def _bounded(loss: float) -> float:
    return min(max(loss, -LARGEST_LOSS), LARGEST_LOSS) if loss == loss else LARGEST_LOSS  # noqa: PLR0124  (NaN)


def distinct(reports: Sequence[Report]) -> list[Report]:
    """Return the reports without those that the next one repeats.

    If one update reaches several evaluation points, their reports have the same weights.
    """
    return list({report.examples_seen: report for report in reports}.values())


@dataclass(frozen=True)
class Curve:
    """A trial's reports as series over its evaluation points."""

    reports: Sequence[Report]
    """Reports in order, at least one, each after another update (see `distinct`)."""
    guess: Baseline
    """Best constant guess."""
    thresholds: ConvergenceSettings
    """Group `convergence`."""
    task: Task
    """Task of the trial."""

    @property
    def unit(self) -> float:
        """Loss of the constant guess in nats, the unit of swings and gains."""
        return self.baseline or 1.0

    @property
    def baseline(self) -> float:
        """Loss of the constant guess for this trial's training, in nats."""
        return self.guess.baseline

    @property
    def training_baseline(self) -> float:
        """The same on the training rows, by which training losses are judged."""
        return self.guess.training_baseline

    @property
    def learned_level(self) -> float:
        """Loss below which a model has learned something, in nats."""
        return (1.0 - self.thresholds.learning_gain) * self.baseline

    @property
    def learned_training_level(self) -> float:
        """The same for a training loss."""
        return (1.0 - self.thresholds.learning_gain) * self.training_baseline

    @cached_property
    def shares(self) -> list[float]:
        """Share of the budget spent at each point."""
        return [report.examples_seen / report.total_examples for report in self.reports]

    @cached_property
    def losses(self) -> list[float]:
        """Validation loss at each point, in nats, over the same rows."""
        return [_bounded(report.fixed.loss) for report in self.reports]

    @cached_property
    def training(self) -> list[float]:
        """Training loss before each point, in nats."""
        return [_bounded(report.train_loss) for report in self.reports]

    @cached_property
    def noise(self) -> float:
        """Standard deviation of a late point's validation loss around its trend, in nats."""
        return max(scatter(self.losses[self._noise_start :]), self.floor)

    @cached_property
    def floor(self) -> float:
        """Part of `noise` that the rows alone explain, in nats."""
        # The spread of the targets over the rows is common to all points.
        late = [report.fixed for report in self.reports[self._noise_start :]]
        errors = [min(each.loss_error, each.error_within_strata) for each in late]
        return NOISE_SHARE * math.fsum(errors) / len(errors)

    @cached_property
    def training_noise(self) -> float:
        """Standard deviation of a late point's training loss around its trend, in nats."""
        errors, before = [], 0
        for report in self.reports:
            errors.append(report.train_loss_std / math.sqrt(max(1, report.updates - before)))
            before = report.updates
        late = errors[self._noise_start :]
        return max(scatter(self.training[self._noise_start :]), math.fsum(late) / len(late))

    @property
    def _noise_start(self) -> int:
        """Index from which noise is measured: the steep beginning of a curve looks like noise."""
        return max(0, self.late - 2)

    @cached_property
    def best(self) -> int:
        """Index of the lowest validation loss."""
        return min(range(len(self.losses)), key=self.losses.__getitem__)

    @cached_property
    def late(self) -> int:
        """Index of the first point of the last part, whose trend decides."""
        begin = self.shares[-1] - self.thresholds.window
        within = sum(share > begin + 1e-9 for share in self.shares)
        return max(0, len(self.shares) - max(WINDOW_POINTS, within + 1))

    @cached_property
    def trend(self) -> Line:
        """Trend of the validation loss over the last part, per unit of the budget.

        Points before that part may have fallen too steeply to show its noise.
        """
        late = self.losses[self.late :]
        noise = min(self.noise, max(scatter(late), self.floor))
        return fit(self.shares[self.late :], late, noise, bends=True)

    @cached_property
    def late_trend(self) -> Line:
        """Trend of the validation loss in the last part's second half, per unit of the budget."""
        count = len(self.losses)
        begin = min(self.late + (count - self.late) // 2, max(0, count - WINDOW_POINTS))
        return fit(self.shares[begin:], self.losses[begin:], self.floor)

    @cached_property
    def training_trend(self) -> Line:
        """Trend of the training loss over the last part, per unit of the budget."""
        return fit(self.shares[self.late :], self.training[self.late :], self.training_noise)

    @cached_property
    def end_training(self) -> float:
        """Training loss at the end, in nats: mean of the last two points."""
        last = self.training[-2:]
        return math.fsum(last) / len(last)

    @cached_property
    def swing(self) -> float:
        """Swings of the validation loss beyond its noise, in losses of the constant guess.

        The first third of the points is left out, because the loss may fall in jumps there.
        """
        values = self.losses[len(self.losses) // 3 :]
        beyond = excess_swing(values) - noise_swing(len(values), self.floor)
        return max(0.0, beyond) / self.unit

    @cached_property
    def beats(self) -> list[bool]:
        """For each point, True if it beats the constant guess beyond the noise of its rows."""
        bound = critical(self.thresholds.confidence, tests=len(self.reports))
        return [self._beats(report, bound) for report in self.reports]

    def _beats(self, report: Report, bound: float) -> bool:
        """Return True if a point's predictions or probabilities beat the constant guess.

        Accuracy is tested by the normal approximation of the binomial, and only if predictions and
        labels are associated: another constant guess may be luckier on these rows. The
        association, which shows learning on imbalanced labels, is tested by its spread for these
        labels and rows. The loss is tested by its standard error for rows drawn label by label,
        and must improve by a share that matters.
        """
        fixed = report.fixed
        if fixed.association > bound:
            return True
        gain = self.task.beyond_baseline(fixed.score, self.guess, fixed.examples)
        if fixed.association > critical(self.thresholds.confidence) and gain > bound:
            return True
        saved = self.baseline - fixed.loss
        return saved > bound * fixed.error_within_strata and fixed.loss < self.learned_level

    @cached_property
    def figures(self) -> Figures:
        """Figures beside the status."""
        tenth = 0.1
        return Figures(
            slope=tenth * self.trend.slope,
            slope_error=tenth * self.trend.error,
            best_point=self.reports[self.best].point,
            best_loss=self.losses[self.best],
            generalisation_gap=self.losses[-1] - self.end_training,
            oscillation=self.swing,
            gain=(self.baseline - self.losses[self.best]) / self.unit,
        )
