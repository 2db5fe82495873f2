"""A model that a trial left behind, predicting from texts."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.checkpoints import inspect
from tuner.checkpoints.saved import read_inputs, read_task
from tuner.data.texts import tokenized_texts
from tuner.data.tokenized import TokenizedSplit
from tuner.errors import InputError
from tuner.training.evaluate import Evaluator
from tuner.training.hugging_face import head_outputs, load_head
from tuner.training.model import Classifier

BATCH = 32


class Predictor:
    """A classifier with its tokenizer and its label names.

    Attributes:
        task: Task that it was trained for.
        labels: Names of its outputs, in the order of their numbers.
        inputs: Inputs of its training; None if its folder has no record.
        max_length: Tokens at which texts are truncated.
        classifier: The model.
    """

    def __init__(self, folder: Path) -> None:
        """Load a folder that `save_model` wrote.

        Raises:
            InputError: It holds no such model.
        """
        checkpoint = inspect(folder)
        outputs = head_outputs(checkpoint)
        if outputs is None:
            raise _no_classifier(folder, "its weights have no classification head")
        self.task, names = read_task(folder)
        self.labels = names or tuple(f"LABEL_{i}" for i in range(outputs))
        if len(self.labels) != outputs or (self.task.single_output and outputs != 1):
            problem = (
                f"config.json names {len(self.labels)} labels, its head has {outputs} outputs"
            )
            raise _no_classifier(folder, problem)
        self.inputs = read_inputs(folder)
        self.max_length = min(self._given_length(folder), checkpoint.family.max_positions)
        self._checkpoint = checkpoint
        classifier = Classifier(checkpoint, len(self.labels))
        try:
            load_head(classifier, checkpoint)
        except KeyError as error:
            raise _no_classifier(folder, f"its head lacks {error}") from error
        except ValueError as error:
            raise _no_classifier(folder, f"its head has another shape: {error}") from error
        self.classifier = classifier
        self._evaluator = Evaluator(classifier, self.task)

    def _given_length(self, folder: Path) -> int:
        """Tokens at which the folder says that texts are truncated; else more than there are."""
        if self.inputs is not None:
            return self.inputs.max_length
        length = _read(folder / "tokenizer_config.json").get("model_max_length")
        return length if isinstance(length, int) and length > 0 else sys.maxsize

    def logits(
        self, texts: Sequence[str], pairs: Sequence[str] | None = None
    ) -> NDArray[np.float32]:
        """Logits of some texts.

        Args:
            texts: One per row.
            pairs: Second text of each row; None for single texts.

        Returns:
            Shape [rows, labels].

        Raises:
            InputError: Second texts are missing or too many for a model that is known to have
                been fed otherwise.
        """
        if self.inputs is not None:
            self.inputs.check_pairs(given=pairs is not None, key="text_pair")
        split = tokenized_texts(self._checkpoint, texts, pairs, self.max_length)
        return self.split_logits(split)

    def split_logits(self, split: TokenizedSplit) -> NDArray[np.float32]:
        """Logits of all rows of a split; shape [rows, labels]."""
        return self._evaluator.logits(split, np.arange(len(split)), BATCH)

    def predictions(
        self, texts: Sequence[str], pairs: Sequence[str] | None = None
    ) -> list[dict[str, Any]]:
        """Return predictions in the user's terms, see `Task.predictions`."""
        outputs = self.logits(texts, pairs)
        return self.task.predictions(outputs, self.labels, self.thresholds)

    @property
    def thresholds(self) -> list[float] | None:
        """Probability above which each label is predicted; None: not recorded."""
        return None if self.inputs is None else self.inputs.thresholds


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _no_classifier(folder: Path, problem: str) -> InputError:
    return InputError(
        f"this is no classifier that a sweep has trained: {problem}",
        where=str(folder),
        remedy="a folder as outputs/<study>/best_model, or as export.model=DIR writes it",
    )
