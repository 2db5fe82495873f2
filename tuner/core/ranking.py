"""Which trial is best, and in which order they stand."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

from tuner.core.trial import TrialOutcome, TrialState

Direction = Literal["minimize", "maximize"]

_ORDER = list(TrialState)


def ranked(outcomes: Iterable[TrialOutcome], direction: Direction) -> list[TrialOutcome]:
    """Completed trials by their objective, then the others by how they ended and their number.

    Those that miss a constraint come after the completed ones that meet all.
    """
    sign = -1.0 if direction == "maximize" else 1.0

    def key(outcome: TrialOutcome) -> tuple[int, bool, float, int]:
        value = 0.0 if outcome.value is None else sign * outcome.value
        return _ORDER.index(outcome.state), bool(outcome.violated), value, outcome.number

    return sorted(outcomes, key=key)


def best(outcomes: Iterable[TrialOutcome], direction: Direction) -> TrialOutcome | None:
    """The usable trial with the best objective, the earlier one of equals; None without."""
    return next((each for each in ranked(outcomes, direction) if is_usable(each)), None)


def is_usable(outcome: TrialOutcome) -> bool:
    """Whether a trial completed and meets the constraints."""
    return outcome.state is TrialState.COMPLETE and not outcome.violated


def unmet(completed: Sequence[TrialOutcome]) -> str:
    """That all of these miss a constraint, as people read it; the first says which."""
    first = completed[0]
    return (
        f"none of the {len(completed)} completed trials meets the constraints "
        f"(trial {first.number}: {'; '.join(first.violated)})"
    )


def counts(outcomes: Iterable[TrialOutcome]) -> dict[TrialState, int]:
    """How many trials ended in which state, every state named."""
    counted = Counter(outcome.state for outcome in outcomes)
    return {state: counted[state] for state in TrialState}


def gain(best_value: float, default_value: float, direction: Direction) -> float:
    """By how much the best is better than the untuned default; positive is better."""
    return best_value - default_value if direction == "maximize" else default_value - best_value


def failing(ended: Sequence[TrialOutcome], limit: int) -> str:
    """The common cause of the last `limit` trials, if all failed of the same.

    Then it is the set-up that is wrong.

    Returns:
        The cause; empty when trials did not fail, or for different reasons.
    """
    causes = {
        outcome.error.cause if outcome.error is not None else ""
        for outcome in ended[-limit:]
        if outcome.state is TrialState.FAILED
    }
    failed = all(outcome.state is TrialState.FAILED for outcome in ended[-limit:])
    return causes.pop() if failed and len(ended) >= limit and len(causes) == 1 else ""
