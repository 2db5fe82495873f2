"""Points of the search space that are tried first, from the files and studies of start_from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner.config import ComposedSweep, trial_values
from tuner.errors import InputError
from tuner.orchestration.dry_run_lines import domain_text
from tuner.results.tables import figure
from tuner.search.pareto import by_preference
from tuner.search.transfer import DroppedValue, TransferredPoint, transfer_point
from tuner.study.reader import StudyReader
from tuner.trial.records import Scalar, TrialState

TRIALS_PER_STUDY = 3
"""Maximal number of trials taken from a study."""

_FILES = (".yaml", ".yml")


@dataclass(frozen=True, kw_only=True)
class FirstPoints:
    """Points that `sweep.start_from` names, each once."""

    points: Sequence[Mapping[str, Scalar]]
    """Searched key to value; missing keys are drawn."""
    lines: Sequence[str]
    """Values that are not transferred, as lines for people."""


def first_points(composed: ComposedSweep) -> FirstPoints:
    """Read the files and studies that a sweep starts from.

    Raises:
        InputError: One cannot be read, has no completed trial, or sets no key of the search space.
    """
    space = composed.space
    points: list[Mapping[str, Scalar]] = []
    lines: list[str] = []
    for name in composed.agent.sweep.start_from:
        found = [
            transfer_point(space, values, composed.untuned) for values in _values(composed, name)
        ]
        if not any(each.point for each in found):
            raise InputError(
                f"{name} has no value that the search space could take",
                where="sweep.start_from",
                remedy="name one that sets some of " + ", ".join(composed.space.keys),
            )
        points += [each.point for each in found if each.point]
        lines += [line for each in found for line in _lines(name, each)]
    return FirstPoints(points=points, lines=list(dict.fromkeys(lines)))


def _lines(name: str, found: TransferredPoint) -> Iterator[str]:
    """Yield lines about the values of a point that are not transferred."""
    if found.dropped:
        yield (
            f"warning: {name}: the space has no "
            f"{'; no '.join(map(_dropped_text, found.dropped))}; drawn instead"
        )
    if found.unsearched:
        kept_here = ", ".join(
            f"{each.key}={figure(each.instead)} ({figure(each.value)} there)"
            for each in found.unsearched
        )
        yield f"{name}: not searched here, so that this sweep's own value holds: {kept_here}"


def _dropped_text(dropped: DroppedValue) -> str:
    named = f"{dropped.key}={figure(dropped.value)}"
    if dropped.domain is not None:
        return f"{named} ({domain_text(dropped.domain)})"
    return f"{named} without its {dropped.parent}"


def _values(composed: ComposedSweep, name: str) -> list[Mapping[str, Scalar]]:
    """Return the parameters of each configuration that a name stands for."""
    if name.endswith(_FILES):
        return [trial_values(Path(name), Path.cwd())]
    agent = composed.agent
    reader = StudyReader(name, agent.storage, Path(agent.output))
    try:
        study = reader.read()
    finally:
        reader.close()
    completed = (outcome for outcome in study.outcomes if outcome.state is TrialState.COMPLETE)
    best = by_preference(completed, study.goals)
    if not best:
        raise InputError(
            f"the study {name!r} has no completed trial",
            where="sweep.start_from",
            remedy="sweep.start_from=[outputs/STUDY/best.yaml], or another study",
        )
    return [outcome.parameters for outcome in best[:TRIALS_PER_STUDY]]
