"""A model is scored, saved and read again before its first trial, as a trial's end will do it.

What would fail after the last evaluation fails before the first update instead. It is done once
for each checkpoint, number of labels, length, precision and version of the libraries; that it went
well is noted in the cache.
"""

import gc
import json
import logging
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import tensorflow as tf

from tuner import __version__
from tuner.checkpoints import CheckpointInfo, inspect
from tuner.checkpoints.content import cache_root, combined_hash
from tuner.checkpoints.repair import fetch_again
from tuner.data import PreparedData, TokenizedSplit
from tuner.data.checkpoint_tokenizer import load_tokenizer
from tuner.data.tokenized import ONE_EACH
from tuner.errors import InputError, TunerError
from tuner.files.atomic import write_whole
from tuner.files.exclusive import exclusive
from tuner.formatting.value_text import value_text
from tuner.settings.settings import TrialSettings
from tuner.training.evaluate import Evaluator
from tuner.training.hugging_face import exported_tensors
from tuner.training.model import Classifier
from tuner.training.predictor import Predictor

LIBRARIES = ("tensorflow", "keras", "transformers", "tokenizers", "safetensors")
"""Their versions decide how models are built, saved and read."""

FORMAT_VERSION = 3
"""To be raised whenever models are saved or read in another way."""

WAIT_SECONDS = 600.0
"""For another worker that is doing the same."""

_TOLERANCES = {"float32": 0.02}
"""Precision to the share of the largest logit by which devices may differ; a GPU may round."""

_MIXED_TOLERANCE = 0.2
"""The same where the trial computes with 16 bits, and the saved model with 32."""

_log = logging.getLogger(__name__)


def rehearse(
    settings: TrialSettings,
    data: PreparedData,
    classifier: Classifier,
    evaluator: Evaluator,
    save: Callable[[Path], None],
) -> None:
    """Score, save and read again a model that is not trained yet, unless that is noted.

    Args:
        settings: Settings of the trial that begins.
        data: Its data.
        classifier: Its model, with the weights that it begins with.
        evaluator: Evaluator of that model.
        save: Writes the model as the trial's end would.

    Raises:
        InputError: A trained model could not be scored, saved or read.
    """
    noted = cache_root() / "rehearsals" / _key(settings, data)
    if noted.exists():
        return
    try:
        with exclusive(str(noted), WAIT_SECONDS):
            if not noted.exists():
                _rehearse(data, settings.model.max_length, classifier, evaluator, save)
                with suppress(OSError):  # An unwritable cache costs time, nothing else.
                    write_whole(noted, "")
    except InputError:
        raise
    except (OSError, TunerError, MemoryError, tf.errors.ResourceExhaustedError) as error:
        # A full disk or memory, or a worker that holds the lock, says nothing about the model.
        _log.warning("the model could not be saved for a trial before its first: %s", error)


def _key(settings: TrialSettings, data: PreparedData) -> str:
    return combined_hash(
        (
            data.checkpoint.fingerprint,
            json.dumps([len(data.labels), settings.model.max_length, settings.training.precision]),
            data.task.name,
            *(f"{name} {version(name)}" for name in LIBRARIES),
            f"tuner {__version__} {FORMAT_VERSION}",
        )
    )


def _rehearse(
    data: PreparedData,
    max_length: int,
    classifier: Classifier,
    evaluator: Evaluator,
    save: Callable[[Path], None],
) -> None:
    try:
        problem = _problem(data, max_length, classifier, evaluator, save)
    except (OSError, MemoryError, tf.errors.ResourceExhaustedError):
        raise
    except Exception as error:  # Whatever it is, the trial's end would meet it.
        lines = str(error).splitlines() or ["no reason given"]
        raise _failed(data.checkpoint, f"{type(error).__name__}: {lines[0]}") from error
    gc.collect()
    if problem:
        raise _failed(data.checkpoint, problem)


def _problem(
    data: PreparedData,
    max_length: int,
    classifier: Classifier,
    evaluator: Evaluator,
    save: Callable[[Path], None],
) -> str:
    """Why the model could not be kept; empty where it can."""
    rows, task = _rows(data, max_length), data.task
    logits = evaluator.logits(rows, np.arange(len(rows)), len(rows))
    if not np.isfinite(logits).all():
        return "its loss is not finite"
    with tempfile.TemporaryDirectory(prefix="tuner-") as place:
        folder = Path(place) / "model"
        save(folder)
        _compare_descriptions(data.checkpoint, inspect(folder))
        with tf.device("CPU:0"):  # A GPU may have no room for a second model.
            predictor = Predictor(folder)
            again = predictor.split_logits(rows)
    ours, theirs = exported_tensors(classifier, task), predictor.classifier.tensors()
    if not all(np.array_equal(theirs.pop(name), ours[name]) for name in ours) or theirs:
        return "the weights that are read are others than were saved"
    expected = task.exported(logits)
    tolerance = _TOLERANCES.get(classifier.precision, _MIXED_TOLERANCE)
    spread = np.abs(expected - task.exported(np.zeros_like(logits))).max()
    rounding = 8 * np.finfo(np.float32).eps * max(1.0, np.abs(expected).max())
    if np.abs(again - expected).max() > tolerance * spread + rounding:
        return "the model that is read computes other logits"
    return ""


def _rows(data: PreparedData, max_length: int) -> TokenizedSplit:
    """The longest and the shortest validation input, and one of all positions that are allowed."""
    split = data.validation
    order = np.argsort(split.lengths, kind="stable")
    chosen = [split.ids[split.offsets[row] : split.offsets[row + 1]] for row in order[[0, -1]]]
    longest = np.resize(chosen[-1], max_length)
    ids = [*chosen, longest]
    return replace(
        split,
        ids=np.concatenate(ids).astype(np.int32),
        type_ids=np.zeros(sum(map(len, ids)), np.uint8),
        offsets=np.cumsum([0, *map(len, ids)]),
        labels=np.zeros(len(ids), np.int32),
        spec=ONE_EACH,
        inputs=None,
        places=None,
        examples=None,
    )


def _compare_descriptions(ours: CheckpointInfo, theirs: CheckpointInfo) -> None:
    """Compare what the two folders say of the encoder and of the tokenizer.

    Raises:
        ValueError: They differ.
    """
    one, other = asdict(ours.family), asdict(theirs.family)
    for name in one:
        if one[name] != other.get(name):
            raise ValueError(
                f"{name} is {value_text(one[name])}, and {value_text(other.get(name))} in the "
                "saved folder"
            )
    mine, saved = (load_tokenizer(info) for info in (ours, theirs))
    for name in ("truncation_side", "token_types", "split_special_tokens", "pad_id"):
        if getattr(mine, name) != getattr(saved, name):
            raise ValueError(f"{name} of the tokenizer differs in the saved folder")
    if mine.backend.to_str() != saved.backend.to_str():
        raise ValueError("tokenizer.json differs in the saved folder")


def _failed(checkpoint: CheckpointInfo, reason: str) -> InputError:
    return InputError(
        f"a model trained from this checkpoint could not be kept: {reason}",
        where=str(checkpoint.folder),
        remedy=fetch_again(checkpoint.folder),
    )
