"""Models that best_model/ and single_model/ hold, compared with best.yaml."""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tuner.files.model_folder import damage
from tuner.processes.invocation import invoked
from tuner.trial.folder import StudyFolder
from tuner.trial.model_identity import KeptModel, published_members
from tuner.trial.records import TrialOutcome

_COMPARED = (
    "study", "trial", "attempt", "objective", "value", "measured", "confirmed", "test", "soup",
    "model_error",
)  # fmt: skip
"""Fields of a provenance that distinguish publications; versions of libraries do not."""


def kept_model(folder: StudyFolder) -> KeptModel | None:
    """The model in best_model/; None where there is none."""
    return written_model(folder.best_model / folder.best.name)


def is_of(file: Path, expected: Mapping[str, Any]) -> bool:
    """Return True if an exported configuration is of the trial and up to date.

    Args:
        file: Exported configuration, which may not exist.
        expected: As `provenance` gives it.
    """
    written = read_configuration(file).get("provenance")
    return isinstance(written, dict) and all(
        _text(written.get(key)) == _text(expected.get(key)) for key in _COMPARED
    )


def _text(value: object) -> str:
    """Return a plain value as text, in which NaN equals itself."""
    return json.dumps(value, sort_keys=True, default=str)


def came_from(file: Path, outcome: TrialOutcome) -> bool:
    """Return whether an exported configuration is of this trial, not one of another study.

    Args:
        file: An exported configuration.
        outcome: Outcome of the trial.
    """
    written = read_configuration(file).get("provenance")
    expected = {"trial": outcome.number, "attempt": outcome.attempt, "value": outcome.value}
    return isinstance(written, dict) and all(
        written.get(key, value) == value for key, value in expected.items()
    )


def written_model(file: Path) -> KeptModel | None:
    """Return the model that an exported configuration describes; None where it is none."""
    content = read_configuration(file)
    try:
        provenance = content["provenance"]
        return KeptModel(
            trial=int(provenance["trial"]),
            seed=int(content["training"]["seed"]),
            members=published_members(provenance),
        )
    except (ValueError, KeyError, TypeError):
        return None


def model_note(folder: StudyFolder) -> str | None:
    """Return what people should know where best_model/ is not the model of best.yaml.

    Args:
        folder: The study's files.

    Returns:
        None where it is, or where there is no best.yaml.
    """
    best, kept = written_model(folder.best), kept_model(folder)
    problem = damage(folder.best_model)
    if best is None or (kept is not None and problem is None and _is_same(kept, best)):
        return None
    holds = "holds no model"
    if problem is not None:
        holds = f"is not complete: {problem}"
    elif kept is not None:
        holds = f"holds {kept.text if kept.members else f'the model of trial {kept.trial}'}"
    if best.members:
        return (
            f"{folder.best_model} {holds}; {best.text} is not here. The next start of the sweep "
            "builds it again where the weights of these trials are kept"
        )
    error = read_configuration(folder.best)["provenance"].get("model_error")
    why = f"could not be saved: {error}" if error else "is not here"
    train = invoked(()).command("train", shlex.quote(str(folder.best)))
    is_retrained = error or folder.trial(best.trial).outcome.exists()
    again = f"The next start of the sweep trains it again; without the sweep: {train}"
    return (
        f"{folder.best_model} {holds}; the model of trial {best.trial}, the best, {why}. "
        f"{again if is_retrained else f'Train it again: {train}'}"
    )


def _is_same(kept: KeptModel, best: KeptModel) -> bool:
    """Return True if a model is of the configuration in best.yaml, with whatever seed."""
    return (kept.trial, kept.members) == (best.trial, best.members)


def read_configuration(file: Path) -> dict[str, Any]:
    """Return a file's content; nothing where it is no mapping."""
    try:
        content = yaml.safe_load(file.read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return content if isinstance(content, dict) else {}
