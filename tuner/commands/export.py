"""`tuner export sweep=NAME`: the best configuration of a study as something that runs."""

import json
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tuner.commands.command_words import read_options
from tuner.commands.exported_model import ModelMovedError, copied_model, find_model
from tuner.config import ComposedReader, compose_export, train_command
from tuner.errors import InputError
from tuner.files.model_folder import PAUSE, READS
from tuner.files.output_file import is_replaceable, write_output
from tuner.files.streams import write_result
from tuner.formatting.value_text import value_text
from tuner.results.best_file import StudyFacts, as_yaml, provenance, stored_settings
from tuner.results.export import choose, training_arguments
from tuner.results.publication import publication
from tuner.search.goals import Goals
from tuner.settings.export import ExportSettings
from tuner.settings.settings import TrialSettings
from tuner.study.reader import StoredStudy, StudyReader
from tuner.trial.folder import StudyFolder
from tuner.trial.records import TrialOutcome
from tuner.trial.serialization import to_plain

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
    options = read_options(arguments, command="export")
    composed = compose_export(options.overrides, Path.cwd())
    reader = StudyReader(composed.study, composed.storage, Path(composed.output))
    try:
        for _ in range(READS):
            with suppress(ModelMovedError):
                return _export(composed, reader.read())
            time.sleep(PAUSE)
    finally:
        reader.close()
    raise InputError(
        "the sweep found a better model each time that one was copied",
        where=f"export.model={composed.settings.model}",
        remedy="the same command again, or export.trial=N of a trial whose model is kept",
    )


def _export(composed: ComposedReader[ExportSettings], study: StoredStudy) -> int:
    export = composed.settings
    outcomes = study.outcomes
    _refuse_weightless(export, study.goals)
    published = publication(outcomes, study.goals, study.confirmation)
    holds = published is not None and published.confirmation is not None
    choice = choose(outcomes, study.goals, export, study.confirmed if holds else ())
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
    with _model_beside(export, facts, written[0], folder):
        _write(_FORMS[export.format](facts, written, export.output or "FILE.yaml"), export.output)
        if export.format == "training_arguments":
            _tell_left_out(written, export.output)
    if export.model is not None:
        _say(f"model         {export.model}")
    return 0


def _model_beside(
    export: ExportSettings, facts: StudyFacts, chosen: Written, folder: StudyFolder
) -> AbstractContextManager[None]:
    """Copy the model of a trial where one is asked for; nothing is written where that fails.

    Raises:
        InputError: It is not here, or cannot be copied.
        ModelMovedError: The sweep has put another one in its place.
    """
    if export.model is None:
        return nullcontext()
    outcome, settings = chosen
    target = Path(export.model)
    source = find_model(folder, outcome.number, outcome.model_error)
    text = as_yaml(facts, outcome, settings, str(target / folder.best.name))
    return copied_model(source, outcome.number, target, text)


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
            where=f"export.weights={value_text(export.weights)}",
            remedy=f"export.pick=weights 'export.weights={{{named}}}'",
        )


def _settings(outcome: TrialOutcome, study: StoredStudy, folder: StudyFolder) -> TrialSettings:
    """The configuration that a trial ran with: of its folder, else as it stands in the study."""
    file = folder.trial(outcome.number).config
    text = next(trial.config for trial in study.trials if trial.number == outcome.number)
    found = stored_settings(file, text)
    if found is None:
        raise InputError(
            f"the configuration of trial {outcome.number} is neither in the study nor here",
            where=str(file),
            remedy="export it on the machine that ran it",
        )
    return found


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
    if output is not None and is_replaceable(Path(output)):
        beside = Path(output).with_suffix(".left_out.json")
        _write(json.dumps(left_out, indent=2, ensure_ascii=False) + "\n", str(beside))


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
