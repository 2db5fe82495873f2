"""The trial around a curve: its data, its budget and its noise."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tuner.tasks import Baseline

Array = NDArray[np.float64]

POINTS = (5, 8, 10, 15, 20, 30)
ROWS = (100, 200, 400, 1000)
MIN_UPDATES = 10
"""Optimizer updates between two points, at least."""
FINE = 24
"""Samples of the training loss between two points, whose mean is reported."""


@dataclass(frozen=True, kw_only=True)
class Labels:
    """A data set as far as its labels go.

    Attributes:
        frequencies: Shares of the labels.
        skill_exponent: Relation of accuracy to loss: the skill (Matthews correlation) is the share
            of the guess's loss taken away to this power. Half the loss gone is about 85 % right
            for two labels (0.5), and about half right for 77 (1.0).
    """

    frequencies: Array
    skill_exponent: float

    @property
    def guess(self) -> Baseline:
        shares = self.frequencies
        loss = float(-(shares * np.log(shares)).sum())
        return Baseline(
            score=float(shares.max()), loss=loss, labels=len(shares), trained_loss=loss
        )

    def skill_error(self, rows: int) -> float:
        """Standard deviation of the skill of guesses that have the labels' frequencies."""
        two, three = (float((self.frequencies**power).sum()) for power in (2, 3))
        return math.sqrt((two - 2.0 * three + two**2) / (rows - 1)) / (1.0 - two)

    @property
    def guess_spread(self) -> float:
        """Standard deviation over rows of the constant guess's loss; 0 if balanced."""
        losses = -np.log(self.frequencies)
        variance = (self.frequencies * losses**2).sum() - self.guess.loss**2
        return math.sqrt(max(variance, 0.0))

    @property
    def one_label_f1(self) -> float:
        """Macro F1 of always predicting the most frequent label."""
        most = float(self.frequencies.max())
        return 2.0 * most / (1.0 + most) / len(self.frequencies)

    @property
    def accuracy_exponent(self) -> float:
        """Accuracy moves off a large majority's share only once the skill is considerable."""
        return 2.0 if len(self.frequencies) == 2 and self.guess.score > 0.6 else 1.0


def _labels(rng: Generator, name: str) -> Labels:
    match name:
        case "two":
            return Labels(frequencies=np.array([0.5, 0.5]), skill_exponent=0.5)
        case "seven":
            return Labels(frequencies=np.full(7, 1 / 7), skill_exponent=0.8)
        case "seven uneven":
            shares = np.array([0.30, 0.25, 0.15, 0.10, 0.08, 0.07, 0.05])
            return Labels(frequencies=shares, skill_exponent=0.7)
        case "many":
            shares = rng.gamma(12.0, size=77)  # slightly uneven, as in intent data
            return Labels(frequencies=shares / shares.sum(), skill_exponent=1.0)
        case "80 %":
            return Labels(frequencies=np.array([0.8, 0.2]), skill_exponent=0.5)
        case "90 %":
            return Labels(frequencies=np.array([0.9, 0.1]), skill_exponent=0.5)
    raise ValueError(name)


BALANCED = ("two", "seven", "many")
ALL_LABELS = ("two", "two", "seven", "seven uneven", "many", "80 %", "90 %")

GOOD_RATES: Mapping[str, tuple[float, float]] = {
    "adamw": (1e-5, 5e-5),
    "adam": (1e-5, 5e-5),
    "lion": (2e-6, 1e-5),
    "rmsprop": (1e-5, 5e-5),
    "sgd": (3e-3, 3e-2),
}
"""Learning rates that fine-tune a base-sized encoder well, by optimizer."""
RATE_FACTORS: Mapping[str, tuple[float, float]] = {
    "good": (1.0, 1.0),
    "low": (1e-4, 2e-3),
    "slow": (0.05, 0.3),
    "brisk": (4.0, 10.0),
    "high": (20.0, 80.0),
}
"""Factor that makes a rate as wrong as a story wants it."""
WEIGHT_CHANGES: Mapping[str, tuple[float, float]] = {
    "good": (0.01, 0.2),
    "low": (1e-6, 1e-4),
    "slow": (2e-3, 0.03),
    "brisk": (0.1, 0.5),
    "high": (0.5, 3.0),
}
"""Distance of the weights from their beginning once the budget is spent, by the rate."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The trial around a curve: data, budget, noise.

    Attributes:
        rng: All of the curve's randomness.
        labels: The data's labels.
        points: Evaluation points in the budget.
        seen: Number of points that were reached.
        rows: Validation rows that every point evaluates.
        all_rows: Validation rows at the final point.
        train_rows: Training rows.
        epochs: Passes over them.
        batch: Examples in an update.
        rate: Peak learning rate.
        rate_kind: A key of `RATE_FACTORS`.
        optimizer: Its name.
        schedule: As in the settings.
        fresh: Share of a standard error that is new at each point.
    """

    rng: Generator
    labels: Labels
    points: int
    seen: int
    rows: int
    all_rows: int
    train_rows: int
    epochs: int
    batch: int
    rate: float
    rate_kind: str
    optimizer: str
    schedule: Mapping[str, Any]
    fresh: float

    @property
    def at(self) -> Array:
        """Share of the budget spent at each point of the whole budget."""
        return np.arange(1, self.points + 1) / self.points

    @property
    def within(self) -> Array:
        """The same between the points: one row for each, `FINE` columns."""
        steps = (np.arange(FINE) + 0.5) / FINE
        return (np.arange(self.points)[:, None] + steps[None, :]) / self.points

    @property
    def total_examples(self) -> int:
        return self.train_rows * self.epochs

    @property
    def total_updates(self) -> int:
        return max(self.points, math.ceil(self.total_examples / self.batch))

    def uniform(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))


def log_uniform(rng: Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(math.log(low), math.log(high))))


def pick(rng: Generator, options: Sequence[Any]) -> Any:
    return options[int(rng.integers(len(options)))]


def draw(
    rng: Generator,
    *,
    labels: Sequence[str] = ALL_LABELS,
    points: Sequence[int] = POINTS,
    epochs: Sequence[int] = (1, 1, 2, 3, 4),
    train_rows: tuple[int, int] = (1500, 40000),
    rate_kind: str = "good",
    schedules: Sequence[str] = ("linear", "linear", "cosine", "constant"),
    end_fraction: float = 0.0,
    seen_share: tuple[float, float] = (1.0, 1.0),
    cut_off_chance: float = 0.0,
) -> Plan:
    """Draws a trial; `seen_share` is where it is cut off, if it is."""
    optimizer = pick(rng, tuple(GOOD_RATES))
    rate = log_uniform(rng, *GOOD_RATES[optimizer])
    rate *= log_uniform(rng, *RATE_FACTORS[rate_kind])
    chosen_points = int(pick(rng, points))
    seen = chosen_points
    if rng.random() < cut_off_chance:
        seen = max(4, round(chosen_points * rng.uniform(*seen_share)))
    rows = int(pick(rng, ROWS))
    # Small validation sets are evaluated whole at every point.
    all_rows = rows if rng.random() < 0.2 else round(rows * log_uniform(rng, 1.5, 10.0))
    rows_to_train = round(log_uniform(rng, *train_rows))
    passes = int(pick(rng, epochs))
    largest_batch = rows_to_train * passes / (chosen_points * MIN_UPDATES)
    batches = [batch for batch in (8, 16, 32, 64) if batch <= largest_batch]
    schedule = {
        "name": pick(rng, schedules),
        "warmup_fraction": float(pick(rng, (0.0, 0.06, 0.1, 0.1))),
    }
    if schedule["name"] in ("linear", "cosine"):
        schedule["end_fraction"] = end_fraction
    return Plan(
        rng=rng,
        labels=_labels(rng, pick(rng, labels)),
        points=chosen_points,
        seen=min(seen, chosen_points),
        rows=rows,
        all_rows=all_rows,
        train_rows=rows_to_train,
        epochs=passes,
        batch=int(pick(rng, batches or (2, 4))),
        rate=rate,
        rate_kind=rate_kind,
        optimizer=optimizer,
        schedule=schedule,
        fresh=float(rng.uniform(1 / 3, 1 / 2)),
    )


def scheduled_share(schedule: Mapping[str, Any], spent: Array) -> Array:
    """The learning rate as a share of its peak."""
    warmup = schedule["warmup_fraction"]
    progress = np.clip((spent - warmup) / (1.0 - warmup), 0.0, 1.0)
    end = schedule.get("end_fraction", 0.0)
    match schedule["name"]:
        case "constant":
            decayed = np.ones_like(spent)
        case "linear":
            decayed = 1.0 + (end - 1.0) * progress
        case "cosine":
            decayed = end + (1.0 - end) * (1.0 + np.cos(np.pi * progress)) / 2.0
        case name:
            raise ValueError(name)
    rising = spent / warmup if warmup > 0.0 else np.ones_like(spent)
    return np.where(spent < warmup, rising, decayed)
