"""Keeps the best configuration so far, runnable as it stands, and the model that it gave."""

import shutil
from collections.abc import Callable, Mapping, Sequence

from tuner.atomic import replace_folder, twin, write_whole
from tuner.config import ComposedSweep, compose_trial, load_trial
from tuner.core.pareto import dominates, front, pick, point, turned
from tuner.core.settings import TrialSettings
from tuner.core.trial import TrialOutcome
from tuner.exclusive import exclusive
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
        self._composed = composed
        self._folder = folder
        self._study = study
        self._goals = study.goals
        self._front = front(earlier, self._goals)
        self._best = pick(self._front, self._goals)
        if self._best is not None and self._left_half(self._best):
            self._write(self._best)

    def wants_model(self, measured: Mapping[str, float]) -> bool:
        """Whether a trial that ends with these measures beats all before it.

        Of several objectives it is enough to be better than each of them in something.
        """
        if self._goals.violated(measured):
            return False
        reached = turned(measured, self._goals)
        rivals = (point(other, self._goals) for other in self._front)
        return not any(other == reached or dominates(other, reached) for other in rivals)

    def __call__(self, outcome: TrialOutcome) -> None:
        """Looks at a finished trial."""
        before = {each.number for each in self._front} if self._goals.several else set()
        if outcome in front([*self._front, outcome], self._goals):
            # Another agent may have had a better one since.
            known = {each.number: each for each in (*self._outcomes(), outcome)}
            self._front = front(known.values(), self._goals)
            self._choose(outcome)
        kept = {each.number for each in self._front} if self._goals.several else set()
        for number in (before | {outcome.number}) - kept:
            shutil.rmtree(self._folder.trial(number).model, ignore_errors=True)

    def _choose(self, outcome: TrialOutcome) -> None:
        """Writes what is to be taken now, if it is another trial than before and ran here."""
        before, self._best = self._best, pick(self._front, self._goals)
        if self._best is None or (before is not None and before.number == self._best.number):
            return
        is_here = self._folder.trial(self._best.number).config.exists()
        # Of several objectives one that ended earlier may become the knee.
        if self._best.number == outcome.number or (self._goals.several and is_here):
            self._write(self._best)

    def _left_half(self, found: TrialOutcome) -> bool:
        """Whether an earlier start was killed between the end of the best trial and its files."""
        return not self._folder.best.exists() or self._folder.trial(found.number).model.exists()

    def _write(self, outcome: TrialOutcome) -> None:
        """The model first: where there is none of this trial, none of another one stays."""
        settings = ran_with(self._folder, self._composed, outcome)
        text = as_yaml(self._study, outcome, settings, str(self._folder.best))
        model = self._folder.trial(outcome.number).model
        with exclusive(f"{self._folder.path.absolute()} best"):  # Agents may share the folder.
            if model.is_dir():
                write_whole(model / self._folder.best.name, text)
                # Where other trials are as good in their way it stays.
                source = twin(model) if self._goals.several else model
                replace_folder(source, self._folder.best_model)
            else:
                shutil.rmtree(self._folder.best_model, ignore_errors=True)
            write_whole(self._folder.best, text)
