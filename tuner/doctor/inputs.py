"""Checks of the models and data that a configuration names; nothing is prepared."""

import importlib.util
from pathlib import Path

from tuner.checkpoints import inspect
from tuner.checkpoints.locate import ask_hub, fetched
from tuner.data.examples import to_examples
from tuner.data.preparation import known, with_names
from tuner.data.source import FILE_FORMATS, Source, find_sources, find_test
from tuner.data.table import Remarks
from tuner.doctor.line import Line, ok, warning
from tuner.errors import InputError
from tuner.installation.remedies import install_extra
from tuner.settings.settings import DataSettings, ModelSettings
from tuner.tasks import Task

_WRITTEN = "set data.delimiter and data.quoting to how the file is written"

PREPARE = "tuner prepare fetches it, for machines without a network"


def model_line(model: ModelSettings) -> Line:
    """Return a line about the checkpoint: its place and architecture.

    Raises:
        InputError: The checkpoint cannot be found or cannot be fine-tuned.
    """
    folder = fetched(model)
    if folder is None:
        ask_hub(model)
        text = f"{model.checkpoint} is on the hub, and not fetched yet"
        return warning("model", text, PREPARE)
    family = inspect(folder).family
    sizes = f"{family.shape.layers} layers, {family.shape.hidden} wide"
    return ok("model", f"{model.checkpoint}: {family.name}, {sizes}")


def data_line(data: DataSettings, task: Task) -> Line:
    """Return a line about the data; files are read.

    Raises:
        InputError: The data cannot be found, or are no labelled texts.
    """
    named = (*find_sources(data), find_test(data))
    sources = [source for source in named if source is not None]
    if data.format in FILE_FORMATS:
        remarks = Remarks()
        text = "; ".join((_read(data, task, sources, remarks), *remarks.read_as))
        if remarks.notes:
            return warning("data", f"{text}. {' '.join(remarks.notes)}", _WRITTEN)
        return ok("data", text)
    if all(source.identity is not None for source in sources):
        return ok("data", f"{data.name} is on the hub, or was read here before")
    return _not_found(data)


def _read(data: DataSettings, task: Task, sources: list[Source], remarks: Remarks) -> str:
    """Return a summary of the rows of files, read as for a sweep."""
    train, *others = [to_examples(source.read(), data, task, remarks) for source in sources]
    train, labels = with_names(train, task)
    for examples in others:
        known(examples, task, labels)
    rows = f"{len(train):,} rows" + "".join(f" and {len(v):,}" for v in others)
    return f"{Path(train.where).name}: {rows}" + (
        "" if task.single_output else f", {len(labels)} labels"
    )


def _not_found(data: DataSettings) -> Line:
    """Return a line about a data set of a hub that was never read here."""
    if data.format == "hub":
        raise InputError(
            f"the hub does not answer for {data.name}, and it was not read here before",
            where="data.name",
            remedy="unset HF_HUB_OFFLINE where there is a network; or "
            "data.name=ORG/NAME, another data set of the hub",
        )
    if importlib.util.find_spec("tensorflow_datasets") is None:
        raise InputError(
            "tensorflow_datasets is not installed",
            where="data.format",
            remedy=install_extra("tfds"),
        )
    return warning("data", f"{data.name} was not read here before", PREPARE)
