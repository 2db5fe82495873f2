"""Analysis of a whole sweep from its trials' outcomes."""

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
    """A budget that ended while too many trials were still improving."""

    improving: int
    """Number of trials that were still improving at the end of their budget."""
    ended: int
    """Number of trials that ran to the end of their budget."""
    best: bool
    """True if the best trial was still improving."""
    epochs: float
    """Epochs to try, twice the present ones."""


@dataclass(frozen=True, kw_only=True)
class SweepReading:
    """Analysis of a whole sweep."""

    statuses: Mapping[Convergence, int]
    """Convergence status to its number of trials, without zeros."""
    separations: tuple[Separation, ...]
    """Statuses that are associated with values of a key."""
    edges: tuple[Edge, ...]
    """Keys whose best value lies at the edge of the space."""
    budget: ShortBudget | None
    """Finding that the budget was too short; None if it was not."""
    importances: Mapping[str, float]
    """Searched key to its share of the objective's variation, largest first."""
    noise: Noise | None
    """Completed trials that cannot be distinguished from the best; None if unknown, or with
    several objectives.
    """
    completed: int
    """Number of completed trials."""


def read_sweep(
    outcomes: Sequence[TrialOutcome],
    *,
    space: SearchSpace,
    goals: Goals,
    importances: Mapping[str, float],
    epochs: float,
) -> SweepReading:
    """Analyse a sweep.

    Args:
        outcomes: Outcomes of all trials of the study, in any order.
        space: Search space of the sweep.
        goals: Goals of the sweep; of several objectives only the first is analysed.
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
        noise=None if goals.several else noise(ordered, goals),
        completed=sum(outcome.state is TrialState.COMPLETE for outcome in ordered),
    )


def _short_budget(
    outcomes: Sequence[TrialOutcome], winner: TrialOutcome | None, epochs: float
) -> ShortBudget | None:
    """Find a budget too short for most trials that used it up, or for the best one."""
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
