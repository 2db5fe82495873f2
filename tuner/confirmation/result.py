"""Result of the repeats: the configurations by their means, and the search's optimism."""

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from tuner.confirmation.estimate import Estimate, Scores, deviation, difference, estimate
from tuner.confirmation.final_evaluation import FinalEvaluation
from tuner.confirmation.plan import CONFIRMS, SEED
from tuner.search.goals import Goals
from tuner.search.ranking import is_usable
from tuner.settings.objectives import sign as sign_of
from tuner.tasks import Direction
from tuner.trial.records import Convergence, TrialOutcome, TrialState

DRAWS = 4000
"""Number of bootstrap draws; their noise is then below 2 % of a mean's standard error."""

UNSTABLE_STOPS = ("diverged", "not_learning")
"""Reasons to stop a repeat that show a configuration as unstable."""


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """A configuration that was repeated with new seeds."""

    trial: int
    """Number of the search's trial that found it."""
    promised: float
    """Objective in that trial."""
    scores: Mapping[int, float]
    """Seed to the objective of the completed repeats."""
    estimate: Estimate
    """Estimate of their mean."""
    broken: int
    """Number of repeats without a score that diverged, were stopped as not learning or missed a
    constraint.
    """
    raced_out: bool
    """True if it was dropped because it could no longer win."""
    not_learning: int = 0
    """Number of repeats that completed without beating the constant guess; their scores count."""

    @property
    def unsound(self) -> int:
        """Number of repeats that show the configuration as unstable."""
        return self.broken + self.not_learning

    def seeds_by_score(self, direction: Direction) -> tuple[int, ...]:
        """Return the seeds of the completed repeats, best first; ties are in order of seeds.

        Args:
            direction: Direction of the objective.
        """
        better = sign_of(direction)
        return tuple(sorted(self.scores, key=lambda seed: (-better * self.scores[seed], seed)))


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """Result of a confirmation."""

    configurations: tuple[Configuration, ...]
    """Configurations by rank, stable ones first, then by the mean."""
    seeds: int
    """Number of repeats wanted of each."""
    luck: float
    """Expected excess of the best mean over its true mean, as the best of several noisy means."""
    lead: Estimate | None
    """Advantage of the first over the second, over their common seeds; None without a second or a
    common seed.
    """
    optimism: float | None
    """Excess of the search's best objective over what its configuration reached again; None if no
    repeat of it completed.
    """
    final_evaluation: FinalEvaluation | None = None
    """Scores on the test rows, of this best or of an earlier one; None before the first
    evaluation.
    """
    leaders: tuple[int, ...] = ()
    """Trials that were to be confirmed; empty in a study of an earlier version."""

    @property
    def best(self) -> Configuration:
        """Confirmed best configuration."""
        return self.configurations[0]

    def of(self, trial: int) -> Configuration | None:
        """Return the result of a trial's configuration; None if it was not repeated."""
        return next((each for each in self.configurations if each.trial == trial), None)

    def corrected(self, goals: Goals) -> float:
        """Return the best mean without the expected excess of its selection.

        Args:
            goals: Goals of the study.
        """
        mean = self.best.estimate.mean - sign_of(goals.direction) * self.luck
        return goals.range.clip(mean)


def confirmation(
    leaders: Sequence[TrialOutcome],
    repeats: Sequence[TrialOutcome],
    goals: Goals,
    seeds: int,
) -> Confirmation | None:
    """Evaluate the repeats.

    Args:
        leaders: Trials that were to be confirmed, best first.
        repeats: Outcomes of their repeats, and perhaps of others.
        goals: Goals of the study.
        seeds: Number of repeats wanted of each.

    Returns:
        None if no repeat completed.
    """
    sign = sign_of(goals.direction)
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
    return with_intervals(made, goals)


def with_intervals(found: Confirmation, goals: Goals) -> Confirmation:
    """Return a confirmation with all intervals computed from its scores.

    Older versions stored intervals that reach beyond the metric's range.

    Args:
        found: Stored confirmation.
        goals: Goals of the study.
    """
    sign, bounds = sign_of(goals.direction), goals.range
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
    """Return the expected excess of the largest mean over its own true mean.

    This is the parametric bootstrap of the bias (Efron & Tibshirani 1993, chapter 10): the
    observed means stand for the true ones, all means are drawn again with their standard errors
    (from the deviation pooled over all repeats), and the largest is compared with its true one.
    Observed means differ more than true ones, so the result is too small rather than too large.

    Args:
        scores: Trial to seed to the objective, larger is better.

    Returns:
        Excess in the metric's unit, 0 or more; 0 for one configuration or without repeats.
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
    """Return trial to seed to the objective of its repeat; larger is better for every metric."""
    found: dict[int, dict[int, float]] = {}
    for outcome in repeats:
        if is_usable(outcome) and outcome.value is not None:
            trial, seed = repeat_key(outcome)
            found.setdefault(trial, {})[seed] = sign_of(way) * outcome.value
    return found


def repeat_key(repeat: TrialOutcome) -> tuple[int, int]:
    """Return the trial that a repeat confirms, and its seed."""
    return int(str(repeat.parameters[CONFIRMS])), int(str(repeat.parameters[SEED]))


def is_raced_out(repeat: TrialOutcome) -> bool:
    """Return True if a repeat was stopped, or never begun, because it could not win."""
    return repeat.state is TrialState.PRUNED and repeat.stopped_by == "pruner"


def _configuration(leader: TrialOutcome, repeats: Sequence[TrialOutcome]) -> Configuration | None:
    own = [repeat for repeat in repeats if repeat_key(repeat)[0] == leader.number]
    usable = [repeat for repeat in own if is_usable(repeat)]
    scores = {repeat_key(each)[1]: each.value for each in usable if each.value is not None}
    if not scores or leader.value is None:
        return None
    return Configuration(
        trial=leader.number,
        promised=leader.value,
        scores=dict(sorted(scores.items())),
        estimate=estimate(list(scores.values())),
        broken=sum(repeat.stopped_by in UNSTABLE_STOPS or bool(repeat.violated) for repeat in own),
        raced_out=any(map(is_raced_out, own)),
        not_learning=sum(map(_learned_nothing, usable)),
    )


def _learned_nothing(repeat: TrialOutcome) -> bool:
    status = repeat.diagnosis.status if repeat.diagnosis else None
    return status is Convergence.NOT_LEARNING


def _optimism(first: Configuration, leader: TrialOutcome, sign: float) -> float | None:
    if first.trial != leader.number:
        return None  # The leader's own repeats did not complete.
    return sign * (first.promised - first.estimate.mean)


def _signed(scores: Scores, sign: float) -> Scores:
    return {
        number: {seed: sign * value for seed, value in found.items()}
        for number, found in scores.items()
    }
