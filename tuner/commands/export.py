"""`tuner export sweep=NAME`: the best configuration of a study in a form that can be run."""

import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
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
from tuner.results.publication import Publication, publication
from tuner.search.goals import Goals
from tuner.settings.export import ExportSettings
from tuner.settings.settings import TrialSettings
from tuner.soup import StoredSoup
from tuner.study.reader import StoredStudy, StudyReader
from tuner.trial.folder import StudyFolder
from tuner.trial.records import TrialOutcome
from tuner.trial.serialization import to_plain

ExportedTrial = tuple[TrialOutcome, TrialSettings]
"""Exported trial and the configuration that it ran with."""


def run(arguments: Sequence[str]) -> int:
    """Run the command.

    Args:
        arguments: Hydra overrides: sweep or study, output, storage, export.

    Returns:
        0 if done, 1 if no trial is good enough.

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
        "the sweep found a better model each time the model was copied",
        where=f"export.model={composed.settings.model}",
        remedy="repeat the command, or set export.trial=N to a trial whose model is kept",
    )


def _export(composed: ComposedReader[ExportSettings], study: StoredStudy) -> int:
    export = composed.settings
    outcomes = study.outcomes
    _check_weights(export, study.goals)
    wanted = study.soup if export.soup else None
    published = publication(outcomes, study.goals, study.confirmation, wanted)
    holds = published is not None and published.confirmation is not None
    choice = choose(outcomes, study.goals, export, study.confirmed if holds else ())
    if not choice.outcomes:
        _print_note(f"nothing to export from {study.name}: {choice.reason}")
        return 1
    folder = StudyFolder(Path(composed.output), study.name)
    exported = [(outcome, _settings(outcome, study, folder)) for outcome in choice.outcomes]
    facts = StudyFacts(
        name=study.name,
        goals=study.goals,
        contents=study.contents,
        made_with=study.made_with,
        confirmation=study.confirmation,
        soup=None if published is None else published.soup,
        model=None if published is None else published.model,
    )
    soup = _published_soup(export, published, exported[0][0])
    with _with_models(export, facts, exported[0], folder, soup) as notes:
        _write(
            _FORMATTERS[export.format](facts, exported, export.output or "FILE.yaml"),
            export.output,
        )
        if export.format == "training_arguments":
            _report_left_out(exported, export.output)
    for note in notes:
        _print_note(note)
    return 0


def _published_soup(
    export: ExportSettings, published: Publication | None, chosen: TrialOutcome
) -> StoredSoup | None:
    """Return the soup in place of a trial's model; None for the model itself."""
    if published is None or export.trial is not None:
        return None
    return published.published_soup if chosen.number == published.outcome.number else None


@contextmanager
def _with_models(
    export: ExportSettings,
    facts: StudyFacts,
    chosen: ExportedTrial,
    folder: StudyFolder,
    soup: StoredSoup | None,
) -> Iterator[list[str]]:
    """Copy the model of a trial, or the soup in its place; write nothing if that fails.

    Yields:
        Lines about the copies.

    Raises:
        InputError: The model is not here, or cannot be copied or converted.
        ModelMovedError: The sweep has replaced the model.
    """
    targets = {"model": export.model, "onnx": export.onnx}
    wanted = {key: Path(target) for key, target in targets.items() if target is not None}
    notes: list[str] = []
    if wanted:
        from tuner.orchestration.serving import ServingExport  # noqa: PLC0415 - reads data

        outcome, settings = chosen
        source = find_model(folder, outcome.number, outcome.model_error, soup=soup is not None)
        serving = ServingExport(export, settings, facts.contents)
    with ExitStack() as stack:
        for key, target in wanted.items():
            text = as_yaml(facts, outcome, settings, str(target / folder.best.name))
            copy = copied_model(
                source, outcome.number, target, text, key=f"export.{key}", soup=soup is not None
            )
            made = stack.enter_context(copy)
            notes += serving.finish(made, as_onnx=key == "onnx")
            notes.append(f"{key:<13} {target}{'' if soup is None else f': {soup.model.text}'}")
        yield notes


def _check_weights(export: ExportSettings, goals: Goals) -> None:
    """Check that weights belong to objectives of the study, and exist if the pick needs them.

    Raises:
        InputError: They do not.
    """
    named = ", ".join(f"{name}: 1.0" for name in goals.objectives)
    unknown = [name for name in export.weights if name not in goals.objectives]
    problem = ""
    if unknown:
        problem = f"{unknown[0]} is no objective of the study"
    elif any(not weight >= 0.0 for weight in export.weights.values()):
        problem = "a weight is negative"
    elif export.weights and export.pick != "weights":
        problem = "weights are used only with export.pick=weights, which is missing"
    elif export.pick == "weights" and not any(export.weights.values()):
        problem = "export.pick=weights needs at least one weight, and there is none"
    if problem:
        raise InputError(
            problem,
            where=f"export.weights={value_text(export.weights)}",
            remedy=f"set export.pick=weights 'export.weights={{{named}}}'",
        )


def _settings(outcome: TrialOutcome, study: StoredStudy, folder: StudyFolder) -> TrialSettings:
    """Return the configuration that a trial ran with, from its folder, else from the study."""
    file = folder.trial(outcome.number).config
    text = next(trial.config for trial in study.trials if trial.number == outcome.number)
    found = stored_settings(file, text)
    if found is None:
        raise InputError(
            f"the configuration of trial {outcome.number} is neither in the study nor here",
            where=str(file),
            remedy="repeat this command on the machine that ran it",
        )
    return found


def _hydra(facts: StudyFacts, exported: Sequence[ExportedTrial], file: str) -> str:
    if len(exported) > 1:
        file = "FILE.yaml, a file with this document alone"
    return "---\n".join(as_yaml(facts, outcome, settings, file) for outcome, settings in exported)


def _cli(facts: StudyFacts, exported: Sequence[ExportedTrial], file: str) -> str:  # noqa: ARG001
    return "".join(train_command(settings, Path.cwd()) + "\n" for _, settings in exported)


def _json(facts: StudyFacts, exported: Sequence[ExportedTrial], file: str) -> str:  # noqa: ARG001
    found = [
        {
            **provenance(facts, outcome),
            "parameters": dict(outcome.parameters),
            "configuration": to_plain(settings),
        }
        for outcome, settings in exported
    ]
    return _dump(found)


def _arguments(facts: StudyFacts, exported: Sequence[ExportedTrial], file: str) -> str:  # noqa: ARG001
    found = [training_arguments(settings, outcome.last)[0] for outcome, settings in exported]
    return _dump(found)


def _dump(found: Sequence[Any]) -> str:
    """Return the only item, or the list, as JSON; NaN and infinity become texts."""
    content = _json_value(found[0] if len(found) == 1 else found)
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def _json_value(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _json_value(item) for key, item in value.items()}
    return list(map(_json_value, value)) if isinstance(value, list | tuple) else value


_FORMATTERS: Mapping[str, Callable[[StudyFacts, Sequence[ExportedTrial], str], str]] = {
    "hydra": _hydra,
    "cli": _cli,
    "json": _json,
    "training_arguments": _arguments,
}


def _report_left_out(exported: Sequence[ExportedTrial], output: str | None) -> None:
    """Print the settings that TrainingArguments lacks, and write them beside the file."""
    left_out: list[dict[str, Any]] = []
    for outcome, settings in exported:
        several = len(exported) > 1
        _print_note(f"not in TrainingArguments{f' of trial {outcome.number}' * several}:")
        for item in training_arguments(settings, outcome.last)[1]:
            _print_note(f"  {item.key}: {item.value} → {item.remedy}")
            left_out.append(({"trial": outcome.number} if several else {}) | asdict(item))
    if output is not None and is_replaceable(Path(output)):
        left_out_file = Path(output).with_suffix(".left_out.json")
        _write(json.dumps(left_out, indent=2, ensure_ascii=False) + "\n", str(left_out_file))


def _write(text: str, output: str | None) -> None:
    if output is None:
        write_result(text, "export.output=FILE")
        return
    try:
        write_output(Path(output), text)
    except OSError as error:
        raise InputError(
            f"the file cannot be written: {error}",
            where=output,
            remedy="set export.output=FILE to a file in a folder that can be written",
        ) from error
    _print_note(f"written       {output}")


def _print_note(line: str) -> None:
    """Print to standard error, since standard output may be read by another program."""
    print(line, file=sys.stderr)  # noqa: T201
