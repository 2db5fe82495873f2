"""Reasons why unusable trials stopped, grouped."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tuner.search.ranking import is_usable
from tuner.trial.records import TrialOutcome, TrialState

LISTED = 12
"""Largest number of trials that are named in a group."""

_RUN = 3
"""Number of consecutive numbers from which on a range is shown."""


@dataclass(frozen=True, kw_only=True)
class StopGroup:
    """Trials that ended in the same way for the same reason."""

    outcomes: tuple[TrialOutcome, ...]
    """Trials, one or more; the first is described."""

    @property
    def text(self) -> str:
        """End, reason and advice in one line."""
        first, several = self.outcomes[0], len(self.outcomes) > 1
        head = f"{trials_text([each.number for each in self.outcomes])} {_how(self.outcomes)}"
        why = _why(first)
        if not why:
            return head
        return f"{head}; trial {first.number}: {why}" if several else f"{head}: {why}"


def stop_groups(ordered: Iterable[TrialOutcome]) -> list[StopGroup]:
    """Return the groups of unusable trials, the largest first.

    Args:
        ordered: Trials by rank; the first of a group is described.
    """
    groups: dict[tuple[object, ...], list[TrialOutcome]] = {}
    for outcome in ordered:
        if not is_usable(outcome):
            groups.setdefault(_reason(outcome), []).append(outcome)
    found = [StopGroup(outcomes=tuple(group)) for group in groups.values()]
    return sorted(found, key=lambda stop: -len(stop.outcomes))


def trials_text(numbers: Sequence[int]) -> str:
    """Return trial numbers as text: `6 trials (1, 4-7, 9)`.

    Args:
        numbers: One or more, in any order; only the first of many are shown.
    """
    parts = _ranges(sorted(numbers))
    if len(numbers) == 1:
        return f"trial {parts[0]}"
    shown = parts[:LISTED] + ["…"] * (len(parts) > LISTED)
    return f"{len(numbers)} trials ({', '.join(shown)})"


def _ranges(numbers: Sequence[int]) -> list[str]:
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    parts: list[str] = []
    for run in runs:
        parts += [f"{run[0]}-{run[-1]}"] if len(run) >= _RUN else map(str, run)
    return parts


def _reason(outcome: TrialOutcome) -> tuple[object, ...]:
    """Return what is equal for two trials that stopped for the same reason."""
    return (
        outcome.state,
        outcome.stopped_by,
        outcome.error.cause if outcome.error is not None else None,
        outcome.diagnosis.status if outcome.diagnosis is not None else None,
        tuple(text.partition(" ")[0] for text in outcome.violated),
    )


def _how(outcomes: Sequence[TrialOutcome]) -> str:
    first = outcomes[0]
    text = first.state.value
    if first.state is TrialState.PRUNED:
        text += _reached(outcomes)
    if first.error is None and first.diagnosis is not None:
        text += f", {first.diagnosis.status.value}"
    if first.violated and len(outcomes) > 1:
        missed = [each.partition(" ")[0] for each in first.violated]
        return f"{text}, outside the constraint of {' and '.join(missed)}"
    return text


def _reached(outcomes: Sequence[TrialOutcome]) -> str:
    """Return how far pruned trials came, in evaluation points."""
    last = [each.last for each in outcomes if each.last is not None]
    if not last:
        return ""
    low, high = min(each.point for each in last), max(each.point for each in last)
    points = f"{low}" if low == high else f"{low} to {high}"
    return f" at evaluation {points} of {max(each.points for each in last)}"


def _why(outcome: TrialOutcome) -> str:
    parts = [f"misses {'; '.join(outcome.violated)}"] if outcome.violated else []
    if outcome.error is not None:
        parts.append(outcome.error.text)
    elif outcome.diagnosis is not None:
        parts += [outcome.diagnosis.reason, outcome.diagnosis.advice]
    return "; ".join(filter(None, parts))
