"""The model of an exported trial: found where the sweep left it, and copied whole."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tuner.errors import InputError
from tuner.files.atomic import aside, write_whole
from tuner.files.model_folder import PAUSE, check_complete, copy_complete, defect, discard, empty
from tuner.settings.overrides import override
from tuner.trial.folder import StudyFolder
from tuner.trial.kept_model import written_model

LOOKS = 3
"""At the folders of a sweep that may run."""


class ModelMovedError(Exception):
    """The sweep has replaced or moved the model since it was found; look it up again."""


def find_model(folder: StudyFolder, trial: int, model_error: str | None) -> Path:
    """Return the folder of a trial's complete model.

    Args:
        folder: The study's files.
        trial: Number of the trial.
        model_error: Why the trial's model could not be saved, where that is known.

    Raises:
        InputError: The models that are kept are other trials', or this one is not complete.
    """
    kept: list[tuple[int, Path]] = []
    for look in range(LOOKS):
        if look:
            time.sleep(PAUSE)  # The sweep may have moved it between two of our looks.
        kept = _kept_models(folder)
        found = [path for number, path in kept if number == trial]
        complete = next((path for path in found if defect(path) is None), None)
        if complete is not None:
            return complete
    for path in found:
        check_complete(path)
    why = f"it could not be saved ({model_error}); " if model_error else ""
    raise InputError(
        f"the model of trial {trial} is not here: {why}{_having(kept)}",
        where=str(folder.best_model),
        remedy=f"tuner export {override('study', folder.path.name)} export.trial={trial} "
        "export.output=FILE.yaml, and tuner train FILE.yaml, which leaves its model behind",
    )


@contextmanager
def copied_model(source: Path, trial: int, target: Path, config: str) -> Iterator[None]:
    """Copy a model; the copy stays where what is done meanwhile succeeds, else nothing does.

    Args:
        source: Model's folder.
        trial: Number of the trial that it has to be of.
        target: There is nothing, or an empty folder.
        config: The trial's configuration, written beside the model where there is none.

    Raises:
        InputError: There is something in the way, no room, or the model is not complete.
        ModelMovedError: It is another trial's by now, or is no longer there.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(
            "there is something already", where=str(target), remedy="export.model=NEW_FOLDER"
        )
    target = target.resolve()
    made = target if target.is_dir() else target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with _refusals(source, target):
            made.parent.mkdir(parents=True, exist_ok=True)
            copy_complete(source, made)
            _describe(made, trial, config)
        yield
        if made != target:
            with _refusals(source, target):
                made.rename(target)
    except BaseException:
        empty(made)
        if made != target:
            discard(made)
        raise


@contextmanager
def _refusals(source: Path, target: Path) -> Iterator[None]:
    """Turn the errors of a copy into ours."""
    try:
        yield
    except OSError as error:
        if not source.is_dir():
            raise ModelMovedError from error
        raise InputError(
            f"the model cannot be copied: {error}",
            where=str(target),
            remedy="export.model=DIR where there is room and you may write",
        ) from error


def _describe(made: Path, trial: int, config: str) -> None:
    file = made / "best.yaml"
    if not file.exists():
        write_whole(file, config)
        return
    written = written_model(file)
    if written is not None and written.trial != trial:
        raise ModelMovedError


def _having(kept: Sequence[tuple[int, Path]]) -> str:
    """Return of which trials a model is kept, in words."""
    numbers = sorted({number for number, _ in kept})
    if numbers[1:]:
        return f"those that are kept are of trials {', '.join(map(str, numbers))}"
    return f"the one that is kept is of trial {numbers[0]}" if numbers else "none is kept"


def _kept_models(folder: StudyFolder) -> list[tuple[int, Path]]:
    """Return the trials whose models are kept and where: the best, or all of a front."""
    found = []
    # While a folder takes another's place the old one lies aside, and stays there after a kill.
    for place in (folder.best_model, aside(folder.best_model)):
        best = written_model(place / folder.best.name)
        found += [] if best is None else [(best.trial, place)]
    paths = folder.path.glob("trials/*/model")
    return found + [(int(p.parent.name), p) for p in sorted(paths) if p.parent.name.isdecimal()]
