"""`tuner export sweep=NAME`: the best configuration of a study as something that runs."""

import json
import math
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tuner.atomic import write_whole
from tuner.config import ComposedReader, compose_export, load_trial, train_command
from tuner.core.exporting import ExportSettings, choose, override, training_arguments
from tuner.core.goals import Goals
from tuner.core.settings import TrialSettings
from tuner.core.trial import TrialOutcome
from tuner.errors import InputError
from tuner.exported import StudyFacts, as_yaml, kept_trial, provenance
from tuner.folder import StudyFolder
from tuner.output import write_result
from tuner.output_file import write_output
from tuner.records import to_plain
from tuner.study_reader import StoredStudy, StudyReader

Written = tuple[TrialOutcome, TrialSettings]
"""A chosen trial and the configuration that it ran with."""


def run(arguments: Sequence[str]) -> int:
    """Runs the command.

    Args:
        arguments: Hydra overrides: sweep or study, output, storage, export.

    Returns:
        0 done, 1 no trial is good enough.

    Raises:
        InputError: There is no such study, or an argument is wrong.
    """
    composed = compose_export(arguments, Path.cwd())
    reader = StudyReader(composed.study, composed.storage, Path(composed.output))
    try:
        study = reader.read()
    finally:
        reader.close()
    return _export(composed, study)


def _export(composed: ComposedReader[ExportSettings], study: StoredStudy) -> int:
    export = composed.settings
    outcomes = [trial.outcome for trial in study.trials if trial.outcome is not None]
    _refuse_weightless(export, study.goals)
    choice = choose(outcomes, study.goals, export, study.confirmed)
    if not choice.outcomes:
        _say(f"nothing to export from {study.name}: {choice.reason}")
        return 1
    folder = StudyFolder(Path(composed.output), study.name)
    written = [(outcome, _settings(outcome, study, folder)) for outcome in choice.outcomes]
    facts = StudyFacts(
        name=study.name,
        goals=study.goals,
        contents=study.contents,
        made_with=study.made_with,
        confirmation=study.confirmation,
    )
    _write(_FORMS[export.format](facts, written, export.output or "FILE.yaml"), export.output)
    if export.format == "training_arguments":
        _tell_left_out(written, export.output)
    if export.model is not None:
        _copy_model(facts, written[0], folder, Path(export.model))
    return 0


def _refuse_weightless(export: ExportSettings, goals: Goals) -> None:
    """Sees that weights are of the study's objectives, and there where they are asked for.

    Raises:
        InputError: They are not.
    """
    named = ", ".join(f"{name}: 1.0" for name in goals.objectives)
    unknown = [name for name in export.weights if name not in goals.objectives]
    problem = ""
    if unknown:
        problem = f"no objective of the study is {unknown[0]}"
    elif any(not weight >= 0.0 for weight in export.weights.values()):
        problem = "a weight is below 0"
    elif export.weights and export.pick != "weights":
        problem = "export.pick=weights is missing, without which they weigh nothing"
    elif export.pick == "weights" and not any(export.weights.values()):
        problem = "no weight is given"
    if problem:
        raise InputError(
            problem,
            where=f"export.weights={dict(export.weights)}",
            remedy=f"export.pick=weights 'export.weights={{{named}}}'",
        )


def _settings(outcome: TrialOutcome, study: StoredStudy, folder: StudyFolder) -> TrialSettings:
    """The configuration that a trial ran with: of its folder, else as it stands in the study."""
    file = folder.trial(outcome.number).config
    if file.exists():
        return load_trial(file)
    text = next(trial.config for trial in study.trials if trial.number == outcome.number)
    if not text:
        raise InputError(
            f"the configuration of trial {outcome.number} is neither in the study nor here",
            where=str(file),
            remedy="export it on the machine that ran it",
        )
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / "config.yaml"
        copy.write_text(text, encoding="utf-8")
        return load_trial(copy)


def _hydra(facts: StudyFacts, written: Sequence[Written], file: str) -> str:
    if len(written) > 1:
        file = "FILE.yaml, a file with this document alone"
    return "---\n".join(as_yaml(facts, outcome, settings, file) for outcome, settings in written)


def _cli(facts: StudyFacts, written: Sequence[Written], file: str) -> str:  # noqa: ARG001
    return "".join(train_command(settings, Path.cwd()) + "\n" for _, settings in written)


def _json(facts: StudyFacts, written: Sequence[Written], file: str) -> str:  # noqa: ARG001
    found = [
        {
            **provenance(facts, outcome),
            "parameters": dict(outcome.parameters),
            "configuration": to_plain(settings),
        }
        for outcome, settings in written
    ]
    return _dumped(found)


def _arguments(facts: StudyFacts, written: Sequence[Written], file: str) -> str:  # noqa: ARG001
    found = [training_arguments(settings, outcome.last)[0] for outcome, settings in written]
    return _dumped(found)


def _dumped(found: Sequence[Any]) -> str:
    """JSON of the one there is, or of all. It has no NaN and no infinity: they become texts."""
    content = _writable(found[0] if len(found) == 1 else found)
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def _writable(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _writable(item) for key, item in value.items()}
    return list(map(_writable, value)) if isinstance(value, list | tuple) else value


_FORMS: Mapping[str, Callable[[StudyFacts, Sequence[Written], str], str]] = {
    "hydra": _hydra,
    "cli": _cli,
    "json": _json,
    "training_arguments": _arguments,
}


def _tell_left_out(written: Sequence[Written], output: str | None) -> None:
    """What TrainingArguments has no counterpart for, on the terminal and beside the file."""
    left_out: list[dict[str, Any]] = []
    for outcome, settings in written:
        several = len(written) > 1
        _say(f"not in TrainingArguments{f' of trial {outcome.number}' * several}:")
        for item in training_arguments(settings, outcome.last)[1]:
            _say(f"  {item.key}: {item.value} → {item.remedy}")
            left_out.append(({"trial": outcome.number} if several else {}) | asdict(item))
    if output is not None:
        beside = Path(output).with_suffix(".left_out.json")
        _write(json.dumps(left_out, indent=2, ensure_ascii=False) + "\n", str(beside))


def _copy_model(facts: StudyFacts, chosen: Written, folder: StudyFolder, target: Path) -> None:
    """Copies a trial's model, with its configuration beside it.

    Raises:
        InputError: The models that are kept are other trials', or there is something in the way.
    """
    outcome, settings = chosen
    models = _kept_models(folder)
    source = models.get(outcome.number)
    if source is None:
        raise InputError(
            f"the model of trial {outcome.number} is not here: {_having(sorted(models))}",
            where=str(folder.best_model),
            remedy=f"tuner export {override('study', folder.path.name)} "
            f"export.trial={outcome.number} export.output=FILE.yaml, and tuner train FILE.yaml, "
            "which leaves its model behind",
        )
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(
            "there is something already", where=str(target), remedy="export.model=NEW_FOLDER"
        )
    try:
        shutil.copytree(source, target, dirs_exist_ok=True)
    except OSError as error:
        raise InputError(
            f"the model can not be written: {error}",
            where=str(target),
            remedy="export.model=DIR where there is room and you may write",
        ) from error
    file = target / folder.best.name
    if not file.exists():
        write_whole(file, as_yaml(facts, outcome, settings, str(file)))
    _say(f"model         {target}")


def _having(kept: Sequence[int]) -> str:
    """Of which trials a model is kept, in words."""
    if len(kept) > 1:
        return f"those that are kept are of trials {', '.join(map(str, kept))}"
    return f"the one that is kept is of trial {kept[0]}" if kept else "none is kept"


def _kept_models(folder: StudyFolder) -> dict[int, Path]:
    """Trial number to its model, where one is kept: the best, or all of a front."""
    front = {int(path.parent.name): path for path in folder.path.glob("trials/*/model")}
    best = kept_trial(folder)
    return front if best is None else front | {best: folder.best_model}


def _write(text: str, output: str | None) -> None:
    if output is None:
        write_result(text, "export.output=FILE")
        return
    try:
        write_output(Path(output), text)
    except OSError as error:
        raise InputError(
            f"the file can not be written: {error}",
            where=output,
            remedy="export.output=FILE in a folder that can be written",
        ) from error
    _say(f"written       {output}")


def _say(line: str) -> None:
    """Beside what is exported, which may go on to another program."""
    print(line, file=sys.stderr)  # noqa: T201
