"""Lost models of a study's best trials, and comparison of those that were trained again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner.confirmation import repeat_key
from tuner.files.model_folder import damage
from tuner.results.best_files import BestFiles, ended_repeats
from tuner.results.publication import Publication
from tuner.trial.folder import StudyFolder, TrialFolder
from tuner.trial.kept_model import came_from, kept_model
from tuner.trial.model_identity import KeptModel
from tuner.trial.records import TrialOutcome


@dataclass(frozen=True, kw_only=True)
class LostModel:
    """A trial, or a repeat of one, to train again for its model."""

    outcome: TrialOutcome
    """Outcome of the trial or the repeat."""
    trial: int
    """Number of the search's trial with the configuration."""
    seed: int | None
    """Seed of the repeat; None for the search's own trial."""
    reason: str
    """Reason why the model is missing, as a clause."""

    @property
    def key(self) -> tuple[int, int | None]:
        """Trial and seed, which identify a model of a study."""
        return self.trial, self.seed

    @property
    def name(self) -> str:
        """Name of the model in messages."""
        seed = "" if self.seed is None else f" with seed {self.seed}"
        return f"the model of trial {self.trial}{seed}"

    @property
    def concludes_at(self) -> int | None:
        """Evaluation point of its early end; None if it used its whole budget."""
        last = self.outcome.last
        return last.point if last and self.outcome.stopped_by == "converged" else None


def lost_models(
    folder: StudyFolder, known: Sequence[TrialOutcome], wanted: Publication
) -> list[LostModel]:
    """Return the models to train again, the best trial's first.

    A model is lost if it could not be saved, or if its trial ran here and the model is missing
    or damaged. A trial of another machine has its model there.

    Args:
        folder: Folder of the search.
        known: Outcomes of all trials of the search.
        wanted: Publication that needs the models.
    """
    if wanted.confirmation is not None:
        return list(_lost_repeat(folder, wanted))
    front = [each for each in known if each.number in wanted.kept - {wanted.outcome.number}]
    return [
        LostModel(outcome=each, trial=each.number, seed=None, reason=_reason(folder, each))
        for each in (wanted.outcome, *front)
        if not has_model(folder, each)
        and (each.model_error or ran_in(folder.trial(each.number), each))
    ]


def has_model(folder: StudyFolder, outcome: TrialOutcome) -> bool:
    """Return True if a trial's complete model is in its own folder or published.

    Args:
        folder: Folder of the search.
        outcome: Outcome of the trial.
    """
    if damage(folder.trial(outcome.number).model) is None:
        return True
    return any(
        model.trial == outcome.number
        and not model.members
        and came_from(place / folder.best.name, outcome)
        for model, place in BestFiles(folder).models.items()
    )


def score_differences(recorded: TrialOutcome, again: TrialOutcome) -> list[str]:
    """Return the scores in which a repeated training differs.

    Loss and metrics are compared, which the same computation reproduces to the last digit; speed
    and memory are not.

    Args:
        recorded: Outcome of the first training.
        again: Outcome of the repeated training.

    Returns:
        Texts such as `val_loss 0.52, recorded 0.51`.
    """
    if recorded.last is None or again.last is None:
        return []
    before, after = recorded.last.scores, again.last.scores
    return [
        f"{name} {after[name]:.9g}, recorded {value:.9g}"
        for name, value in before.items()
        if name in after and after[name] != value
    ]


def _lost_repeat(folder: StudyFolder, wanted: Publication) -> Iterator[LostModel]:
    """Yield the confirmed best's best repeat, if it ran here and its model is lost."""
    trial, (best, *_) = wanted.outcome.number, (*wanted.seeds, None)
    found = (each for each in ended_repeats(folder) if repeat_key(each) == (trial, best))
    repeat = next((each for each in found if each.value is not None), None)
    if (
        repeat is None
        or best is None
        or KeptModel(trial=trial, seed=best) in BestFiles(folder).models
    ):
        return
    model = folder.confirmation.trial(repeat.number).model
    if damage(model) is not None:
        reason = _unsaved(repeat) or _missing(model)
        yield LostModel(outcome=repeat, trial=trial, seed=best, reason=reason)


def ran_in(place: TrialFolder, outcome: TrialOutcome) -> bool:
    """Return True if a trial ended in this folder, not on a machine with its own folder."""
    found = place.read_outcome()
    return found is not None and (found.attempt, found.value) == (outcome.attempt, outcome.value)


def _reason(folder: StudyFolder, outcome: TrialOutcome) -> str:
    published, model = kept_model(folder), folder.trial(outcome.number).model
    if published is not None and published.trial == outcome.number:
        model = folder.single_model if published.members else folder.best_model
    return _unsaved(outcome) or _missing(model)


def _unsaved(outcome: TrialOutcome) -> str:
    return f"it could not be saved: {outcome.model_error}" if outcome.model_error else ""


def _missing(model: Path) -> str:
    problem = damage(model) if model.is_dir() else None
    return f"{model} is damaged: {problem}" if problem else "it is no longer here"
