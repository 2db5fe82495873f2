"""Model of an exported trial: found where the sweep left it, and copied."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tuner.errors import InputError
from tuner.files.atomic import aside, write_whole
from tuner.files.model_folder import PAUSE, check_complete, copy_complete, defect, discard, empty
from tuner.settings.overrides import override
from tuner.trial.folder import StudyFolder
from tuner.trial.kept_model import written_model

ATTEMPTS = 3
"""Number of times to search the folders, since a running sweep may move the model."""


class ModelMovedError(Exception):
    """The sweep has replaced or moved the model since it was found; search again."""


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """Model that a study keeps."""

    trial: int
    """Number of its trial; of a soup, that of the best single model."""
    is_soup: bool
    """True if it averages several models."""
    path: Path
    """Its folder."""


def find_model(folder: StudyFolder, trial: int, model_error: str | None, *, soup: bool) -> Path:
    """Return the folder of a trial's complete model.

    Args:
        folder: Files of the study.
        trial: Number of the trial.
        model_error: Reason why the trial's model could not be saved, if known.
        soup: True for the soup that is published in place of the trial's own model.

    Raises:
        InputError: The kept models belong to other trials, or this one is incomplete.
    """
    kept: list[_Kept] = []
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE)  # The sweep may have moved it during the search.
        kept = _kept_models(folder)
        found = [each.path for each in kept if (each.trial, each.is_soup) == (trial, soup)]
        complete = next((path for path in found if defect(path) is None), None)
        if complete is not None:
            return complete
    for path in found:
        check_complete(path)
    if soup:
        raise InputError(
            "the soup is not here",
            where=str(folder.best_model),
            remedy="set export.soup=false, which writes the best single model; or repeat the "
            "command on the machine that built the soup",
        )
    why = f"it could not be saved ({model_error}); " if model_error else ""
    raise InputError(
        f"the model of trial {trial} is not here: {why}{_kept_text(kept)}",
        where=str(folder.best_model),
        remedy=f"run tuner export {override('study', folder.path.name)} export.trial={trial} "
        "export.output=FILE.yaml, then tuner train FILE.yaml, which keeps its model",
    )


@contextmanager
def copied_model(
    source: Path, trial: int, target: Path, config: str, *, key: str, soup: bool
) -> Iterator[Path]:
    """Copy a model; the copy is removed again if the body of the `with` fails.

    Args:
        source: Folder of the model.
        trial: Number of the trial that the model has to belong to.
        target: Missing or empty folder.
        config: Configuration of the trial, written beside a model that has none.
        key: Key that names the target, for messages.
        soup: True if it has to be the soup in place of the trial's own model.

    Yields:
        Folder of the copy, which becomes the target after the body.

    Raises:
        InputError: The target is not empty, the disk is full, or the model is incomplete.
        ModelMovedError: The model is gone, or belongs to another trial now.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(
            "the folder exists and is not empty",
            where=str(target),
            remedy=f"set {key}=NEW_FOLDER",
        )
    target = target.resolve()
    made = target if target.is_dir() else target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with _copy_errors(source, target, key):
            made.parent.mkdir(parents=True, exist_ok=True)
            copy_complete(source, made)
            _describe(made, trial, config, soup=soup)
        yield made
        if made != target:
            with _copy_errors(source, target, key):
                made.rename(target)
    except BaseException:
        empty(made)
        if made != target:
            discard(made)
        raise


@contextmanager
def _copy_errors(source: Path, target: Path, key: str) -> Iterator[None]:
    """Turn the errors of a copy into ours."""
    try:
        yield
    except OSError as error:
        if not source.is_dir():
            raise ModelMovedError from error
        raise InputError(
            f"the model cannot be copied: {error}",
            where=str(target),
            remedy=f"set {key}=DIR to a folder that can be written, with enough free space",
        ) from error


def _describe(made: Path, trial: int, config: str, *, soup: bool) -> None:
    file = made / "best.yaml"
    if not file.exists():
        write_whole(file, config)
        return
    written = written_model(file)
    if written is not None and (written.trial, bool(written.members)) != (trial, soup):
        raise ModelMovedError


def _kept_text(kept: Sequence[_Kept]) -> str:
    """Return the trials whose models are kept, in words."""
    numbers = sorted({each.trial for each in kept if not each.is_soup})
    if numbers[1:]:
        return f"those that are kept are of trials {', '.join(map(str, numbers))}"
    return f"the one that is kept is of trial {numbers[0]}" if numbers else "none is kept"


def _kept_models(folder: StudyFolder) -> list[_Kept]:
    """Return the models that are kept: the best, beside a soup, or all of a front."""
    found = []
    for model in (folder.best_model, folder.single_model):
        # While a folder is replaced, the old one is beside it, and stays there after a kill.
        for place in (model, aside(model)):
            best = written_model(place / folder.best.name)
            if best is not None:
                kept = _Kept(trial=best.trial, is_soup=bool(best.members), path=place)
                found.append(kept)
    paths = sorted(folder.path.glob("trials/*/model"))
    return found + [
        _Kept(trial=int(path.parent.name), is_soup=False, path=path)
        for path in paths
        if path.parent.name.isdecimal()
    ]
