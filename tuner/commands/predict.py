"""`tuner predict DIR FILE`: labels and probabilities of a trained model, for a first look."""

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from textwrap import shorten

from tuner.checkpoints.saved import ModelInputs, read_inputs, read_labels
from tuner.commands.command_words import read_options
from tuner.config import compose_predict, load_trial
from tuner.data.delimited import Hints
from tuner.data.labels import spelled_as_known
from tuner.data.texts import Texts, read_texts
from tuner.errors import InputError
from tuner.files.model_folder import is_present, read_whole
from tuner.files.output_file import check_output, write_output
from tuner.results.layout import GAP, Column, cell
from tuner.results.tables import FittedTable
from tuner.results.terminal import Terminal
from tuner.settings.predict_settings import PredictSettings
from tuner.settings.settings import TrialSettings
from tuner.trial.metrics import accuracy, macro_f1
from tuner.trial.names import MODEL_NAME
from tuner.worker.predict_client import Prediction, predict

SHOWN_LABELS = 4
"""So many of the most probable labels of a row are shown."""

SHOWN_CHARACTERS = 60
"""Of a text."""


def run(arguments: Sequence[str]) -> int:
    """Runs the command.

    Args:
        arguments: The model's folder, the file, then overrides of `predict`.

    Returns:
        0.

    Raises:
        InputError: Folder, file or an argument can not be used.
    """
    arguments = read_options(arguments, command="predict").overrides
    if len(arguments) < 2 or any(word.startswith("predict.") for word in arguments[:2]):  # noqa: PLR2004
        raise InputError(
            "a model's folder and a file are needed",
            where="the command line",
            remedy="tuner predict outputs/lr_search/best_model reviews.csv",
        )
    folder, file = map(Path, arguments[:2])
    settings = compose_predict(arguments[2:], Path.cwd())
    if not is_present(folder):
        raise InputError(
            f"there is no folder {folder}",
            where="the command line",
            remedy="outputs/STUDY/best_model, or a folder as export.model=DIR writes it",
        )
    if settings.output is not None:
        _check_writable(Path(settings.output))

    def answer(model: Path) -> tuple[Texts, Prediction, str | None]:
        texts, assumed = _read(model, file, settings)
        prediction = predict(model, texts)
        if texts.labels is not None:
            texts = replace(texts, labels=spelled_as_known(texts.labels, prediction.labels))
        return texts, prediction, assumed

    texts, prediction, assumed = read_whole(folder, answer)
    _show(texts, prediction, settings)
    if assumed is not None:
        Terminal("").result(assumed)
    if settings.output is not None:
        write_output(Path(settings.output), as_csv(texts, prediction))
    return 0


def _read(model: Path, file: Path, settings: PredictSettings) -> tuple[Texts, str | None]:
    """Read the texts as the model's own were read, unless the settings say otherwise.

    Returns:
        The texts, and what was assumed of a model that does not say how it was fed.
    """
    read_labels(model)  # Refuses in no time what the process that predicts would refuse.
    known = _trained_on(model)
    trained = known or ModelInputs.of(TrialSettings())
    text_pair = settings.text_pair or trained.text_pair
    if known is not None:
        known.check_pairs(given=text_pair is not None, key="predict.text_pair")
    texts = read_texts(
        file,
        settings.text or trained.text,
        text_pair,
        settings.label,
        usual_label=trained.label,
        hints=Hints(
            delimiter=settings.delimiter or trained.delimiter,
            quoting=settings.quoting or trained.quoting,
            label=settings.label or trained.label,
        ),
    )
    return texts, None if known is not None else _unknown_inputs(trained.text, settings)


def _check_writable(output: Path) -> None:
    """Sees before the work whether its result can be kept.

    Raises:
        InputError: It can not.
    """
    try:
        check_output(output)
    except OSError as error:
        raise InputError(
            f"the file can not be written: {error.strerror or error}",
            where=f"predict.output={output}",
            remedy="predict.output=FILE.csv in a folder that can be written",
        ) from error


def _trained_on(folder: Path) -> ModelInputs | None:
    """How a model was fed; None where nobody knows.

    Folders of before there was a record have the configuration in them, or, where a single
    fine-tune left them, beside them.
    """
    if inputs := read_inputs(folder):
        return inputs
    beside = [folder.parent / "config.yaml"] if folder.name == MODEL_NAME else []
    found = [file for file in (folder / "best.yaml", *beside) if file.is_file()]
    return ModelInputs.of(load_trial(found[0])) if found else None


def _unknown_inputs(text: str, settings: PredictSettings) -> str:
    """What was assumed of a folder that does not say how its model was fed."""
    column = settings.text or text
    pair = f"and {settings.text_pair!r}" if settings.text_pair else "alone"
    return (
        f"the folder does not say how its model was fed: column {column!r} {pair} was read; "
        "predict.text=COLUMN predict.text_pair=COLUMN name others"
    )


def _show(texts: Texts, prediction: Prediction, settings: PredictSettings) -> None:
    terminal = Terminal("")
    for remark in texts.remarks:
        terminal.result(remark)
    terminal.console.print(first_rows(texts, prediction, settings.rows))
    counts = Counter(prediction.labels[chosen] for chosen in prediction.chosen)
    told = ", ".join(f"{label} ({count})" for label, count in counts.most_common())
    terminal.result(f"\n{len(texts.texts)} rows; predicted: {told}")
    if texts.labels is not None:
        confusion = prediction.confusion(texts.labels)
        terminal.result(
            "the file's labels are others than the model's"
            if confusion is None
            else f"against the file's labels: accuracy {accuracy(confusion):.4f}, "
            f"macro-F1 {macro_f1(confusion):.4f}"
        )
    if settings.output is None:
        terminal.result("predict.output=FILE.csv writes all rows")
    else:
        terminal.result(f"{'predictions':<13} {settings.output}")


def first_rows(texts: Texts, prediction: Prediction, rows: int) -> FittedTable:
    """The first rows; what a terminal has no room for stands below the row, the text first."""
    shown = range(min(rows, len(prediction.probabilities)))
    chosen = [prediction.labels[number] for number in prediction.chosen[: len(shown)]]
    parts = [" | ".join(_short(text) for text in texts.row(row)) for row in shown]
    columns = [
        Column(heading="row", cells=[cell(str(row + 1)) for row in shown], right=True),
        Column(heading="predicted", cells=list(map(cell, chosen))),
        Column(
            heading="probabilities",
            cells=[cell(_shares(prediction, row)) for row in shown],
            move_order=1,
        ),
    ]
    if texts.labels:
        columns.append(Column(heading="true", cells=[cell(texts.labels[row]) for row in shown]))
    return FittedTable(
        [*columns, Column(heading="text", cells=list(map(cell, parts)), move_order=0)]
    )


def _shares(prediction: Prediction, row: int) -> str:
    """The likeliest labels with their probabilities."""
    shares = prediction.probabilities[row]
    order = sorted(range(len(shares)), key=lambda label: -shares[label])
    return GAP.join(f"{prediction.labels[i]} {shares[i]:.3f}" for i in order[:SHOWN_LABELS])


def _short(text: str) -> str:
    return shorten(text, SHOWN_CHARACTERS, placeholder="…")


def as_csv(texts: Texts, prediction: Prediction) -> str:
    """All rows: the texts, the true label where it is known, the label, each probability."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    given = {"text": texts.texts, "text_pair": texts.pairs, "label": texts.labels}
    columns = {name: cells for name, cells in given.items() if cells is not None}
    shares = [f"probability of {label}" for label in prediction.labels]
    writer.writerow([*columns, "predicted", *shares])
    rows = zip(*columns.values(), strict=True)
    for cells, chosen, row in zip(rows, prediction.chosen, prediction.probabilities, strict=True):
        writer.writerow([*cells, prediction.labels[chosen], *row])
    return file.getvalue()
