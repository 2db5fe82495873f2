"""Confirmed best: its configuration, and the model of its best repeat or the soup."""

from collections.abc import Sequence

from tuner.confirmation import repeat_key
from tuner.orchestration.start import Start
from tuner.results.best_files import BestFiles
from tuner.results.publication import Publication
from tuner.search.ranking import ranked
from tuner.trial.model_identity import KeptModel
from tuner.trial.records import TrialOutcome


class ConfirmedBest:
    """Confirmed best, whose model is evaluated on the test rows.

    Attributes:
        winner: Its trial in the search.
    """

    def __init__(
        self,
        start: Start,
        winner: TrialOutcome,
        ended: Sequence[TrialOutcome],
        wanted: Publication | None,
    ) -> None:
        """Keep the trials; no file is touched.

        Args:
            start: Start of the sweep.
            winner: Trial of the confirmed best in the search.
            ended: All repeats; at least one of its configuration has completed.
            wanted: Publication of the study, with the soup in it.
        """
        self.winner = winner
        self._soup = None if wanted is None else wanted.published_soup
        self._files = BestFiles(start.folder)
        own = [repeat for repeat in ended if repeat_key(repeat)[0] == winner.number]
        self._best = ranked(own, start.goals.direction)[0]

    @property
    def model(self) -> KeptModel:
        """The published soup, or the model of the best repeat, wherever it is."""
        if self._soup is not None:
            return self._soup.model
        trial, seed = repeat_key(self._best)
        return KeptModel(trial=trial, seed=seed)

    @property
    def is_here(self) -> bool:
        """True if best_model/ holds it."""
        return self._files.kept == self.model
