"""Keeps outputs/<study>/best.yaml: the best configuration so far, runnable as it stands."""

from collections.abc import Sequence

from tuner import __version__
from tuner.atomic import write_whole
from tuner.config import ComposedSweep, compose_trial, dump_trial
from tuner.core.objectives import direction
from tuner.core.ranking import best
from tuner.core.settings import TrialSettings
from tuner.core.trial import TrialOutcome, TrialSpec
from tuner.folder import StudyFolder


class BestKeeper:
    """Rewrites best.yaml after every new best."""

    def __init__(
        self, composed: ComposedSweep, folder: StudyFolder, earlier: Sequence[TrialOutcome]
    ) -> None:
        """Starts from what an earlier start of the sweep left.

        Args:
            composed: The sweep.
            folder: The study's files.
            earlier: Outcomes of the study so far.
        """
        self._folder = folder
        self._study = composed.agent.study_name
        self._objective = composed.agent.sweep.objectives[0]
        self._direction = direction(self._objective)
        self._best = best(earlier, self._direction)
        if self._best is not None and not folder.best.exists():
            self._write(compose_trial(composed, self._best.parameters), self._best)

    def __call__(self, spec: TrialSpec, outcome: TrialOutcome) -> None:
        """Looks at a finished trial."""
        rivals = [outcome] if self._best is None else [self._best, outcome]
        if best(rivals, self._direction) is outcome:
            self._best = outcome
            self._write(spec.settings, outcome)

    def _write(self, settings: TrialSettings, outcome: TrialOutcome) -> None:
        provenance = {
            "study": self._study,
            "trial": outcome.number,
            "objective": self._objective,
            "value": outcome.value,
            "convergence": outcome.diagnosis.status.value if outcome.diagnosis else None,
            "tuner": __version__,
        }
        score = f"{self._objective} {outcome.value:.4f}"
        header = [
            f"Best of {self._study}: trial {outcome.number}, {score}.",
            f"Train it with: python -m tuner train {self._folder.best}",
        ]
        write_whole(self._folder.best, dump_trial(settings, header, provenance))
