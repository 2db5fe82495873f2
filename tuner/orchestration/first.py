"""What `sweep.start_from` names, as points of the space that are tried first."""

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

BEST = 3
"""So many trials are taken of a study."""

_FILES = (".yaml", ".yml")


@dataclass(frozen=True, kw_only=True)
class FirstPoints:
    """The points that `sweep.start_from` names, each once."""

    points: Sequence[Mapping[str, Scalar]]
    """Searched key to value; the other keys are drawn."""
    lines: Sequence[str]
    """What of them is not carried over, by key and value, for people."""


def first_points(composed: ComposedSweep) -> FirstPoints:
    """Reads the files and studies that a sweep starts from.

    Raises:
        InputError: One can not be read, has no completed trial, or has nothing of this space.
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
                remedy="one that sets some of " + ", ".join(composed.space.keys),
            )
        points += [each.point for each in found if each.point]
        lines += [line for each in found for line in _lines(name, each)]
    return FirstPoints(points=points, lines=list(dict.fromkeys(lines)))


def _lines(name: str, found: TransferredPoint) -> Iterator[str]:
    """What a point leaves behind."""
    if found.dropped:
        yield (
            f"warning: {name}: the space has no {'; no '.join(map(_missing, found.dropped))}; "
            "drawn instead"
        )
    if found.unsearched:
        told = ", ".join(
            f"{each.key}={figure(each.instead)} ({figure(each.value)} there)"
            for each in found.unsearched
        )
        yield f"{name}: not searched here, so that this sweep's own value holds: {told}"


def _missing(dropped: DroppedValue) -> str:
    named = f"{dropped.key}={figure(dropped.value)}"
    if dropped.domain is not None:
        return f"{named} ({domain_text(dropped.domain)})"
    return f"{named} without its {dropped.parent}"


def _values(composed: ComposedSweep, name: str) -> list[Mapping[str, Scalar]]:
    """Key to value of each configuration that a name stands for."""
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
            f"no trial of the study {name!r} was completed",
            where="sweep.start_from",
            remedy="another study, or a file as best.yaml",
        )
    return [outcome.parameters for outcome in best[:BEST]]
