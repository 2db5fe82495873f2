"""Goals from names, with what the bundled tasks know of their scores."""

from collections.abc import Mapping, Sequence

from tuner.search.goals import Goals
from tuner.search.goals import goals as goals_of_scores
from tuner.settings.objectives import measured_scores
from tuner.tasks import REGISTRY

SCORES = {
    name: score for task in REGISTRY.bundled() for name, score in measured_scores(task).items()
}


def goals(objectives: Sequence[str], constraints: Mapping[str, str] | None = None) -> Goals:
    """Goals for metrics of any task."""
    return goals_of_scores(objectives, constraints or {}, SCORES)
