"""best.yaml and best_model/ of a study, replaced so that readers see one version of each."""

from collections.abc import Callable, Sequence
from pathlib import Path

from tuner.confirmation import repeat_key
from tuner.files.atomic import aside, replace_folder, restore_folder, write_whole
from tuner.files.model_folder import add_file, check_complete, damage, discard, twin
from tuner.trial.folder import StudyFolder, TrialFolder
from tuner.trial.kept_model import KeptModel, kept_model
from tuner.trial.records import TrialOutcome


class BestFiles:
    """The two of one folder; who writes them holds the study's lease."""

    def __init__(self, folder: StudyFolder) -> None:
        """Touch nothing yet.

        Args:
            folder: The study's files.
        """
        self._folder = folder
        self._staged = folder.best_model.with_name(f".{folder.best_model.name}.next")

    @property
    def kept(self) -> KeptModel | None:
        """Model that best_model/ holds; None where it holds none that is complete."""
        found = kept_model(self._folder)
        return found if found is not None and damage(self._folder.best_model) is None else None

    @property
    def is_interrupted(self) -> bool:
        """Whether somebody was killed while a model was put in its place."""
        return self._staged.exists() or aside(self._folder.best_model).exists()

    def restore(self) -> None:
        """Put back what somebody who was killed had set aside.

        Raises:
            OSError: It cannot be moved.
        """
        discard(self._staged)
        restore_folder(self._folder.best_model)

    def put_model(self, source: Path, config: str, confirm: Callable[[], None]) -> None:
        """Put a model into best_model/; the source stays where it is.

        Args:
            source: Folder of a complete model.
            config: Configuration of its trial, written beside the model.
            confirm: Called right before the replacement; raises where that is not to be.

        Raises:
            InputError: The source is not complete.
            OSError: Something cannot be written; best_model/ is as it was.
        """
        check_complete(source)
        try:
            twin(source, self._staged)
            add_file(self._staged, self._folder.best.name, config)
            check_complete(self._staged)
            confirm()
            replace_folder(self._staged, self._folder.best_model)
        except BaseException:
            discard(self._staged)
            raise

    def put_config(self, config: str) -> None:
        """Write best.yaml.

        Raises:
            OSError: It cannot be written; it is as it was.
        """
        write_whole(self._folder.best, config)


def saved_models(folder: StudyFolder, trial: int) -> dict[int, tuple[TrialOutcome, Path]]:
    """Return the complete models of a trial's repeats that are here.

    Args:
        folder: The search's files.
        trial: Number of the search's trial.

    Returns:
        Seed to the repeat's outcome and its model.
    """
    found = {}
    for repeat in ended_repeats(folder):
        model = folder.confirmation.trial(repeat.number).model
        number, seed = repeat_key(repeat)
        if number == trial and damage(model) is None:
            found[seed] = repeat, model
    return found


def ended_repeats(folder: StudyFolder) -> Sequence[TrialOutcome]:
    """Return the repeats that ended here, by number.

    Args:
        folder: The search's files.
    """
    files = sorted(folder.confirmation.path.glob("trials/*/outcome.json"))
    found = (TrialFolder(file.parent).read_outcome() for file in files)
    return [outcome for outcome in found if outcome is not None]
