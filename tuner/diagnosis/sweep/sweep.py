"""The reading of a whole sweep, from how its trials ended."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tuner.diagnosis.sweep.edges import Edge, edges
from tuner.diagnosis.sweep.noise import Noise, noise
from tuner.diagnosis.sweep.separation import Separation, is_number, separations
from tuner.search.goals import Goals
from tuner.search.ranking import best, ranked
from tuner.search.space import SearchSpace
from tuner.trial.records import Convergence, TrialOutcome, TrialState

EPOCHS = "training.epochs"


@dataclass(frozen=True, kw_only=True)
class ShortBudget:
    """Too many trials were still getting better when their budget ended."""

    improving: int
    """Trials that were, of those that ran to the end of their budget."""
    ended: int
    """Those that ran to it."""
    best: bool
    """The best trial was one of them."""
    epochs: float
    """What to try, twice what they had."""


@dataclass(frozen=True, kw_only=True)
class SweepReading:
    """What a sweep says as a whole."""

    statuses: Mapping[Convergence, int]
    """Convergence status to how many trials ended in it, those of none left out."""
    separations: tuple[Separation, ...]
    """Statuses that values of a key went with."""
    edges: tuple[Edge, ...]
    """Keys whose best value lies at the edge of the space."""
    budget: ShortBudget | None
    """Whether the budget was too short; None where it was not."""
    importances: Mapping[str, float]
    """Searched key to its share in what the objective depends on, largest first."""
    noise: Noise | None
    """Which completed trials cannot be told from the best; None where not known, or where there
    are several objectives.
    """
    completed: int
    """Completed trials."""


def read_sweep(
    outcomes: Sequence[TrialOutcome],
    *,
    space: SearchSpace,
    goals: Goals,
    importances: Mapping[str, float],
    epochs: float,
) -> SweepReading:
    """Reads a sweep.

    Args:
        outcomes: How the trials of the whole study ended, in any order.
        space: What was searched.
        goals: What the sweep was run for; of several objectives the first is read.
        importances: Searched key to its share, over the completed trials.
        epochs: `training.epochs` of the untuned default, in passes over the data.
    """
    better = goals.direction
    ordered = ranked(outcomes, better)
    counted = Counter(o.diagnosis.status for o in ordered if o.diagnosis is not None)
    return SweepReading(
        statuses={status: counted[status] for status in Convergence if counted[status]},
        separations=tuple(separations(ordered, space)),
        edges=() if goals.several else tuple(edges(ordered, space, better)),
        budget=_short_budget(ordered, None if goals.several else best(ordered, better), epochs),
        importances=dict(sorted(importances.items(), key=lambda item: (-item[1], item[0]))),
        noise=None if goals.several else noise(ordered, goals.objective, better),
        completed=sum(outcome.state is TrialState.COMPLETE for outcome in ordered),
    )


def _short_budget(
    outcomes: Sequence[TrialOutcome], winner: TrialOutcome | None, epochs: float
) -> ShortBudget | None:
    """Too short for more than half of the trials that ran to its end, or for the best one."""
    ended = [outcome for outcome in outcomes if _ran_to_the_end(outcome)]
    improving = [outcome for outcome in ended if _is_improving(outcome)]
    is_best = any(outcome is winner for outcome in improving)
    if not is_best and 2 * len(improving) <= len(ended):
        return None
    given = (outcome.parameters.get(EPOCHS, epochs) for outcome in improving)
    return ShortBudget(
        improving=len(improving),
        ended=len(ended),
        best=is_best,
        epochs=2 * max(filter(is_number, given), default=epochs),
    )


def _ran_to_the_end(outcome: TrialOutcome) -> bool:
    last = outcome.last
    return outcome.state is TrialState.COMPLETE and last is not None and last.point == last.points


def _is_improving(outcome: TrialOutcome) -> bool:
    return outcome.diagnosis is not None and outcome.diagnosis.status is Convergence.IMPROVING
