"""`tuner predict DIR FILE`: labels and probabilities of a trained model, for a quick check."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from textwrap import shorten
from typing import Any

from tuner.checkpoints.saved import ModelInputs, read_inputs, read_task
from tuner.commands.command_words import read_options
from tuner.config import compose_predict, load_trial
from tuner.data.delimited import Hints
from tuner.data.examples import SecondColumns, TargetColumns
from tuner.data.texts import Texts, read_texts
from tuner.errors import InputError
from tuner.files.model_folder import is_present, read_whole
from tuner.files.output_file import check_output, write_output
from tuner.results.layout import GAP, Column, cell
from tuner.results.tables import FittedTable
from tuner.results.terminal import Terminal
from tuner.settings.predict_settings import PredictSettings
from tuner.settings.settings import TrialSettings
from tuner.trial.names import MODEL_NAME
from tuner.worker.predict_client import Prediction, predict

SHOWN_LABELS = 4
"""Number of the most probable labels shown for a row."""

SHOWN_CHARACTERS = 60
"""Maximal length of a shown text."""


def run(arguments: Sequence[str]) -> int:
    """Run the command.

    Args:
        arguments: Folder of the model, the file, then overrides of `predict`.

    Returns:
        0.

    Raises:
        InputError: Folder, file or an argument cannot be used.
    """
    arguments = read_options(arguments, command="predict").overrides
    if len(arguments) < 2 or any(word.startswith("predict.") for word in arguments[:2]):  # noqa: PLR2004
        raise InputError(
            "the command needs a model's folder and a file",
            where="the command line",
            remedy="type tuner predict outputs/lr_search/best_model reviews.csv",
        )
    folder, file = map(Path, arguments[:2])
    settings = compose_predict(arguments[2:], Path.cwd())
    if not is_present(folder):
        raise InputError(
            f"there is no folder {folder}",
            where="the command line",
            remedy="type tuner predict outputs/STUDY/best_model FILE, or with a folder that "
            "export.model=DIR has written",
        )
    if settings.output is not None:
        _check_writable(Path(settings.output))

    def answer(model: Path) -> tuple[Texts, Prediction, str | None]:
        texts, assumed = _read(model, file, settings)
        prediction = predict(model, texts)
        return _as_named(texts, prediction), prediction, assumed

    texts, prediction, assumed = read_whole(folder, answer)
    _show(texts, prediction, settings)
    if assumed is not None:
        Terminal("").result(assumed)
    if settings.output is not None:
        write_output(Path(settings.output), as_csv(texts, prediction))
    return 0


def _read(model: Path, file: Path, settings: PredictSettings) -> tuple[Texts, str | None]:
    """Read the texts as the model's training data were read, unless the settings differ.

    Returns:
        Texts, and a note on assumptions if the inputs of the model are unknown.
    """
    task, _ = read_task(
        model
    )  # Fails at once on what the slow process that predicts would refuse.
    known = _known_inputs(model)
    trained = known or ModelInputs.of(TrialSettings())
    second = SecondColumns(
        text_pair=settings.text_pair or trained.text_pair,
        choices=settings.choices or trained.choices,
        section="predict",
    )
    if known is not None:
        known.check_pairs(given=bool(second.names), key="predict.text_pair")
    texts = read_texts(
        file,
        settings.text or trained.text,
        second,
        settings.label,
        task=task,
        usual=TargetColumns(
            label=trained.label,
            separator=trained.label_separator,
            columns=trained.label_columns,
        ),
        hints=Hints(
            delimiter=settings.delimiter or trained.delimiter,
            quoting=settings.quoting or trained.quoting,
            label=settings.label or (trained.label_columns or [trained.label])[0],
            separator=trained.label_separator,
        ),
    )
    return texts, None if known is not None else _unknown_inputs(trained.text, settings)


def _as_named(texts: Texts, prediction: Prediction) -> Texts:
    """Return texts whose targets are spelled as the model's names, if it knows them."""
    if texts.targets is None:
        return texts
    try:
        known = prediction.task.known(texts.targets, prediction.names, "the file")
    except InputError:
        return texts
    return replace(texts, targets=known)


def _check_writable(output: Path) -> None:
    """Check before the work that its result can be written.

    Raises:
        InputError: It cannot.
    """
    try:
        check_output(output)
    except OSError as error:
        raise InputError(
            f"the file cannot be written: {error.strerror or error}",
            where=f"predict.output={output}",
            remedy="set predict.output=FILE.csv to a file in a folder that can be written",
        ) from error


def _known_inputs(folder: Path) -> ModelInputs | None:
    """Return the inputs of a model; None if unknown.

    Older folders have no record of them; there the configuration is in the folder or, after a
    single fine-tune, beside it.
    """
    if inputs := read_inputs(folder):
        return inputs
    older_files = [folder.parent / "config.yaml"] if folder.name == MODEL_NAME else []
    found = [file for file in (folder / "best.yaml", *older_files) if file.is_file()]
    return ModelInputs.of(load_trial(found[0])) if found else None


def _unknown_inputs(text: str, settings: PredictSettings) -> str:
    """Return a note on the columns that were assumed."""
    column = settings.text or text
    pair = f"and {settings.text_pair!r}" if settings.text_pair else "alone"
    return (
        f"the inputs of the model are unknown: column {column!r} {pair} was read; "
        "set predict.text=COLUMN predict.text_pair=COLUMN for others"
    )


def _show(texts: Texts, prediction: Prediction, settings: PredictSettings) -> None:
    terminal = Terminal("")
    for remark in texts.remarks:
        terminal.result(remark)
    terminal.console.print(first_rows(texts, prediction, settings.rows))
    terminal.result(
        f"\n{len(texts.texts)} rows; predicted: {prediction.task.summary(prediction.rows)}"
    )
    if texts.targets is not None:
        terminal.result(_against(texts.targets, prediction))
    if settings.output is None:
        terminal.result("predict.output=FILE.csv writes all rows")
    else:
        terminal.result(f"{'predictions':<13} {settings.output}")


def _against(targets: Sequence[Any], prediction: Prediction) -> str:
    """Return the scores against the targets of the file."""
    try:
        found = prediction.evaluate(targets, "the file")
    except InputError:
        return "the file's labels differ from the model's"
    scores = prediction.task.scores
    values = ", ".join(f"{scores[name].title} {value:.4f}" for name, value in found.scores.items())
    return f"against the file's labels: {values}"


def first_rows(texts: Texts, prediction: Prediction, rows: int) -> FittedTable:
    """Return the first rows; columns too wide for the terminal go below the row, texts first."""
    every = prediction.rows
    found = every[:rows]
    shown = range(len(found))
    parts = [" | ".join(_short(text) for text in texts.row(row)) for row in shown]
    columns = [
        Column(heading="row", cells=[cell(str(row + 1)) for row in shown], right=True),
        Column(heading="predicted", cells=[cell(prediction.task.shown(row)) for row in found]),
    ]
    if "probabilities" in every[0]:
        shares = [cell(_shares(row["probabilities"])) for row in found]
        columns.append(Column(heading="probabilities", cells=shares, move_order=1))
    if texts.targets is not None:
        true = [cell(prediction.task.shown_target(texts.targets[row])) for row in shown]
        columns.append(Column(heading="true", cells=true))
    return FittedTable(
        [*columns, Column(heading="text", cells=list(map(cell, parts)), move_order=0)]
    )


def _shares(probabilities: Mapping[str, float]) -> str:
    """Return the most probable labels with their probabilities."""
    order = sorted(probabilities, key=lambda label: -probabilities[label])
    return GAP.join(f"{label} {probabilities[label]:.3f}" for label in order[:SHOWN_LABELS])


def _short(text: str) -> str:
    return shorten(text, SHOWN_CHARACTERS, placeholder="…")


def as_csv(texts: Texts, prediction: Prediction) -> str:
    """Return all rows: the texts, the true target if known, the prediction, probabilities."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    task = prediction.task
    true = None if texts.targets is None else list(map(task.shown_target, texts.targets))
    parts = zip(*map(texts.row, range(len(texts.texts))), strict=True)
    columns = dict(zip(("text", "text_pair"), parts, strict=False))
    if true is not None:
        columns["label"] = tuple(true)
    found = prediction.rows
    labels = list(dict.fromkeys(label for row in found for label in row.get("probabilities", ())))
    # The probability of the prediction is among those of all labels.
    numbers = [name for name, kind in list(task.predicts.items())[1:] if kind in (int, float)]
    numbers = [name for name in numbers if not labels or name != "probability"]
    shares = [f"probability of {label}" for label in labels]
    writer.writerow([*columns, "predicted", *numbers, *shares])
    for cells, row in zip(zip(*columns.values(), strict=True), found, strict=True):
        known = row.get("probabilities", {})  # A row with few choices has few.
        figures = [*(row[name] for name in numbers), *(known.get(label, "") for label in labels)]
        writer.writerow([*cells, task.written(row), *figures])
    return file.getvalue()
