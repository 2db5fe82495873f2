"""Budget of a trial, and its evaluation points."""

import math
from dataclasses import dataclass

MINIMUM_SHARE = 0.3
"""No trial is pruned before it spent this share: one or two noisy points say little."""

EVALUATION_COST = 1 / 3
"""Cost of an evaluated row relative to a trained one: backward is twice forward (Kaplan 2020)."""

FEWEST_INTERIM_ROWS = 64
"""Fewer validation rows say next to nothing; evaluation may cost more than its share for them."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """A trial's work in optimizer updates.

    Attributes:
        train_examples: Training rows; a long text has one for each of its windows.
        effective_batch: Examples in one update; the last update of an epoch has fewer.
        epochs: Passes over the data; a fraction ends within its last pass.
        evaluations: Evaluation points, at equal shares of the examples; those that no update
            reaches by itself are left out.
    """

    train_examples: int
    effective_batch: int
    epochs: float
    evaluations: int

    @property
    def total_examples(self) -> int:
        """Examples consumed by the end; at least one update's worth."""
        return max(1, round(self.train_examples * self.epochs))

    @property
    def total_updates(self) -> int:
        """Optimizer updates; each pass ends with an update of its own, never carried over."""
        whole, rest = divmod(self.total_examples, self.train_examples)
        per_epoch = math.ceil(self.train_examples / self.effective_batch)
        return whole * per_epoch + math.ceil(rest / self.effective_batch)

    def examples_after(self, update: int) -> int:
        """Examples consumed after so many updates (counted from 1)."""
        per_epoch = math.ceil(self.train_examples / self.effective_batch)
        whole, rest = divmod(update, per_epoch)
        seen = whole * self.train_examples + rest * self.effective_batch
        return min(seen, self.total_examples)

    @property
    def most_evaluations(self) -> int:
        """Largest number of evaluations: no update is evaluated twice."""
        return min(self.evaluations, self.total_updates)

    def point_due(self, update: int) -> int | None:
        """Return the evaluation point reached by this update and not by the one before.

        A point is due at the first update that reaches the share k/E of the examples, so that
        trials of any batch size are compared at the same place. Of several points that one update
        reaches the last is due alone: one evaluation says nothing of the others.

        Args:
            update: Number of the update, counted from 1.

        Returns:
            The point k; None where none is due.
        """
        total, points = self.total_examples, self.evaluations
        before = self.examples_after(update - 1) * points // total
        after = self.examples_after(update) * points // total
        return after if after > before else None


def interim_rows(
    budget: Budget, validation_examples: int, share: float, rows_each: float = 1.0
) -> int:
    """Validation examples for each evaluation point but the last, which takes all of them.

    Args:
        budget: The trial's.
        validation_examples: Examples of the validation split.
        share: Largest share of the trial's time that all its evaluations may take, 0 to 1.
        rows_each: Training rows that each of them has: the windows of a long text.

    Returns:
        So many that the share is kept, where `FEWEST_INTERIM_ROWS` a point allow it.
    """
    if share >= 1 or budget.most_evaluations == 1:
        return validation_examples
    affordable = share / (1 - share) * budget.total_examples / EVALUATION_COST
    each = int((affordable / rows_each - validation_examples) / (budget.most_evaluations - 1))
    return min(max(each, FEWEST_INTERIM_ROWS), validation_examples)


def may_prune(point: int, points: int, warmup_fraction: float) -> bool:
    """Return True if a pruner may stop a trial at evaluation point `point` of `points`.

    Not before the learning rate has warmed up and `MINIMUM_SHARE` of the budget is spent; and
    not at the last point, where the trial is complete anyway.
    """
    share = point / points
    return point < points and share > warmup_fraction and share >= MINIMUM_SHARE
