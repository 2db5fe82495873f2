"""Files best.yaml and best_model/ of a study, replaced atomically."""

from collections.abc import Callable, Sequence
from pathlib import Path

from tuner.confirmation import repeat_key
from tuner.files.atomic import aside, replace_folder, restore_folder, write_whole
from tuner.files.model_folder import add_file, check_complete, damage, discard, twin
from tuner.trial.folder import StudyFolder, TrialFolder
from tuner.trial.kept_model import KeptModel, kept_model
from tuner.trial.records import TrialOutcome


class BestFiles:
    """The published files of one study; whoever writes them holds the study's lease."""

    def __init__(self, folder: StudyFolder) -> None:
        """Name the files.

        Args:
            folder: Folder of the study.
        """
        self._folder = folder
        self._staged = folder.best_model.with_name(f".{folder.best_model.name}.next")

    @property
    def kept(self) -> KeptModel | None:
        """Model in best_model/; None if there is no complete one."""
        found = kept_model(self._folder)
        return found if found is not None and damage(self._folder.best_model) is None else None

    @property
    def is_interrupted(self) -> bool:
        """True if a process was killed while it replaced a model."""
        return self._staged.exists() or aside(self._folder.best_model).exists()

    def restore(self) -> None:
        """Put back what a killed process had set aside.

        Raises:
            OSError: It cannot be moved.
        """
        discard(self._staged)
        restore_folder(self._folder.best_model)

    def put_model(self, source: Path, config: str, confirm: Callable[[], None]) -> None:
        """Copy a model into best_model/; the source stays where it is.

        Args:
            source: Folder of a complete model.
            config: Configuration of its trial, written beside the model.
            confirm: Function called right before the replacement; raises to prevent it.

        Raises:
            InputError: The source is incomplete.
            OSError: A file cannot be written; best_model/ is unchanged.
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
            OSError: It cannot be written; it is unchanged.
        """
        write_whole(self._folder.best, config)


def saved_models(folder: StudyFolder, trial: int) -> dict[int, tuple[TrialOutcome, Path]]:
    """Return the complete models of a trial's repeats on this machine.

    Args:
        folder: Folder of the search.
        trial: Number of the search's trial.

    Returns:
        Seed to the repeat's outcome and the path of its model.
    """
    found = {}
    for repeat in ended_repeats(folder):
        model = folder.confirmation.trial(repeat.number).model
        number, seed = repeat_key(repeat)
        if number == trial and damage(model) is None:
            found[seed] = repeat, model
    return found


def ended_repeats(folder: StudyFolder) -> Sequence[TrialOutcome]:
    """Return the repeats that ended on this machine, by number.

    Args:
        folder: Folder of the search.
    """
    files = sorted(folder.confirmation.path.glob("trials/*/outcome.json"))
    found = (TrialFolder(file.parent).read_outcome() for file in files)
    return [outcome for outcome in found if outcome is not None]
