"""Keeps the best configuration so far, runnable as it stands, and the model that it gave."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager

from tuner.atomic import replace_folder, twin, write_whole
from tuner.config import ComposedSweep, compose_trial, load_trial
from tuner.core.pareto import dominates, front, pick, point, turned
from tuner.core.settings import TrialSettings
from tuner.core.trial import TrialOutcome
from tuner.exclusive import exclusive
from tuner.exported import StudyFacts, as_yaml, written_trial
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


def best_files(folder: StudyFolder) -> AbstractContextManager[None]:
    """Holds best.yaml and best_model/ alone, since agents may share the folder."""
    return exclusive(f"{folder.path.absolute()} best")


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
        self._front: list[TrialOutcome] = []
        self._settle(earlier)

    def wants_model(self, measured: Mapping[str, float]) -> bool:
        """Whether a trial that ends with these measures may be what is taken, or is on the front.

        One that is as good as another is kept until it is known which of them counts.
        """
        if self._goals.violated(measured):
            return False
        reached = turned(measured, self._goals)
        return not any(dominates(point(other, self._goals), reached) for other in self._front)

    def __call__(self, outcome: TrialOutcome) -> None:
        """Looks at a finished trial."""
        if outcome in front([*self._front, outcome], self._goals):
            # Another agent may have had a better one since.
            known = {each.number: each for each in (*self._outcomes(), outcome)}
            self._settle(list(known.values()), outcome)
        else:
            self._drop(outcome)

    def _settle(self, known: Sequence[TrialOutcome], ended: TrialOutcome | None = None) -> None:
        """Brings the files to what the study knows.

        Args:
            known: All outcomes.
            ended: The trial that has just ended here; None at the start.
        """
        self._front = front(known, self._goals)
        best = pick(self._front, self._goals)
        if best is not None and self._is_to_write(best, ended):
            self._write(best)
        if self._goals.several:
            leading = {each.number for each in self._front}
            for other in known:
                if other.number not in leading:
                    self._drop(other)
        elif ended is not None:
            self._drop(ended)

    def _is_to_write(self, best: TrialOutcome, ended: TrialOutcome | None) -> bool:
        """Whether the best is not in the files, and it is for us to put it there."""
        trial = self._folder.trial(best.number)
        if self._goals.several:
            # One that ended earlier, or that another agent trained here, may be the knee now.
            return trial.config.exists() and written_trial(self._folder) != best.number
        if ended is not None:
            return best.number == ended.number
        # An earlier start was killed between the end of the best trial and its files.
        return not self._folder.best.exists() or trial.model.exists()

    def _drop(self, outcome: TrialOutcome) -> None:
        """Takes away the model that a trial left behind."""
        shutil.rmtree(self._folder.trial(outcome.number).model, ignore_errors=True)

    def _write(self, outcome: TrialOutcome) -> None:
        """The model first: where there is none of this trial, none of another one stays."""
        settings = ran_with(self._folder, self._composed, outcome)
        text = as_yaml(self._study, outcome, settings, str(self._folder.best))
        model = self._folder.trial(outcome.number).model
        with best_files(self._folder):
            if model.is_dir():
                write_whole(model / self._folder.best.name, text)
                # Where other trials are as good in their way it stays.
                source = twin(model) if self._goals.several else model
                replace_folder(source, self._folder.best_model)
            else:
                shutil.rmtree(self._folder.best_model, ignore_errors=True)
            write_whole(self._folder.best, text)
