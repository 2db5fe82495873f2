"""What is known of a trial when advice is given: figures of its reports and its configuration."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from tuner.optimizers import Optimizer, UsualRates
from tuner.settings.settings import TrialSettings
from tuner.trial.records import Baseline, Report

USUAL_OBJECTIVES = ("val_accuracy",)
"""Metrics that a trial is run for unless others are named."""

JUMP = 1.5
"""A training loss so many times that of an untrained model has jumped."""

EARLY = 0.3
"""Share of the budget in which a jump is an early spike."""

TINY_CHANGE = 2e-3
"""Weights that moved by less than this share of their norm have hardly moved; on the recorded
curves those that learned moved by more."""

HALF_WAY = 0.5
"""Share of the way from an untrained model to the constant guess; less is hardly any training."""

FEW_UPDATES = 100
"""Fewer optimizer updates than this seldom suffice (Mosbach 2021: train longer on small data)."""

FEW_EXAMPLES = 200
"""Fewer training examples than this vary by many points from draw to draw (Zhang 2021 calls
1,000 few)."""


class Cause(Enum):
    """What a rule saw beside the status."""

    NONE = auto()
    MEMORISED = auto()
    LOST = auto()


@dataclass(frozen=True, kw_only=True)
class Case:
    """All that advice depends on."""

    cause: Cause
    """What the rule saw beside the status."""
    reports: Sequence[Report]
    """Of the attempt; may be empty."""
    guess: Baseline | None
    """None when the trial never started."""
    settings: TrialSettings
    """The trial's configuration."""
    objectives: Sequence[str] = USUAL_OBJECTIVES
    """Metrics that it is run for."""

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
        """Learning rates that are usual for the optimizer; None where none are established."""
        return self.optimizer.usual_rates

    @property
    def rate_is_high(self) -> bool:
        """True if the rate lies above what is usual for its optimizer."""
        usual = self.usual_rates
        return usual is not None and self.rate > usual.highest

    @property
    def rate_is_low(self) -> bool:
        """True if the rate lies below what is usual for its optimizer."""
        usual = self.usual_rates
        return usual is not None and self.rate < usual.lowest

    @property
    def hardly_moved(self) -> bool:
        """Whether the weights are nearly those of the checkpoint."""
        return bool(self.reports) and self.reports[-1].weight_change < TINY_CHANGE

    @property
    def collapsed(self) -> bool:
        """Whether predictions came down to one label after they had been several."""
        shares = [report.fixed.majority_share for report in self.reports]
        return bool(shares) and shares[-1] == 1.0 and min(shares) < 1.0

    @property
    def jumped(self) -> bool:
        """True if the training loss jumped above that of an untrained model.

        On imbalanced data an untrained model has several times the constant guess's loss.
        """
        guess = self.guess
        return guess is not None and any(
            report.train_loss > JUMP * guess.untrained_loss for report in self.reports
        )

    @property
    def hardly_begun(self) -> bool:
        """True if the training loss has hardly left that of an untrained model.

        The frequencies of the labels are learned before anything else. On balanced data an
        untrained model knows them already, and this says nothing.
        """
        guess = self.guess
        if guess is None or not self.reports:
            return False
        way = guess.untrained_loss - guess.baseline
        left = self.reports[-1].train_loss - guess.baseline
        return way > 0.1 * guess.untrained_loss and left > HALF_WAY * way

    @property
    def is_slow(self) -> bool:
        """True if training went too slowly to show anything, and not because of a high rate."""
        slow = self.rate_is_low or self.hardly_moved or self.hardly_begun
        return slow and not self.rate_is_high

    @property
    def skips_most(self) -> bool:
        """True if mixed_float16 skipped most updates while it looked for a scale of the loss."""
        last = self.reports[-1] if self.reports else None
        return last is not None and last.skipped_updates > last.updates

    @property
    def spiked_early(self) -> bool:
        """True if single updates at the beginning had a loss far above an untrained model's.

        Of few rows the mean loss is large by chance now and then.
        """
        if self.guess is None:
            return False
        chance = 1.0 + 1.0 / math.sqrt(self.settings.effective_batch_size)
        limit = 2.0 * JUMP * chance * self.guess.untrained_loss
        return any(
            report.train_loss_max > limit
            for report in self.reports
            if report.examples_seen <= EARLY * report.total_examples
        )

    @property
    def imbalanced(self) -> bool:
        """Whether one label is so frequent that guessing it is hard to beat."""
        guess = self.guess
        return guess is not None and (
            guess.accuracy >= 0.65 or guess.accuracy >= 2.0 * math.exp(-guess.loss)  # noqa: PLR2004
        )

    @property
    def gained_little(self) -> bool:
        """Whether the validation loss is still near the constant guess's."""
        guess = self.guess
        return guess is not None and (
            min(report.fixed.loss for report in self.reports) > 0.9 * guess.baseline
        )

    @property
    def train_examples(self) -> int:
        """Rows of the training split."""
        if not self.reports:
            return 0
        return round(self.reports[-1].total_examples / self.settings.training.epochs)

    @property
    def updates(self) -> int:
        """Optimizer updates of the whole budget."""
        an_epoch = math.ceil(self.train_examples / self.settings.effective_batch_size)
        return math.ceil(an_epoch * self.settings.training.epochs)
