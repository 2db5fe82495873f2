"""Reader of TensorFlow Datasets in a separate process, so that this one never loads TensorFlow."""

import importlib.util
import json
import os
import subprocess
import tempfile
from pathlib import Path

from tuner.checkpoints.content import cache_root, combined_hash
from tuner.data.examples import wanted_columns
from tuner.data.table import Table
from tuner.errors import InputError
from tuner.files.atomic import write_whole
from tuner.installation.remedies import install_extra
from tuner.processes.python_process import python_module
from tuner.settings.settings import DataSettings

READER = "tuner.data.tfds_reader"


def tfds_identity(data: DataSettings, split: str) -> str | None:
    """Return name, version and split as last read; None if it was never read here.

    A data set's version identifies its content: TensorFlow Datasets increases it with every
    change.
    """
    try:
        return _pointer(data, split).read_text(encoding="utf-8") or None
    except OSError:
        return None


def read_tfds(data: DataSettings, split: str, role: str) -> Table:
    """Read the wanted columns of a split; integer class labels become their names.

    Raises:
        InputError: tensorflow_datasets is not installed, or cannot read the data set.
    """
    if importlib.util.find_spec("tensorflow_datasets") is None:
        raise InputError(
            "data=tfds needs tensorflow_datasets, which is not installed",
            where="data.format",
            remedy=install_extra("tfds"),
        )
    if ":" in str(data.name):
        raise InputError(
            f"{data.name!r} names a community's data set, whose own code would be run",
            where="data.name",
            remedy="data.name=imdb_reviews, or another data set of tensorflow_datasets itself",
        )
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "rows.json"
        request = {
            "name": _full_name(data),
            "split": split,
            "wanted": wanted_columns(data),
            "output": str(output),
        }
        # No accelerator for the reader: the worker needs its memory.
        environment = os.environ | {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
        done = subprocess.run(
            python_module(READER),
            input=json.dumps(request),
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            lines = [line for line in done.stderr.splitlines() if line.strip()]
            raise InputError(
                f"the data set {data.name} cannot be read: {(lines or ['no reason given'])[-1]}",
                where=f"data.name and data.{role}",
                remedy="data.name=imdb_reviews data.train=train, or another data set and split of "
                "tensorflow_datasets",
            )
        answer = json.loads(output.read_text(encoding="utf-8"))
    _note(data, split, combined_hash((answer["full_name"], split)))
    return Table(
        where=f"{answer['full_name']} [{split}]",
        columns=tuple(answer["columns"]),
        values=answer["values"],
        classes=frozenset(answer["classes"]),
    )


def _full_name(data: DataSettings) -> str:
    """Return name, configuration and version in the form of tensorflow_datasets."""
    name = f"{data.name}/{data.config}" if data.config else str(data.name)
    return f"{name}:{data.revision}" if data.revision else name


def _pointer(data: DataSettings, split: str) -> Path:
    folder = os.environ.get("TFDS_DATA_DIR", "")
    return cache_root() / "datasets" / combined_hash(("tfds", _full_name(data), folder, split))


def _note(data: DataSettings, split: str, identity: str) -> None:
    try:
        write_whole(_pointer(data, split), identity)
    except OSError:
        return  # An unwritable cache costs time, nothing else.
