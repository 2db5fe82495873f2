"""What the repeats say: the configurations by their means, and what the search promised."""

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from tuner.confirmation.estimate import Estimate, Scores, deviation, difference, estimate
from tuner.confirmation.final_evaluation import FinalEvaluation
from tuner.confirmation.plan import CONFIRMS, SEED
from tuner.search.ranking import is_usable
from tuner.settings.objectives import Direction, direction, range_of
from tuner.settings.objectives import sign as turn
from tuner.trial.records import Convergence, TrialOutcome, TrialState

DRAWS = 4000
"""Of the bootstrap; their own noise is then below 2 % of a mean's standard error."""

BROKEN = ("diverged", "not_learning")
"""What ends a repeat of a configuration that does not bear every seed."""


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """One configuration, trained again with new seeds."""

    trial: int
    """Number of the search's trial that found it."""
    promised: float
    """The objective that it had there."""
    scores: Mapping[int, float]
    """Seed to the objective of the repeats that completed."""
    estimate: Estimate
    """Of them."""
    broken: int
    """Repeats without a score that diverged, were stopped as not learning or missed a constraint.
    """
    raced_out: bool
    """It was shown that it could no longer win, and repeated no more."""
    not_learning: int = 0
    """Repeats that completed without beating the constant guess. Their scores are in the mean."""

    @property
    def unsound(self) -> int:
        """Number of repeats that show that the configuration does not bear every seed."""
        return self.broken + self.not_learning


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """How a confirmation ended."""

    configurations: tuple[Configuration, ...]
    """By rank: what bears every seed first, then by the mean."""
    seeds: int
    """Repeats wanted of each."""
    luck: float
    """By how much the best one's mean is better than its true mean, as to be expected of the best
    of several noisy means.
    """
    lead: Estimate | None
    """By how much the first is better than the second, over the seeds of both; None without a
    second or a common seed.
    """
    optimism: float | None
    """By how much the search's best trial was better than what its configuration reached again;
    None where it reached nothing.
    """
    final_evaluation: FinalEvaluation | None = None
    """Scores on the test rows, of this best or of an earlier one; None before the first
    evaluation.
    """
    leaders: tuple[int, ...] = ()
    """Trials that were to be confirmed; empty in a study of an earlier version."""

    @property
    def best(self) -> Configuration:
        """The confirmed best."""
        return self.configurations[0]

    def of(self, trial: int) -> Configuration | None:
        """What a trial's configuration reached; None where it was not repeated."""
        return next((each for each in self.configurations if each.trial == trial), None)

    def corrected(self, objective: str) -> float:
        """The best one's mean without the luck of having been picked.

        Args:
            objective: Metric name.
        """
        mean = self.best.estimate.mean - turn(direction(objective)) * self.luck
        return range_of(objective).clip(mean)


def confirmation(
    leaders: Sequence[TrialOutcome],
    repeats: Sequence[TrialOutcome],
    objective: str,
    seeds: int,
) -> Confirmation | None:
    """Reads the repeats.

    Args:
        leaders: The trials that were to be confirmed, the best first.
        repeats: Of their configurations, and perhaps of others.
        objective: Metric name.
        seeds: Repeats wanted of each.

    Returns:
        None where no repeat completed.
    """
    sign = turn(direction(objective))
    found = [_configuration(leader, repeats) for leader in leaders]
    scored = [each for each in found if each is not None]
    if not scored:
        return None
    order = sorted(
        scored, key=lambda each: (each.raced_out, each.unsound, -sign * each.estimate.mean)
    )
    better = _signed({each.trial: each.scores for each in order}, sign)
    made = Confirmation(
        configurations=tuple(order),
        seeds=seeds,
        luck=luck(better),
        lead=None,
        optimism=_optimism(scored[0], leaders[0], sign),
        leaders=tuple(leader.number for leader in leaders),
    )
    return with_intervals(made, objective)


def with_intervals(found: Confirmation, objective: str) -> Confirmation:
    """A confirmation with all intervals computed from its scores.

    Older versions stored intervals that reach beyond the metric's range.

    Args:
        found: The confirmation.
        objective: Metric name.
    """
    sign, bounds = turn(direction(objective)), range_of(objective)
    better = _signed({each.trial: each.scores for each in found.configurations}, sign)
    spread = deviation(better)
    configurations = tuple(
        replace(each, estimate=estimate(list(each.scores.values()), bounds=bounds, spread=spread))
        for each in found.configurations
    )
    first, *others = configurations
    lead = difference(better, first.trial, others[0].trial, bounds=bounds) if others else None
    return replace(found, configurations=configurations, lead=lead)


def luck(scores: Scores) -> float:
    """By how much the largest mean is expected to exceed the true mean of what it belongs to.

    Parametric bootstrap of the bias (Efron & Tibshirani 1993, chapter 10): the means seen stand
    for the true ones, all means are drawn again with their standard errors (from the deviation
    pooled over all repeats), and the largest is compared with what stands behind it. Means that
    were seen lie wider apart than true ones, so that this is rather too little than too much.

    Args:
        scores: Trial to seed to the objective, larger is better.

    Returns:
        In the metric's unit, 0 or more; 0 for a single configuration or without repeats.
    """
    within = deviation(scores).deviation
    means = [(fmean(found.values()), within / math.sqrt(len(found))) for found in scores.values()]
    if len(means) < 2 or within == 0.0:  # noqa: PLR2004
        return 0.0
    draw = random.Random(0)  # noqa: S311
    excess = 0.0
    for _ in range(DRAWS):
        drawn = [(draw.gauss(mean, error), mean) for mean, error in means]
        seen, true = max(drawn)
        excess += seen - true
    return max(0.0, excess / DRAWS)


def scores_of(repeats: Iterable[TrialOutcome], way: Direction) -> dict[int, dict[int, float]]:
    """Trial to seed to the objective of its repeat; larger is better, whatever the metric."""
    found: dict[int, dict[int, float]] = {}
    for outcome in repeats:
        if is_usable(outcome) and outcome.value is not None:
            trial, seed = origin(outcome)
            found.setdefault(trial, {})[seed] = turn(way) * outcome.value
    return found


def origin(repeat: TrialOutcome) -> tuple[int, int]:
    """The trial that a repeat confirms, and its seed."""
    return int(str(repeat.parameters[CONFIRMS])), int(str(repeat.parameters[SEED]))


def is_raced_out(repeat: TrialOutcome) -> bool:
    """Whether a repeat was stopped, or never begun, because its configuration could not win."""
    return repeat.state is TrialState.PRUNED and repeat.stopped_by == "pruner"


def _configuration(leader: TrialOutcome, repeats: Sequence[TrialOutcome]) -> Configuration | None:
    own = [repeat for repeat in repeats if origin(repeat)[0] == leader.number]
    usable = [repeat for repeat in own if is_usable(repeat)]
    scores = {origin(each)[1]: each.value for each in usable if each.value is not None}
    if not scores or leader.value is None:
        return None
    return Configuration(
        trial=leader.number,
        promised=leader.value,
        scores=dict(sorted(scores.items())),
        estimate=estimate(list(scores.values())),
        broken=sum(repeat.stopped_by in BROKEN or bool(repeat.violated) for repeat in own),
        raced_out=any(map(is_raced_out, own)),
        not_learning=sum(map(_learned_nothing, usable)),
    )


def _learned_nothing(repeat: TrialOutcome) -> bool:
    status = repeat.diagnosis.status if repeat.diagnosis else None
    return status is Convergence.NOT_LEARNING


def _optimism(first: Configuration, leader: TrialOutcome, sign: float) -> float | None:
    if first.trial != leader.number:
        return None  # The leader's own reached nothing.
    return sign * (first.promised - first.estimate.mean)


def _signed(scores: Scores, sign: float) -> Scores:
    return {
        number: {seed: sign * value for seed, value in found.items()}
        for number, found in scores.items()
    }
