"""Labelled synthetic training curves, to judge the rules of convergence with.

Written from the meaning of the words alone and not from the rules, so that agreement between the
two says something. A curve is a clear case to somebody who sees its plot; its noise is that of
real evaluations. All loss curves are drawn as shares of the constant guess's loss (1.0 is the
guess itself) over the share of the budget that is spent, and turned into nats in the reports.

Noise: the rows of one trial are the same at every point, so most of their sampling error is an
offset that the points share; a third to a half of a standard error is new at each point. The
more certain a model is, the more the losses of its rows differ, so the noise grows with learning.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tuner.core.settings import DataSettings, ModelSettings, TrainingSettings, TrialSettings
from tuner.core.trial import ConstantGuess, Convergence, FixedRows, Report

Array = NDArray[np.float64]
Curve1D = Callable[[Array], Array]

POINTS = (5, 8, 10, 15, 20, 30)
ROWS = (100, 200, 400, 1000)
MIN_UPDATES = 10
"""Optimizer updates between two points, at least."""
FINE = 24
"""Samples of the training loss between two points, whose mean is reported."""
TREND_ERRORS = 6.0
"""So many point-to-point errors must fit into the trend that makes a case what it is."""
MARGIN_ERRORS = 4.0
"""So many whole standard errors must fit into the distance from the constant guess."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One labelled trial.

    Attributes:
        status: What somebody who sees the plot would call it.
        kind: The variety of that status.
        reports: What was seen, maybe not the whole budget.
        guess: The constant guess of the data.
        settings: A configuration that fits the story.
    """

    status: Convergence
    kind: str
    reports: tuple[Report, ...]
    guess: ConstantGuess
    settings: TrialSettings


@dataclass(frozen=True, kw_only=True)
class Labels:
    """A data set as far as its labels go.

    Attributes:
        frequencies: Shares of the labels.
        skill_exponent: How accuracy follows loss: the skill (Matthews correlation) is the share
            of the guess's loss taken away to this power. Half the loss gone is about 85 % right
            for two labels (0.5), and about half right for 77 (1.0).
    """

    frequencies: Array
    skill_exponent: float

    @property
    def guess(self) -> ConstantGuess:
        shares = self.frequencies
        return ConstantGuess(
            accuracy=float(shares.max()), loss=float(-(shares * np.log(shares)).sum())
        )

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
        return 2.0 if len(self.frequencies) == 2 and self.guess.accuracy > 0.6 else 1.0


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
IMBALANCED = ("80 %", "90 %")
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
"""What a rate is multiplied by to be off as a story wants it."""
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
        seen: How many of them were reached.
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


@dataclass(frozen=True, kw_only=True)
class Story:
    """What truly happens, before sampling noise; losses as shares of the constant guess's.

    Attributes:
        val: Validation loss at each point.
        train: Training loss between the points, of the shape of `Plan.within`.
        skill: Matthews correlation at each point; None: follows from `val`.
        collapsed: Points at which one label is predicted for every row.
        wander: Standard deviation of the model's own restlessness from point to point.
        restless: Factor on the spread of the losses of updates.
        weight_factor: Factor on the weights' distance, at each point.
        grad_factor: Factor on the gradients' norm, at each point.
        trend: Smallest movement that has to be seen; None: there is none.
        margin: Distance from the constant guess that has to be seen; None: there is none.
        stays_above: Validation loss never gets better than the guess's, noise and all.
        training: Settings of the group `training` that belong to the story.
    """

    val: Array
    train: Array
    skill: Array | None = None
    collapsed: NDArray[np.bool_] | None = None
    wander: float = 0.004
    restless: float = 1.0
    weight_factor: Array | None = None
    grad_factor: Array | None = None
    trend: float | None = None
    margin: float | None = None
    stays_above: bool = False
    training: Mapping[str, Any] = field(default_factory=dict)


# Plans


def _log_uniform(rng: Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(math.log(low), math.log(high))))


def _pick(rng: Generator, options: Sequence[Any]) -> Any:
    return options[int(rng.integers(len(options)))]


def _plan(
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
    optimizer = _pick(rng, tuple(GOOD_RATES))
    rate = _log_uniform(rng, *GOOD_RATES[optimizer])
    rate *= _log_uniform(rng, *RATE_FACTORS[rate_kind])
    chosen_points = int(_pick(rng, points))
    seen = chosen_points
    if rng.random() < cut_off_chance:
        seen = max(4, round(chosen_points * rng.uniform(*seen_share)))
    rows = int(_pick(rng, ROWS))
    # Small validation sets are evaluated whole at every point.
    all_rows = rows if rng.random() < 0.2 else round(rows * _log_uniform(rng, 1.5, 10.0))
    rows_to_train = round(_log_uniform(rng, *train_rows))
    passes = int(_pick(rng, epochs))
    largest_batch = rows_to_train * passes / (chosen_points * MIN_UPDATES)
    batches = [batch for batch in (8, 16, 32, 64) if batch <= largest_batch]
    schedule = {
        "name": _pick(rng, schedules),
        "warmup_fraction": float(_pick(rng, (0.0, 0.06, 0.1, 0.1))),
    }
    if schedule["name"] in ("linear", "cosine"):
        schedule["end_fraction"] = end_fraction
    return Plan(
        rng=rng,
        labels=_labels(rng, _pick(rng, labels)),
        points=chosen_points,
        seen=min(seen, chosen_points),
        rows=rows,
        all_rows=all_rows,
        train_rows=rows_to_train,
        epochs=passes,
        batch=int(_pick(rng, batches or (2, 4))),
        rate=rate,
        rate_kind=rate_kind,
        optimizer=optimizer,
        schedule=schedule,
        fresh=float(rng.uniform(1 / 3, 1 / 2)),
    )


def _rate_share(schedule: Mapping[str, Any], spent: Array) -> Array:
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


def _settings(plan: Plan, story: Story) -> TrialSettings:
    training: dict[str, Any] = {
        "batch_size": plan.batch,
        "epochs": float(plan.epochs),
        "evaluations": plan.points,
        "interim_examples": None if plan.all_rows == plan.rows else plan.rows,
    }
    return TrialSettings(
        model=ModelSettings(checkpoint="bert-base-uncased"),
        data=DataSettings(format="csv", train="train.csv"),
        optimizer={"name": plan.optimizer, "learning_rate": plan.rate, "weight_decay": 0.01},
        schedule=dict(plan.schedule),
        training=TrainingSettings(**(training | dict(story.training))),
    )


# Shapes


def _descent(rng: Generator, level_at: float) -> Curve1D:
    """A fall from 1 to about 0.01 at `level_at` and less after it: one of three shapes."""
    shape = _pick(rng, ("exponential", "sharp start", "late start"))
    if shape == "exponential":
        return lambda t: np.exp(-4.5 * t / level_at)
    if shape == "sharp start":
        return lambda t: np.exp(-4.5 * (t / level_at) ** 0.6)
    middle = level_at * float(rng.uniform(0.3, 0.6))
    return _logistic_fall(middle, (level_at - middle) / 4.5)


def _logistic_fall(middle: float, width: float) -> Curve1D:
    """From 1 at the beginning to 0, half of it at `middle`."""
    top = 1.0 / (1.0 + math.exp(-middle / width))
    return lambda t: 1.0 / (1.0 + np.exp((t - middle) / width)) / top


def _memory(epochs: int, t: Array) -> Array:
    """How far the training rows are known by heart, 0 to 1: grows smoothly and per pass."""
    smooth = (1.0 - np.exp(-4.0 * t)) / (1.0 - math.exp(-4.0))
    if epochs < 2:
        return smooth
    passes = np.floor(np.minimum(t * epochs, epochs - 1e-9))
    return 0.5 * smooth + 0.5 * passes / (epochs - 1)


def _removed(share: Array) -> Array:
    """The part of the constant guess's loss that is gone."""
    return np.clip(1.0 - share, 0.0, 1.0)


def _skill(plan: Plan, val: Array) -> Array:
    return _removed(val) ** plan.labels.skill_exponent


# Stories of trials: converged.


def _levelling(plan: Plan, end: float, gap: float, level_at: float) -> Story:
    """Falls from the guess to `end`, level from `level_at`; training ends `gap` below it."""
    start = plan.uniform(1.0, 1.04)  # a new head is a little worse than the guess
    fall = _descent(plan.rng, level_at)

    def val(t: Array) -> Array:
        return end + (start - end) * fall(t)

    train = np.maximum(val(plan.within) - gap * _memory(plan.epochs, plan.within), 0.004)
    return Story(
        val=val(plan.at),
        train=train,
        wander=plan.uniform(0.002, 0.008) * max(end, 0.1) ** 0.5,
        trend=start - end,
        margin=1.0 - end,
    )


def _converged_easy(rng: Generator) -> tuple[Plan, Story]:
    plan = _plan(rng)
    end = plan.uniform(0.02, 0.12)
    gap = end * plan.uniform(0.0, 0.8) if plan.epochs > 1 else 0.0
    return plan, _levelling(plan, end, gap, plan.uniform(0.1, 0.55))


def _converged_ordinary(rng: Generator) -> tuple[Plan, Story]:
    plan = _plan(rng)
    end = plan.uniform(0.15, 0.45)
    gap = end * plan.uniform(0.2, 0.7) if plan.epochs > 1 else end * plan.uniform(-0.05, 0.05)
    return plan, _levelling(plan, end, gap, plan.uniform(0.1, 0.55))


def _converged_hard(rng: Generator) -> tuple[Plan, Story]:
    """Hard data: the loss ends high, though training got well below it."""
    plan = _plan(rng, epochs=(2, 3, 4), labels=("two", "seven", "seven uneven", "many"))
    end = plan.uniform(0.5, 0.7)
    return plan, _levelling(plan, end, end - plan.uniform(0.2, 0.42), plan.uniform(0.1, 0.5))


# Stories of trials: improving.


def _progressing(plan: Plan, gain: Curve1D, end: float, gap: float) -> Story:
    """From the guess to `end` at the last point seen, along `gain` from 0 to 1."""
    start = plan.uniform(1.0, 1.03)
    last = plan.seen / plan.points

    def val(t: Array) -> Array:
        share = gain(np.minimum(t / last, 1.0)) / gain(np.ones(1))
        return start - (start - end) * share

    train = val(plan.within) - gap * _memory(plan.epochs, plan.within)
    ends = val(np.array([2 / 3, 1.0]) * last)
    return Story(
        val=val(plan.at),
        train=np.maximum(train, 0.01),
        trend=float(ends[0] - ends[1]),
        margin=1.0 - end,
    )


def _gain(rng: Generator, end_rate: float = 0.7) -> Curve1D:
    """Progress still under way at the end: the time constant is at least `end_rate`."""
    if rng.random() < 0.3:
        power = float(rng.uniform(0.7, 1.4))
        return lambda u: u**power
    constant = float(rng.uniform(end_rate, 2.0))
    return lambda u: 1.0 - np.exp(-u / constant)


def _improving_slow(rng: Generator) -> tuple[Plan, Story]:
    """A rate too small for the budget; a rate that ends above 0, else the fall would die out."""
    plan = _plan(rng, rate_kind="slow", schedules=("constant", "linear"), end_fraction=0.4)
    end = plan.uniform(0.25, 0.75)
    gap = end * plan.uniform(0.0, 0.3) if plan.epochs > 1 else 0.0
    return plan, _progressing(plan, _gain(rng), end, gap)


def _improving_late(rng: Generator) -> tuple[Plan, Story]:
    """Long at the constant guess's loss, then falling."""
    plan = _plan(
        rng,
        rate_kind="slow",
        schedules=("constant", "linear"),
        end_fraction=0.4,
        points=(8, 10, 15, 20, 30),
        labels=("two", "seven", "seven uneven", "many"),
    )
    fall = _logistic_fall(plan.uniform(0.75, 0.95), plan.uniform(0.08, 0.15))
    return plan, _progressing(plan, lambda u: 1.0 - fall(u), plan.uniform(0.35, 0.75), 0.0)


def _improving_cut_off(rng: Generator) -> tuple[Plan, Story]:
    """Pruned on its way."""
    plan = _plan(
        rng,
        points=(8, 10, 10, 15, 20, 30),
        seen_share=(0.4, 0.7),
        cut_off_chance=1.0,
    )
    return plan, _progressing(plan, _gain(rng), plan.uniform(0.25, 0.8), 0.0)


# Stories of trials: plateaued.


def _stuck(plan: Plan, level_at: float, **training: Any) -> Story:
    """Takes away little and stops; training loss stays as high."""
    level = plan.uniform(0.75, 0.89)
    story = _levelling(plan, level, plan.uniform(-0.02, 0.03), level_at)
    return replace(
        story,
        wander=plan.uniform(0.002, 0.006),
        margin=0.7 * (1.0 - level),  # so little has to stand out the more
        training=training,
    )


def _plateaued_early(rng: Generator) -> tuple[Plan, Story]:
    plan = _plan(rng)
    return plan, _stuck(plan, plan.uniform(0.08, 0.3))


def _plateaued_gradual(rng: Generator) -> tuple[Plan, Story]:
    plan = _plan(rng)
    return plan, _stuck(plan, plan.uniform(0.35, 0.55))


def _plateaued_frozen(rng: Generator) -> tuple[Plan, Story]:
    """A frozen encoder: the head alone can do no more."""
    plan = _plan(rng, labels=("two", "seven", "many", "80 %"))
    return plan, _stuck(plan, plan.uniform(0.15, 0.5), freeze_layers=12)


# Stories of trials: not learning.


def _hover(plan: Plan, size: float) -> Array:
    """Random heights above the constant guess, typically `size`, one for each point."""
    return np.abs(plan.rng.normal(0.0, size, plan.points))


def _flat_training(plan: Plan, excess: float) -> Array:
    return np.full((plan.points, FINE), 1.0 + excess)


def _rate_too_low(rng: Generator) -> tuple[Plan, Story]:
    """Nothing moves; what the new head was worse than the guess goes slowly if at all."""
    plan = _plan(
        rng,
        rate_kind="low",
        labels=BALANCED,
        seen_share=(0.6, 0.9),
        cut_off_chance=0.25,
    )
    excess = plan.uniform(0.004, 0.035)
    settled = excess * plan.uniform(0.0, 0.4)

    def loss(t: Array) -> Array:
        return 1.0 + excess - settled * t

    story = Story(
        val=loss(plan.at),
        train=loss(plan.within) + plan.uniform(-0.002, 0.01),  # dropout makes it a bit worse
        skill=np.zeros(plan.points),
        wander=plan.uniform(0.0, 0.001),
        stays_above=True,
    )
    return plan, story


def _collapsed(rng: Generator) -> tuple[Plan, Story]:
    """The rate threw the model off in the first updates; one label ever since."""
    plan = _plan(rng, rate_kind="high", seen_share=(0.6, 0.9), cut_off_chance=0.25)
    jump, decay = plan.uniform(0.4, 2.5), plan.uniform(0.03, 0.12)
    hover = plan.uniform(0.005, 0.03)
    # Warm-up lets the loss be as it was before the jump.
    begin = plan.schedule["warmup_fraction"] * 0.4

    def thrown(t: Array) -> Array:
        return np.where(t < begin, 0.0, jump * np.exp(-(t - begin) / decay))

    story = Story(
        val=1.0 + thrown(plan.at) + _hover(plan, hover),
        train=1.0 + thrown(plan.within) + hover * plan.uniform(0.7, 1.5),
        collapsed=np.ones(plan.points, dtype=bool),
        wander=0.0,
        restless=1.5,
        weight_factor=plan.at**-0.4,  # most of it happened at the jump
        grad_factor=0.3 + 3.0 * thrown(plan.at),
        stays_above=True,
    )
    return plan, story


def _degenerate(rng: Generator) -> tuple[Plan, Story]:
    """A brisk rate and no luck: at the guess from the first point on, one label."""
    plan = _plan(rng, rate_kind="brisk", labels=("two", "two", "seven", "seven uneven"))
    hover = plan.uniform(0.003, 0.02)
    story = Story(
        val=1.0 + _hover(plan, hover),
        train=_flat_training(plan, hover),
        collapsed=np.asarray(rng.random(plan.points) < 0.85),
        skill=np.zeros(plan.points),
        wander=0.0,
        grad_factor=np.full(plan.points, 0.5),
        stays_above=True,
    )
    return plan, story


def _majority_only(rng: Generator) -> tuple[Plan, Story]:
    """Imbalanced labels: the frequent one is predicted always."""
    plan = _plan(rng, labels=("90 %", "90 %", "80 %"))
    excess, decay = plan.uniform(0.0, 0.12), plan.uniform(0.05, 0.3)

    def settling(t: Array) -> Array:
        return 1.004 + excess * np.exp(-t / decay)

    story = Story(
        val=settling(plan.at) + _hover(plan, 0.01),
        train=settling(plan.within) + 0.01,
        collapsed=np.ones(plan.points, dtype=bool),
        wander=0.0,
        stays_above=True,
    )
    return plan, story


def _shuffled_once(rng: Generator) -> tuple[Plan, Story]:
    """Labels that have nothing to do with the texts, in one pass: nothing to memorise twice."""
    plan = _plan(rng, epochs=(1,), labels=BALANCED, train_rows=(2000, 40000))
    hover = plan.uniform(0.006, 0.025)
    story = Story(
        val=1.004 + _hover(plan, hover),
        train=_flat_training(plan, plan.uniform(0.004, 0.02)),
        skill=np.zeros(plan.points),
        wander=0.0,
        stays_above=True,
    )
    return plan, story


# Stories of trials: oscillating.


def _zigzag(plan: Plan) -> Array:
    """Heights from -1 to 1 that change sides nearly every time (every time if few)."""
    sides = [1.0 if plan.rng.random() < 0.5 else -1.0]
    while len(sides) < plan.points:
        turns = plan.points <= 8 or sides[-1] in sides[-2:-1] or plan.rng.random() < 0.75
        sides.append(-sides[-1] if turns else sides[-1])
    return np.asarray(sides) * plan.rng.uniform(0.5, 1.0, plan.points)


def _between_points(plan: Plan, heights: Array) -> Array:
    """The heights at the points, joined by straight lines where training is reported."""
    return np.interp(
        plan.within.ravel(), np.concatenate([[0.0], plan.at]), np.concatenate([[0.0], heights])
    ).reshape(plan.within.shape)


def _swinging(rng: Generator) -> tuple[Plan, Story]:
    """Too high a rate: each point finds the model elsewhere."""
    plan = _plan(
        rng, rate_kind="brisk", schedules=("constant",), seen_share=(0.6, 0.9), cut_off_chance=0.25
    )
    size = plan.uniform(0.15, 0.35)
    level = plan.uniform(size + 0.1, 0.75)
    fall = _descent(rng, plan.uniform(0.05, 0.2))
    zigzag = _zigzag(plan)
    # In the first points the swings come on top of the fall.
    val = np.maximum(level + (1.0 - level) * fall(plan.at) + size * zigzag, 0.05)
    train = level + (1.0 - level) * fall(plan.within)
    train = train + size * plan.uniform(0.2, 0.6) * _between_points(plan, rng.permutation(zigzag))
    story = Story(
        val=val,
        train=np.maximum(train, 0.05),
        wander=0.01,
        restless=2.0,
        grad_factor=rng.uniform(0.7, 3.0, plan.points),
        trend=size,
        margin=1.0 - level + size / 2,
    )
    return plan, story


def _spiking(rng: Generator) -> tuple[Plan, Story]:
    """Good in between, thrown back to about the guess every second or third point."""
    plan = _plan(rng, rate_kind="brisk", schedules=("constant",), points=(8, 10, 15, 20, 30))
    level = plan.uniform(0.25, 0.6)
    fall = _descent(rng, plan.uniform(0.05, 0.2))
    spikes = np.zeros(plan.points)
    at = int(rng.integers(1, 3))
    while at < plan.points:
        spikes[at] = rng.uniform(0.55, 1.15)
        at += int(rng.integers(2, 4))
    height = spikes * (1.0 - level)
    train = level + (1.0 - level) * fall(plan.within)
    story = Story(
        val=level + (1.0 - level) * fall(plan.at) * (spikes == 0.0) + height,
        train=train + plan.uniform(0.3, 0.6) * height[:, None],
        collapsed=np.asarray(spikes > 1.0),
        wander=0.01,
        restless=2.5,
        grad_factor=1.0 + 3.0 * spikes,
        trend=0.5 * (1.0 - level),
        margin=1.0 - level,
    )
    return plan, story


def _fell_back(rng: Generator) -> tuple[Plan, Story]:
    """Learned, then lost it all at once and never came back."""
    plan = _plan(rng, rate_kind="brisk", schedules=("constant", "linear"), end_fraction=0.3)
    level = plan.uniform(0.2, 0.65)
    event = plan.uniform(0.42, 0.58)
    fall = _descent(rng, plan.uniform(0.1, 0.35))
    jump, decay = plan.uniform(0.0, 0.5), plan.uniform(0.03, 0.08)
    hover = plan.uniform(0.005, 0.03)

    def lost(t: Array) -> Array:
        return 1.0 + jump * np.exp(-np.maximum(t - event, 0.0) / decay)

    def loss(t: Array, height: Array | float) -> Array:
        return np.where(t < event, level + (1.0 - level) * fall(t), lost(t) + height)

    after = plan.at >= event
    story = Story(
        val=loss(plan.at, _hover(plan, hover)),
        train=loss(plan.within, hover),
        collapsed=after,
        weight_factor=np.where(after, plan.uniform(1.5, 4.0), 1.0),
        grad_factor=np.where(after, 0.4, 1.0),
        wander=0.003,
        trend=1.0 - level,
        margin=1.0 - level,
    )
    return plan, story


# Stories of trials: overfitting.


def _memorising_train(plan: Plan, end: float) -> Array:
    """Training loss that goes on falling, faster at the begin of each pass."""
    speed = plan.uniform(1.5, 4.0)
    smooth = (1.0 - np.exp(-speed * plan.within)) / (1.0 - math.exp(-speed))
    stepped = _memory(plan.epochs, plan.within)
    return 1.0 - (1.0 - end) * (0.6 * smooth + 0.4 * stepped)


def _rising(plan: Plan, trough: float) -> Story:
    """The validation loss falls until `trough` and rises until the end."""
    bottom = plan.uniform(0.15, 0.65)
    rise = _log_uniform(plan.rng, 0.15, 1.3)
    fall = _descent(plan.rng, trough)
    climbed = np.clip((plan.at - trough) / (1.0 - trough), 0.0, 1.0)
    if plan.rng.random() < 0.5:  # slower towards the end, as the rate decays
        bend = plan.uniform(0.5, 2.0)
        climbed = (1.0 - np.exp(-bend * climbed)) / (1.0 - math.exp(-bend))
    else:
        climbed = climbed ** plan.uniform(0.8, 1.6)
    val = bottom + (1.0 - bottom) * fall(plan.at) + rise * climbed
    best = _skill(plan, np.minimum.accumulate(val))
    return Story(
        val=val,
        train=_memorising_train(plan, bottom * plan.uniform(0.05, 0.4)),
        skill=best * (1.0 - plan.uniform(0.0, 0.12) * climbed),
        trend=min(rise, 1.0 - bottom),
        margin=1.0 - bottom,
    )


def _overfitting_rising(rng: Generator) -> tuple[Plan, Story]:
    plan = _plan(rng, epochs=(3, 4, 5, 8, 10), train_rows=(300, 8000))
    return plan, _rising(plan, plan.uniform(0.2, 0.5))


def _overfitting_at_once(rng: Generator) -> tuple[Plan, Story]:
    """Best at the first or second point; what came before it was not seen."""
    plan = _plan(rng, epochs=(4, 5, 8, 10), train_rows=(300, 8000))
    return plan, _rising(plan, plan.uniform(0.6, 1.2) / plan.points)


def _memorised(plan: Plan, train: Array) -> Story:
    """The more is known by heart, the worse the surely wrong answers on other rows."""
    excess = _log_uniform(plan.rng, 0.3, 2.0)
    known = _removed(train[:, -1])
    return Story(
        val=1.005 + excess * known ** plan.uniform(1.0, 1.4),
        train=train,
        skill=np.zeros(plan.points),
        wander=0.01,
        trend=excess * float(known[-1]),
        margin=excess * float(known[-1]),
        stays_above=True,
    )


def _few_examples(rng: Generator) -> tuple[Plan, Story]:
    plan = _plan(rng, labels=BALANCED, epochs=(10, 15, 20, 40), train_rows=(40, 300))
    return plan, _memorised(plan, _memorising_train(plan, plan.uniform(0.01, 0.3)))


def _shuffled_often(rng: Generator) -> tuple[Plan, Story]:
    """Labels that have nothing to do with the texts: no progress at first, then by heart."""
    plan = _plan(rng, labels=BALANCED, epochs=(8, 10, 15, 20), train_rows=(200, 3000))
    fall = _logistic_fall(plan.uniform(0.3, 0.6), plan.uniform(0.07, 0.13))
    end = plan.uniform(0.02, 0.4)
    return plan, _memorised(plan, end + (1.0 - end) * fall(plan.within))


# Stories of trials: diverged.


def _blown_up(rng: Generator, event: float) -> tuple[Plan, Story]:
    """From `event` on the losses are many times the guess's, and stay there."""
    plan = _plan(rng, rate_kind="high", schedules=("constant", "linear"), end_fraction=0.3)
    height, drift = _log_uniform(rng, 9.0, 60.0), plan.uniform(0.0, 0.4)
    level = plan.uniform(0.4, 0.9)
    fall = _descent(rng, 0.3)
    factors = rng.uniform(0.8, 1.25, plan.points)
    height = height * np.exp(-drift * np.maximum(plan.at - event, 0.0))  # may come down a little

    def loss(t: Array, tall: Array | float) -> Array:
        return np.where(t < event, level + (1.0 - level) * fall(t), tall)

    after = plan.at >= event
    story = Story(
        val=loss(plan.at, height * rng.permutation(factors)),
        train=loss(plan.within, (height * factors)[:, None]),
        collapsed=after,
        weight_factor=np.where(after, plan.uniform(2.0, 10.0), 1.0),
        grad_factor=np.where(after, plan.uniform(5.0, 100.0), 1.0),
        wander=0.01,
        restless=2.0,
        training={"clip_norm": None} if rng.random() < 0.5 else {},
    )
    return plan, story


def _blown_up_early(rng: Generator) -> tuple[Plan, Story]:
    return _blown_up(rng, float(rng.uniform(0.01, 0.15)))


def _blown_up_late(rng: Generator) -> tuple[Plan, Story]:
    return _blown_up(rng, float(rng.uniform(0.3, 0.6)))


def _before_the_break(rng: Generator) -> tuple[Plan, Story]:
    """Good steps, for a figure to break in."""
    plan = _plan(rng, rate_kind="brisk")
    story = _levelling(plan, plan.uniform(0.2, 0.7), 0.0, plan.uniform(0.3, 0.9))
    return plan, replace(story, trend=None, margin=None)


def _poison(plan: Plan, report: Report, *, train: bool = True) -> Report:
    """What is left of a report when weights are NaN: one label, no loss."""
    nan = math.nan
    chance = plan.labels.guess.accuracy
    changed: dict[str, Any] = {}
    if train:
        changed = {"train_loss": nan, "train_loss_std": nan, "train_loss_max": nan}
    return replace(
        report,
        **changed,
        grad_norm=nan,
        weight_change=nan,
        val_loss=nan,
        majority_share=1.0,
        metrics={
            "val_accuracy": chance,
            "val_macro_f1": plan.labels.one_label_f1,
            "val_mcc": 0.0,
        },
        fixed=replace(
            report.fixed,
            loss=nan,
            loss_error=nan,
            accuracy=chance,
            mcc=0.0,
            majority_share=1.0,
        ),
    )


def _break_from(rng: Generator, reports: Sequence[Report]) -> int:
    """Index of the report where it breaks; two are good before it."""
    return int(rng.integers(2, len(reports)))


def _all_nan(plan: Plan, reports: tuple[Report, ...]) -> tuple[Report, ...]:
    """NaN from some point on; half of the trials end there."""
    at = _break_from(plan.rng, reports)
    broken = [_poison(plan, report) for report in reports[at:]]
    if plan.rng.random() < 0.5:
        broken = broken[:1]
    return (*reports[:at], *broken)


def _nan_at_last_update(plan: Plan, reports: tuple[Report, ...]) -> tuple[Report, ...]:
    """The last update before a point broke the weights: the training loss is still finite."""
    at = _break_from(plan.rng, reports)
    return (*reports[:at], _poison(plan, reports[at], train=False))


def _infinite_training(plan: Plan, reports: tuple[Report, ...]) -> tuple[Report, ...]:
    """The loss of one update overflowed; the model may have gone on."""
    at = _break_from(plan.rng, reports)
    broken = replace(
        reports[at], train_loss=math.inf, train_loss_std=math.nan, train_loss_max=math.inf
    )
    after = reports[at + 1 :] if plan.rng.random() < 0.5 else ()
    return (*reports[:at], broken, *after)


def _infinite_validation(plan: Plan, reports: tuple[Report, ...]) -> tuple[Report, ...]:
    """The loss of one validation row overflowed."""
    at = _break_from(plan.rng, reports)
    fixed = replace(reports[at].fixed, loss=math.inf, loss_error=math.nan)
    return (
        *reports[:at],
        replace(reports[at], val_loss=math.inf, fixed=fixed),
        *reports[at + 1 :],
    )


# From a story to reports


def _row_spread(loss: Array, confidence: Array) -> Array:
    """Standard deviation of the losses of rows, as far as learning makes them differ.

    Of a sure model with a mean loss of 0.3 nats they have one of about 0.65.
    """
    return 1.2 * np.sqrt(loss) * confidence


def _confidence(story: Story) -> Array:
    """0: the answers of a constant guess, 1: sure of each row."""
    train = story.train[:, -1]
    confidence = np.sqrt(np.clip(np.abs(1.0 - train), 0.005, 1.0))
    return confidence if story.collapsed is None else np.where(story.collapsed, 0.0, confidence)


def _clipped_normal(rng: Generator, size: int, limit: float) -> Array:
    return np.clip(rng.normal(size=size), -limit, limit)


def _disturbed(loss: Array, error: Array) -> Array:
    """The loss with the error added; never below 0, as downward errors of a small loss are."""
    share = error / loss
    return loss * np.where(share < 0.0, np.exp(np.minimum(share, 0.0)), 1.0 + share)


@dataclass(frozen=True, kw_only=True)
class _Scores:
    """Scores on a set of rows, one for each point."""

    loss: Array
    error: Array
    accuracy: Array
    mcc: Array
    majority: Array
    macro_f1: Array


def _majority(plan: Plan, skill: Array, collapsed: NDArray[np.bool_]) -> Array:
    """Share of the most frequent prediction: lopsided at first, as the labels are once learned."""
    lean = plan.uniform(0.2, 0.9) * (1.0 - skill) ** 2
    lean = np.clip(lean + np.abs(plan.rng.normal(0.0, 0.01, plan.points)), 0.0, 0.97)
    most = plan.labels.guess.accuracy
    return np.where(collapsed, 1.0, most + (1.0 - most) * lean)


def _accuracy(plan: Plan, skill: Array, majority: Array, rows: int, offset: float) -> Array:
    """Accuracy on `rows` rows, in whole rows."""
    most = plan.labels.guess.accuracy
    true = most + (1.0 - most) * skill**plan.labels.accuracy_exponent
    # Few predictions of other labels: few rows on which luck decides.
    luck = np.minimum(1.0, 2.0 * (1.0 - majority) / (1.0 - most))
    error = np.sqrt(true * (1.0 - true) / rows) * luck
    fresh = plan.fresh * _clipped_normal(plan.rng, plan.points, 2.5)
    return np.round(np.clip(true + error * (offset + fresh), 0.0, 1.0) * rows) / rows


def _scores(plan: Plan, story: Story, rows: int, offsets: tuple[float, float]) -> _Scores:
    """What evaluating `rows` rows tells; `offsets` are the errors that all points share."""
    rng, labels = plan.rng, plan.labels
    collapsed = np.zeros(plan.points, bool) if story.collapsed is None else story.collapsed
    confidence = _confidence(story)
    nats = story.val * labels.guess.loss
    spread = _row_spread(nats, confidence)
    shaken = story.wander * labels.guess.loss * _clipped_normal(rng, plan.points, 2.5)
    fresh = plan.fresh * _clipped_normal(rng, plan.points, 2.5)
    loss = _disturbed(nats, shaken + spread / math.sqrt(rows) * (offsets[0] + fresh))
    skill = _skill(plan, story.val) if story.skill is None else story.skill
    skill = np.where(collapsed, 0.0, skill)
    majority = _majority(plan, skill, collapsed)
    accuracy = _accuracy(plan, skill, majority, rows, offsets[1])
    most = labels.guess.accuracy
    lead = (accuracy - most) / (1.0 - most)
    mcc = np.sign(lead) * np.abs(lead) ** (1.0 / labels.accuracy_exponent)
    mcc = np.where(collapsed, 0.0, np.clip(mcc, -1.0, 1.0))
    spread_out = 1.0 / len(labels.frequencies)
    base = spread_out + (labels.one_label_f1 - spread_out) * (majority - most) / (1.0 - most)
    guess_spread = labels.guess_spread * np.sqrt(1.0 - confidence**2)
    # Where one label is predicted at all rows, too surely or for the wrong label, the losses of
    # the labels lie apart by the root of twice what that costs.
    apart = np.sqrt(2.0 * np.maximum(nats - labels.guess.loss, 1e-4)) * collapsed
    return _Scores(
        loss=loss,
        error=np.sqrt(spread**2 + guess_spread**2 + apart**2) / math.sqrt(rows),
        accuracy=accuracy,
        mcc=mcc,
        majority=majority,
        macro_f1=np.clip(base + (1.0 - base) * np.maximum(mcc, 0.0), 0.0, 1.0),
    )


def _offsets(plan: Plan) -> tuple[tuple[float, float], tuple[float, float]]:
    """Errors of loss and accuracy shared by all points: of the fixed rows, and of all rows.

    A lucky draw of rows is lucky in both, mostly; and the fixed rows are among all rows.
    """
    loss, other = _clipped_normal(plan.rng, 2, 2.0)
    fixed = (float(loss), float(-0.7 * loss + 0.7 * other))
    shared = math.sqrt(plan.rows / plan.all_rows)
    new = math.sqrt(1.0 - plan.rows / plan.all_rows) * _clipped_normal(plan.rng, 2, 2.0)
    return fixed, (shared * fixed[0] + float(new[0]), shared * fixed[1] + float(new[1]))


@dataclass(frozen=True, kw_only=True)
class _Training:
    """Figures of training, one for each point."""

    loss: Array
    std: Array
    largest: Array
    rate: Array
    grad_norm: Array
    weight_change: Array


def _training(plan: Plan, story: Story) -> _Training:
    rng, guess = plan.rng, plan.labels.guess.loss
    nats = story.train * guess
    updates = max(1.0, plan.total_updates / plan.points)
    rows = _row_spread(nats.mean(axis=1), _confidence(story))
    rows = np.sqrt(rows**2 + plan.labels.guess_spread**2 * (1.0 - _confidence(story) ** 2))
    noise = story.restless * np.maximum(rows, 0.02 * guess) / math.sqrt(plan.batch)
    std = np.sqrt(noise**2 + nats.var(axis=1))
    luck = noise / math.sqrt(updates) * _clipped_normal(rng, plan.points, 2.5)
    loss = _disturbed(nats.mean(axis=1), luck)
    # The largest of n draws from a normal distribution is about sqrt(2 ln n) deviations up.
    reach = math.sqrt(2.0 * math.log(updates + 1.0)) * rng.uniform(0.9, 1.3, plan.points)
    rate_share = _rate_share(plan.schedule, plan.at - 1.0 / plan.total_updates)
    pushed = np.cumsum(_rate_share(plan.schedule, plan.within).mean(axis=1)) / plan.points
    change = _log_uniform(rng, *WEIGHT_CHANGES[plan.rate_kind])
    change = change * (pushed / pushed[-1]) ** plan.uniform(0.5, 0.8)
    steep = plan.uniform(2.0, 8.0) * (0.15 + np.minimum(story.train.mean(axis=1), 1.5))
    steep = steep * rng.lognormal(0.0, 0.15, plan.points)
    return _Training(
        loss=loss,
        std=std * rng.uniform(0.85, 1.15, plan.points),
        largest=np.maximum(nats.max(axis=1), loss + reach * std),
        rate=plan.rate * rate_share,
        grad_norm=steep if story.grad_factor is None else steep * story.grad_factor,
        weight_change=change if story.weight_factor is None else change * story.weight_factor,
    )


def _reports(plan: Plan, story: Story) -> tuple[Report, ...]:
    """Measures the story as a worker would."""
    fixed_offsets, all_offsets = _offsets(plan)
    fixed = _scores(plan, story, plan.rows, fixed_offsets)
    whole = fixed
    if plan.all_rows > plan.rows:
        whole = _scores(plan, story, plan.all_rows, all_offsets)
    training = _training(plan, story)
    speed = plan.uniform(30.0, 900.0)
    padding = plan.uniform(0.01, 0.15)
    memory = round(plan.uniform(2e9, 2e10))
    per_point = plan.total_examples / plan.points
    made = []
    for index in range(plan.seen):
        final = index + 1 == plan.points
        scores = whole if final else fixed
        examples = plan.all_rows if final else plan.rows
        report = Report(
            point=index + 1,
            points=plan.points,
            final=final,
            examples_seen=round(per_point * (index + 1)),
            total_examples=plan.total_examples,
            updates=round(plan.total_updates * (index + 1) / plan.points),
            skipped_updates=0,
            train_loss=float(training.loss[index]),
            train_loss_std=float(training.std[index]),
            train_loss_max=float(training.largest[index]),
            learning_rate=float(training.rate[index]),
            grad_norm=float(training.grad_norm[index]),
            weight_change=float(training.weight_change[index]),
            val_loss=float(scores.loss[index]),
            metrics={
                "val_accuracy": float(scores.accuracy[index]),
                "val_macro_f1": float(scores.macro_f1[index]),
                "val_mcc": float(scores.mcc[index]),
            },
            majority_share=float(scores.majority[index]),
            validation_examples=examples,
            fixed=FixedRows(
                examples=plan.rows,
                loss=float(fixed.loss[index]),
                loss_error=float(fixed.error[index]),
                accuracy=float(fixed.accuracy[index]),
                mcc=float(fixed.mcc[index]),
                majority_share=float(fixed.majority[index]),
            ),
            examples_per_second=speed * float(plan.rng.uniform(0.95, 1.02)),
            padding_fraction=padding,
            peak_memory_bytes=memory,
            seconds_training=per_point / speed,
            seconds_evaluating=examples / speed / 3.0,
        )
        made.append(report)
    return tuple(made)


def _is_clear(plan: Plan, story: Story) -> bool:
    """Whether what makes the case stands out of this trial's noise."""
    guess = plan.labels.guess.loss
    spread = _row_spread(story.val * guess, _confidence(story))
    spread = float(spread[: plan.seen].max())
    to_share = 1.0 / math.sqrt(plan.rows) / guess
    step = math.hypot(plan.fresh * spread * to_share, story.wander)
    error = max(spread, plan.labels.guess_spread) * to_share
    trend_shows = story.trend is None or story.trend >= TREND_ERRORS * step
    return trend_shows and (story.margin is None or story.margin >= MARGIN_ERRORS * error)


def _keeps_above(plan: Plan, reports: Sequence[Report]) -> bool:
    """Whether no point seems to beat the guess, but for what chance gives."""
    guess = plan.labels.guess.loss
    return all(
        report.fixed.loss >= guess - max(report.fixed.loss_error, 0.005 * guess)
        for report in reports
    )


Maker = Callable[[Generator], tuple[Plan, Story]]
Breaker = Callable[[Plan, tuple[Report, ...]], tuple[Report, ...]]


def _cut_to(count: int) -> Breaker:
    return lambda _, reports: reports[:count]


def _anything(rng: Generator) -> tuple[Plan, Story]:
    """Any story: too early to say which."""
    makers = (
        _converged_ordinary,
        _improving_slow,
        _plateaued_early,
        _collapsed,
        _overfitting_rising,
        _swinging,
    )
    return _pick(rng, makers)(rng)


KINDS: Mapping[Convergence, Mapping[str, tuple[Maker, Breaker | None]]] = {
    Convergence.CONVERGED: {
        "easy data": (_converged_easy, None),
        "ordinary data": (_converged_ordinary, None),
        "hard data": (_converged_hard, None),
    },
    Convergence.IMPROVING: {
        "slow": (_improving_slow, None),
        "late start": (_improving_late, None),
        "cut off": (_improving_cut_off, None),
    },
    Convergence.PLATEAUED: {
        "early": (_plateaued_early, None),
        "gradual": (_plateaued_gradual, None),
        "frozen encoder": (_plateaued_frozen, None),
    },
    Convergence.NOT_LEARNING: {
        "rate too low": (_rate_too_low, None),
        "collapsed": (_collapsed, None),
        "degenerate": (_degenerate, None),
        "imbalanced": (_majority_only, None),
        "shuffled, one pass": (_shuffled_once, None),
    },
    Convergence.OSCILLATING: {
        "swinging": (_swinging, None),
        "spiking": (_spiking, None),
        "fell back": (_fell_back, None),
    },
    Convergence.OVERFITTING: {
        "rising": (_overfitting_rising, None),
        "rising at once": (_overfitting_at_once, None),
        "memorised, few examples": (_few_examples, None),
        "memorised, shuffled": (_shuffled_often, None),
    },
    Convergence.DIVERGED: {
        "NaN": (_before_the_break, _all_nan),
        "NaN at the last update": (_before_the_break, _nan_at_last_update),
        "infinite training loss": (_before_the_break, _infinite_training),
        "infinite validation loss": (_before_the_break, _infinite_validation),
        "blown up early": (_blown_up_early, None),
        "blown up late": (_blown_up_late, None),
    },
    Convergence.UNDETERMINED: {
        "no report": (_anything, _cut_to(0)),
        "one report": (_anything, _cut_to(1)),
        "two reports": (_anything, _cut_to(2)),
    },
}
"""How each variety of each status is made: a story, and what is then done to its reports."""


def _curve(status: Convergence, kind: str, rng: Generator) -> Curve:
    """Draws until the case is clear."""
    maker, breaker = KINDS[status][kind]
    while True:
        plan, story = maker(rng)
        if not _is_clear(plan, story):
            continue
        reports = _reports(plan, story)
        if story.stays_above and not _keeps_above(plan, reports):
            continue
        return Curve(
            status=status,
            kind=kind,
            reports=reports if breaker is None else breaker(plan, reports),
            guess=plan.labels.guess,
            settings=_settings(plan, story),
        )


def generate(seed: int = 0, per_status: int = 60) -> list[Curve]:
    """Labelled curves, the kinds of a status in turn.

    Args:
        seed: Decides every curve; a curve does not depend on `per_status`.
        per_status: Curves for each of the eight statuses.
    """
    curves = []
    for place, (status, kinds) in enumerate(KINDS.items()):
        names = tuple(kinds)
        for index in range(per_status):
            rng = np.random.default_rng([seed, place, index])
            curves.append(_curve(status, names[index % len(names)], rng))
    return curves
