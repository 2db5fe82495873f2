"""Keeps the best configuration so far, runnable as it stands, and the model that it gave."""

import shutil
from collections.abc import Callable, Sequence

from tuner.atomic import replace_folder, write_whole
from tuner.config import ComposedSweep, compose_trial, load_trial
from tuner.core.objectives import direction
from tuner.core.ranking import best, gain
from tuner.core.settings import TrialSettings
from tuner.core.trial import TrialOutcome, TrialSpec
from tuner.exported import StudyFacts, as_yaml
from tuner.folder import StudyFolder


def ran_with(folder: StudyFolder, composed: ComposedSweep, outcome: TrialOutcome) -> TrialSettings:
    """The configuration that a trial ran with, as far as it is known here.

    Args:
        folder: The study's files.
        composed: The sweep.
        outcome: How the trial ended.
    """
    config = folder.trial(outcome.number).config
    return load_trial(config) if config.exists() else compose_trial(composed, outcome.parameters)


class BestKeeper:
    """Replaces best.yaml and best_model/ after every new best."""

    def __init__(
        self,
        study: StudyFacts,
        composed: ComposedSweep,
        folder: StudyFolder,
        earlier: Sequence[TrialOutcome],
        outcomes: Callable[[], Sequence[TrialOutcome]],
    ) -> None:
        """Starts from what an earlier start of the sweep left.

        Args:
            study: What its files tell of the study.
            composed: The sweep.
            folder: The study's files.
            earlier: Outcomes of the study so far.
            outcomes: Those of the study when it is called, of other agents too.
        """
        self._outcomes = outcomes
        self._folder = folder
        self._study = study
        self._direction = direction(study.objective)
        self._best = best(earlier, self._direction)
        if self._best is not None and self._left_half(self._best):
            self._write(ran_with(folder, composed, self._best))

    def wants_model(self, value: float) -> bool:
        """Whether a trial that ends with this objective is better than all before it."""
        if self._best is None or self._best.value is None:
            return True
        return gain(value, self._best.value, self._direction) > 0

    def __call__(self, spec: TrialSpec, outcome: TrialOutcome) -> None:
        """Looks at a finished trial."""
        rivals = [outcome] if self._best is None else [self._best, outcome]
        if best(rivals, self._direction) is outcome:
            # Another agent may have had a better one since.
            self._best = best([*self._outcomes(), outcome], self._direction)
            if self._best is not None and self._best.number == outcome.number:
                self._write(spec.settings)
        shutil.rmtree(self._folder.trial(outcome.number).model, ignore_errors=True)

    def _left_half(self, found: TrialOutcome) -> bool:
        """Whether an earlier start was killed between the end of the best trial and its files."""
        return not self._folder.best.exists() or self._folder.trial(found.number).model.exists()

    def _write(self, settings: TrialSettings) -> None:
        """The model first: where there is none of this trial, none of another one stays."""
        outcome = self._best
        if outcome is None:
            return
        text = as_yaml(self._study, outcome, settings, str(self._folder.best))
        model = self._folder.trial(outcome.number).model
        if model.is_dir():
            write_whole(model / self._folder.best.name, text)
            replace_folder(model, self._folder.best_model)
        else:
            shutil.rmtree(self._folder.best_model, ignore_errors=True)
        write_whole(self._folder.best, text)
