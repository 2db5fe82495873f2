"""Files best.yaml, best_model/ and single_model/ of a study, replaced atomically."""

from collections.abc import Callable, Sequence
from pathlib import Path

from tuner.confirmation import repeat_key
from tuner.files.atomic import aside, replace_folder, restore_folder, write_whole
from tuner.files.model_folder import add_file, check_complete, damage, discard, twin
from tuner.trial.folder import StudyFolder, TrialFolder
from tuner.trial.kept_model import written_model
from tuner.trial.model_identity import KeptModel
from tuner.trial.records import TrialOutcome


class BestFiles:
    """The published files of one study; whoever writes them holds the study's lease."""

    def __init__(self, folder: StudyFolder) -> None:
        """Name the files.

        Args:
            folder: Folder of the study.
        """
        self._folder = folder
        self._models = (folder.single_model, folder.best_model)

    @property
    def kept(self) -> KeptModel | None:
        """Model in best_model/; None if there is no complete one."""
        return self.model_in(self._folder.best_model)

    @property
    def models(self) -> dict[KeptModel, Path]:
        """Complete models, and their folders: best_model/, and single_model/ beside a soup."""
        found = ((self.model_in(place), place) for place in self._models)
        return {model: place for model, place in found if model is not None}

    def model_in(self, place: Path) -> KeptModel | None:
        """Return the model in a folder; None if there is no complete one."""
        found = written_model(place / self._folder.best.name)
        return found if found is not None and damage(place) is None else None

    @property
    def is_interrupted(self) -> bool:
        """True if a process was killed while it replaced a model."""
        return any(_staged(place).exists() or aside(place).exists() for place in self._models)

    def restore(self) -> None:
        """Put back what a killed process had set aside.

        Raises:
            OSError: It cannot be moved.
        """
        for place in self._models:
            discard(_staged(place))
            restore_folder(place)

    def put_model(
        self, source: Path, target: Path, config: str, confirm: Callable[[], None]
    ) -> None:
        """Copy a model into best_model/ or single_model/; the source stays where it is.

        Args:
            source: Folder of a complete model.
            target: Folder that is replaced.
            config: Configuration of its trial, written beside the model.
            confirm: Function called right before the replacement; raises to prevent it.

        Raises:
            InputError: The source is incomplete.
            OSError: A file cannot be written; the target is unchanged.
        """
        check_complete(source)
        staged = _staged(target)
        try:
            twin(source, staged)
            add_file(staged, self._folder.best.name, config)
            check_complete(staged)
            confirm()
            replace_folder(staged, target)
        except BaseException:
            discard(staged)
            raise

    def put_config(self, config: str) -> None:
        """Write best.yaml.

        Raises:
            OSError: It cannot be written; it is unchanged.
        """
        write_whole(self._folder.best, config)


def _staged(place: Path) -> Path:
    """Return where a folder is prepared that will replace another one."""
    return place.with_name(f".{place.name}.next")


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
