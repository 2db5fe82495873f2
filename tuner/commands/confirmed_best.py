"""The files of the confirmed best: best.yaml, and the model of its best repeat."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tuner.atomic import replace_folder, twin, write_whole
from tuner.commands.best import best_files, ran_with
from tuner.commands.start import Start
from tuner.core.confirmation import origin
from tuner.core.objectives import direction
from tuner.core.ranking import ranked
from tuner.core.trial import TrialOutcome
from tuner.exported import KeptModel, StudyFacts, as_yaml, kept_model


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
        self._folder, self._ended = start.folder, ended
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
        """Puts the best model that is here into best_model/, and describes it.

        It stays where it was trained, too: a search that goes on puts its own best there.

        Args:
            facts: With the confirmation.
        """
        folder = self._folder
        with best_files(folder):
            kept = kept_model(folder)
            best = next(
                (e for e in self._ranked if self._made(e).is_dir() or self._of(e) == kept), None
            )
            if best is not None and self._of(best) != kept:
                write_whole(self._made(best) / folder.best.name, self._text(facts, best))
                replace_folder(twin(self._made(best)), folder.best_model)
            elif best is None and (kept is None or kept.trial != self.winner.number):
                shutil.rmtree(folder.best_model, ignore_errors=True)
            for other in self._ended:
                if other is not best:
                    shutil.rmtree(self._made(other), ignore_errors=True)
        self.describe(facts)

    def describe(self, facts: StudyFacts) -> None:
        """Writes best.yaml, and the one in best_model/.

        Args:
            facts: With the confirmation.
        """
        folder = self._folder
        with best_files(folder):
            kept = kept_model(folder)
            repeat = next((each for each in self._ranked if self._of(each) == kept), None)
            if repeat is not None:
                write_whole(folder.best_model / folder.best.name, self._text(facts, repeat))
            text = as_yaml(facts, self.winner, self.settings, str(folder.best))
            write_whole(folder.best, text)

    def _of(self, repeat: TrialOutcome) -> KeptModel:
        trial, seed = origin(repeat)
        return KeptModel(trial=trial, seed=seed)

    def _made(self, repeat: TrialOutcome) -> Path:
        """Where a repeat leaves its model."""
        return self._folder.confirmation.trial(repeat.number).model

    def _text(self, facts: StudyFacts, repeat: TrialOutcome) -> str:
        """The configuration of a repeat, which shows where its model comes from."""
        training = replace(self.settings.training, seed=self._of(repeat).seed)
        trained = replace(self.winner, provenance=repeat.provenance)
        settings = replace(self.settings, training=training)
        return as_yaml(facts, trained, settings, str(self._folder.best))
