"""Confirmed best: its configuration, and the model of its best repeat."""

from collections.abc import Sequence

from tuner.confirmation import repeat_key
from tuner.orchestration.start import Start
from tuner.results.best_files import BestFiles
from tuner.search.ranking import ranked
from tuner.trial.kept_model import KeptModel
from tuner.trial.records import TrialOutcome


class ConfirmedBest:
    """Confirmed best, whose model is evaluated on the test rows.

    Attributes:
        winner: Its trial in the search.
    """

    def __init__(self, start: Start, winner: TrialOutcome, ended: Sequence[TrialOutcome]) -> None:
        """Keep the trials; no file is touched.

        Args:
            start: Start of the sweep.
            winner: Trial of the confirmed best in the search.
            ended: All repeats; at least one of its configuration has completed.
        """
        self.winner = winner
        self._files = BestFiles(start.folder)
        own = [repeat for repeat in ended if repeat_key(repeat)[0] == winner.number]
        self._best = ranked(own, start.goals.direction)[0]

    @property
    def model(self) -> KeptModel:
        """Model of the best repeat, wherever that ran."""
        trial, seed = repeat_key(self._best)
        return KeptModel(trial=trial, seed=seed)

    @property
    def is_here(self) -> bool:
        """True if best_model/ holds it."""
        return self._files.kept == self.model
