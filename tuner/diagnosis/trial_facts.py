"""Facts about a trial on which advice depends: figures of its reports, and its configuration."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise

from tuner.optimizers import Optimizer, UsualRates
from tuner.settings.settings import TrialSettings
from tuner.tasks import Baseline
from tuner.trial.records import Report

JUMP = 1.5
"""Multiple of an untrained model's training loss that counts as a jump."""

EARLY = 0.3
"""Share of the budget in which a jump counts as an early spike."""

TINY_CHANGE = 2e-3
"""Share of their norm below which weights have hardly moved; on the recorded curves those that
learned moved by more."""

HALF_WAY = 0.5
"""Share of the way from an untrained model to the constant guess; less is hardly any training."""

FEW_UPDATES = 100
"""Optimizer updates that seldom suffice if fewer (Mosbach 2021: train longer on small data)."""

FEW_EXAMPLES = 200
"""Training examples below which results vary by many points from draw to draw (Zhang 2021 calls
1,000 few)."""


class Cause(Enum):
    """Finding of a rule beside the status."""

    NONE = auto()
    MEMORISED = auto()
    FORGOT = auto()


@dataclass(frozen=True, kw_only=True)
class TrialFacts:
    """Everything that advice depends on."""

    cause: Cause
    """Finding of the rule beside the status."""
    reports: Sequence[Report]
    """Reports of the attempt; may be empty."""
    guess: Baseline | None
    """Constant guess; None if the trial never started."""
    settings: TrialSettings
    """Configuration of the trial."""
    objectives: Sequence[str]
    """Objectives of the trial."""

    @property
    def optimizer(self) -> Optimizer:
        """Optimizer of the trial."""
        return self.settings.optimizer

    @property
    def rate(self) -> float:
        """Peak learning rate."""
        return self.optimizer.learning_rate

    @property
    def usual_rates(self) -> UsualRates | None:
        """Usual learning rates of the optimizer; None if none are established."""
        return self.optimizer.usual_rates

    @property
    def rate_is_high(self) -> bool:
        """True if the rate is above the usual ones of its optimizer."""
        usual = self.usual_rates
        return usual is not None and self.rate > usual.highest

    @property
    def rate_is_low(self) -> bool:
        """True if the rate is below the usual ones of its optimizer."""
        usual = self.usual_rates
        return usual is not None and self.rate < usual.lowest

    @property
    def hardly_moved(self) -> bool:
        """True if the weights are nearly those of the checkpoint."""
        return bool(self.reports) and self.reports[-1].weight_change < TINY_CHANGE

    @property
    def collapsed(self) -> bool:
        """True if all predictions became one label after having been several.

        Never so where a text may have several labels: their thresholds are chosen anew at each
        point, and one set for all texts is the best choice as long as nothing is known.
        """
        if self.settings.task.several_labels:
            return False
        shares = [report.fixed.majority_share for report in self.reports]
        return bool(shares) and shares[-1] == 1.0 and min(shares) < 1.0

    @property
    def jumped(self) -> bool:
        """True if the training loss jumped above that of an untrained model.

        On imbalanced data an untrained model has several times the constant guess's loss.
        """
        guess = self.guess
        return guess is not None and any(
            report.train_loss > JUMP * guess.untrained_over(rows)
            for report, rows in zip(self.reports, rows_of(self.reports), strict=True)
        )

    @property
    def hardly_begun(self) -> bool:
        """True if the training loss is still close to that of an untrained model.

        Label frequencies are learned before anything else. On balanced data an untrained model
        predicts them already, so this is never True.
        """
        guess = self.guess
        if guess is None or not self.reports:
            return False
        way = guess.untrained_loss - guess.training_baseline
        left = self.reports[-1].train_loss - guess.training_baseline
        return way > 0.1 * guess.untrained_loss and left > HALF_WAY * way

    @property
    def is_slow(self) -> bool:
        """True if training was too slow to show a result, and not because of a high rate."""
        slow = self.rate_is_low or self.hardly_moved or self.hardly_begun
        return slow and not self.rate_is_high

    @property
    def skips_most(self) -> bool:
        """True if mixed_float16 skipped most updates while it searched for a loss scale."""
        last = self.reports[-1] if self.reports else None
        return last is not None and last.skipped_updates > last.updates

    @property
    def spiked_early(self) -> bool:
        """True if single early updates had a loss far above an untrained model's.

        With few rows per update the mean loss is sometimes large by chance.
        """
        if self.guess is None:
            return False
        rows = self.settings.effective_batch_size
        chance = 1.0 + 1.0 / math.sqrt(rows)
        limit = 2.0 * JUMP * chance * self.guess.untrained_over(rows)
        return any(
            report.train_loss_max > limit
            for report in self.reports
            if report.examples_seen <= EARLY * report.total_examples
        )

    @property
    def imbalanced(self) -> bool:
        """True if one label is so frequent that guessing it is hard to beat."""
        guess = self.guess
        if guess is None or not self.settings.task.weighs_labels:
            return False
        return guess.score >= 0.65 or guess.score >= 2.0 * math.exp(-guess.loss)  # noqa: PLR2004

    @property
    def gained_little(self) -> bool:
        """True if the validation loss is still near the constant guess's."""
        guess = self.guess
        return guess is not None and (
            min(report.fixed.loss for report in self.reports) > 0.9 * guess.baseline
        )

    @property
    def train_examples(self) -> int:
        """Number of rows of the training split."""
        if not self.reports:
            return 0
        return round(self.reports[-1].total_examples / self.settings.training.epochs)

    @property
    def updates(self) -> int:
        """Number of optimizer updates in the whole budget."""
        an_epoch = math.ceil(self.train_examples / self.settings.effective_batch_size)
        return math.ceil(an_epoch * self.settings.training.epochs)


def rows_of(reports: Sequence[Report]) -> list[int]:
    """Return the number of examples behind the training loss of each report."""
    seen = [0, *(report.examples_seen for report in reports)]
    return [max(1, after - before) for before, after in pairwise(seen)]
