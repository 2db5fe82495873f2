"""What `sweep.start_from` names, as points of the space that are tried first."""

from collections.abc import Mapping
from pathlib import Path

from tuner.config import ComposedSweep, trial_values
from tuner.core.pareto import order
from tuner.core.trial import Scalar, TrialState
from tuner.errors import InputError
from tuner.study_reader import StudyReader

BEST = 3
"""So many trials are taken of a study."""

_FILES = (".yaml", ".yml")


def first_points(composed: ComposedSweep) -> list[dict[str, Scalar]]:
    """Reads the files and studies that a sweep starts from.

    Raises:
        InputError: One can not be read, has no completed trial, or has nothing of this space.
    """
    found: list[dict[str, Scalar]] = []
    for name in composed.agent.sweep.start_from:
        points = [composed.space.within(values) for values in _values(composed, name)]
        if not any(points):
            raise InputError(
                f"{name} has no value that the search space could take",
                where="sweep.start_from",
                remedy="one that sets some of " + ", ".join(composed.space.keys),
            )
        found += [point for point in points if point]
    return found


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
    outcomes = [trial.outcome for trial in study.trials if trial.outcome is not None]
    completed = (outcome for outcome in outcomes if outcome.state is TrialState.COMPLETE)
    best = order(completed, study.goals)
    if not best:
        raise InputError(
            f"no trial of the study {name!r} was completed",
            where="sweep.start_from",
            remedy="another study, or a file as best.yaml",
        )
    return [outcome.parameters for outcome in best[:BEST]]
