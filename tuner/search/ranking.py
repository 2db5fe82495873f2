"""Ranking of trials, and summaries of how they ended."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

from tuner.trial.records import TrialOutcome, TrialState

Direction = Literal["minimize", "maximize"]

_ORDER = list(TrialState)

_MOST_CAUSES = 3
"""Number of distinct causes that are shown when a sweep stops."""


def ranked(outcomes: Iterable[TrialOutcome], direction: Direction) -> list[TrialOutcome]:
    """Return completed trials by their objective, then others by their state and number.

    Completed trials that miss a constraint follow those that meet all.
    """
    sign = -1.0 if direction == "maximize" else 1.0

    def key(outcome: TrialOutcome) -> tuple[int, bool, float, int]:
        value = 0.0 if outcome.value is None else sign * outcome.value
        return _ORDER.index(outcome.state), bool(outcome.violated), value, outcome.number

    return sorted(outcomes, key=key)


def best(outcomes: Iterable[TrialOutcome], direction: Direction) -> TrialOutcome | None:
    """Return the usable trial with the best objective, of equals the earlier; None without one."""
    return next((each for each in ranked(outcomes, direction) if is_usable(each)), None)


def is_usable(outcome: TrialOutcome) -> bool:
    """Return True if a trial completed and meets the constraints."""
    return outcome.state is TrialState.COMPLETE and not outcome.violated


def unmet_text(completed: Sequence[TrialOutcome]) -> str:
    """Return a message that no completed trial meets the constraints."""
    first = completed[0]
    return (
        f"none of the {len(completed)} completed trials meets the constraints "
        f"(trial {first.number}: {'; '.join(first.violated)})"
    )


def counts(outcomes: Iterable[TrialOutcome]) -> dict[TrialState, int]:
    """Return the number of trials in each state, zeros included."""
    counted = Counter(outcome.state for outcome in outcomes)
    return {state: counted[state] for state in TrialState}


def gain(best_value: float, default_value: float, direction: Direction) -> float:
    """Return by how much the best improves on the untuned default; positive is better."""
    return best_value - default_value if direction == "maximize" else default_value - best_value


def failure_causes(ended: Sequence[TrialOutcome], limit: int) -> str:
    """Return the causes of the last `limit` failures, if nothing else ended between them.

    Interrupted trials neither fail nor succeed, so they are left out. The causes need not be
    equal: messages differ in addresses and paths, and two broken checkpoints fail in two ways.

    Args:
        ended: Outcomes of one agent's trials in the order in which they ended.
        limit: Number of consecutive failures that stop a sweep.

    Returns:
        Distinct causes, the most frequent first; empty while the sweep continues.
    """
    row = [outcome for outcome in ended if outcome.state is not TrialState.INTERRUPTED][-limit:]
    if len(row) < limit or any(outcome.state is not TrialState.FAILED for outcome in row):
        return ""
    causes = Counter(o.error.cause if o.error is not None else "no cause known" for o in row)
    shown = [cause for cause, _ in causes.most_common(_MOST_CAUSES)]
    if len(causes) > len(shown):
        shown.append(f"{len(causes) - len(shown)} more causes")
    return "; ".join(shown)
