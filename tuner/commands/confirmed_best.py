"""The files of the confirmed best: best.yaml, and the model of its best repeat."""

import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from tuner.atomic import replace_folder, write_whole
from tuner.commands.best import ran_with
from tuner.commands.start import Start
from tuner.core.confirmation import origin
from tuner.core.objectives import direction
from tuner.core.ranking import ranked
from tuner.core.trial import TrialOutcome
from tuner.exclusive import exclusive
from tuner.exported import KeptModel, StudyFacts, as_yaml, kept_model
from tuner.folder import StudyFolder


def with_models(
    place: StudyFolder, ended: Sequence[TrialOutcome], objective: str
) -> list[TrialOutcome]:
    """The repeats whose models are here, the best first.

    Args:
        place: Files of the study of repeats.
        ended: The repeats.
        objective: Metric name.
    """
    return [
        repeat
        for repeat in ranked(ended, direction(objective))
        if place.trial(repeat.number).model.is_dir()
    ]


class ConfirmedBest:
    """Keeps best.yaml and best_model/ of the confirmed best.

    Attributes:
        winner: The search's trial of it.
        settings: As that ran, with the test rows that are named now.
    """

    def __init__(self, start: Start, winner: TrialOutcome, ended: Sequence[TrialOutcome]) -> None:
        """Touches nothing yet.

        Args:
            start: Of the sweep.
            winner: The search's trial of the confirmed best.
            ended: All repeats; one of its configuration has completed.
        """
        settings = ran_with(start.folder, start.composed, winner)
        test = start.compose(winner.parameters).data.test
        self.winner = winner
        self.settings = replace(settings, data=replace(settings.data, test=test))
        self._folder, self._place = start.folder, start.folder.confirmation
        self._objective, self._ended = start.objective, ended
        own = [repeat for repeat in ended if origin(repeat)[0] == winner.number]
        self._ranked = ranked(own, direction(start.objective))

    @property
    def model(self) -> KeptModel:
        """The one that is to be kept: of the best repeat, wherever that ran."""
        return self._of(self._ranked[0])

    @property
    def is_here(self) -> bool:
        """Whether best_model/ holds it."""
        return kept_model(self._folder) == self.model

    def place(self, facts: StudyFacts) -> None:
        """Moves the best model that is here to best_model/, and describes it.

        Args:
            facts: With the confirmation.
        """
        folder, place = self._folder, self._place
        with self._alone():
            kept = kept_model(folder)
            best = next((e for e in self._ranked if self._of(e) == kept or self._has(e)), None)
            if best is not None and self._of(best) != kept:
                model = place.trial(best.number).model
                write_whole(model / folder.best.name, self._text(facts, best))
                replace_folder(model, folder.best_model)
            elif best is None and (kept is None or kept.trial != self.winner.number):
                shutil.rmtree(folder.best_model, ignore_errors=True)
            for repeat in with_models(place, self._ended, self._objective):
                shutil.rmtree(place.trial(repeat.number).model, ignore_errors=True)
        self.describe(facts)

    def describe(self, facts: StudyFacts) -> None:
        """Writes best.yaml, and the one in best_model/.

        Args:
            facts: With the confirmation.
        """
        folder = self._folder
        with self._alone():
            kept = kept_model(folder)
            repeat = next((each for each in self._ranked if self._of(each) == kept), None)
            if repeat is not None:
                write_whole(folder.best_model / folder.best.name, self._text(facts, repeat))
            text = as_yaml(facts, self.winner, self.settings, str(folder.best))
            write_whole(folder.best, text)

    def _alone(self) -> AbstractContextManager[None]:
        """Other agents may share the folder."""
        return exclusive(f"{self._folder.path.absolute()} confirmed")

    def _of(self, repeat: TrialOutcome) -> KeptModel:
        trial, seed = origin(repeat)
        return KeptModel(trial=trial, seed=seed)

    def _has(self, repeat: TrialOutcome) -> bool:
        return self._place.trial(repeat.number).model.is_dir()

    def _text(self, facts: StudyFacts, repeat: TrialOutcome) -> str:
        """The configuration of a repeat, which shows where its model comes from."""
        training = replace(self.settings.training, seed=self._of(repeat).seed)
        trained = replace(self.winner, provenance=repeat.provenance)
        settings = replace(self.settings, training=training)
        return as_yaml(facts, trained, settings, str(self._folder.best))
