"""A model that a trial left behind, predicting from texts."""

import json
import sys
from collections.abc import Iterator, Sequence
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
    """A model with its tokenizer and the names of its outputs.

    Attributes:
        task: Task that it was trained for.
        labels: Names of its outputs, in the order of their numbers.
        inputs: Inputs of its training; None if its folder has no record.
        max_length: Most tokens of an input.
        classifier: The model.
    """

    def __init__(self, folder: Path) -> None:
        """Load a folder that `save_model` wrote.

        Raises:
            InputError: It holds no such model.
        """
        checkpoint = inspect(folder)
        self.task, names = read_task(folder)
        kind = self.task.head
        outputs = head_outputs(checkpoint, kind)
        if outputs is None:
            raise _no_classifier(folder, "its weights have no head of its task")
        self.labels = names or tuple(f"LABEL_{i}" for i in range(outputs))
        wanted = checkpoint.family.head(kind, len(self.labels)).outputs
        if wanted != outputs or (self.task.single_output and outputs != 1):
            problem = (
                f"config.json names {len(self.labels)} labels, its head has {outputs} outputs"
            )
            raise _no_classifier(folder, problem)
        self.inputs = read_inputs(folder)
        self.max_length = min(self._given_length(folder), checkpoint.family.max_positions)
        self._checkpoint = checkpoint
        classifier = Classifier(checkpoint, len(self.labels), head=kind)
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
        self, texts: Sequence[Any], pairs: Sequence[Any] | None = None
    ) -> NDArray[np.float32]:
        """Outputs of some examples, see `Evaluator.logits`.

        Args:
            texts: First part of each example.
            pairs: Second part of each example; None without one.

        Raises:
            InputError: Second texts are missing or too many for a model that is known to have
                been fed otherwise.
        """
        return self.split_logits(self._tokenized(texts, pairs))

    def _tokenized(self, texts: Sequence[Any], pairs: Sequence[Any] | None) -> TokenizedSplit:
        if self.inputs is not None:
            self.inputs.check_pairs(given=pairs is not None, key="text_pair")
        return tokenized_texts(self._checkpoint, self.task, texts, pairs, self.max_length)

    def split_logits(self, split: TokenizedSplit) -> NDArray[np.float32]:
        """Outputs of all examples of a split."""
        return self._evaluator.logits(split, np.arange(len(split)), BATCH)

    def answers(
        self, texts: Sequence[Any], pairs: Sequence[Any] | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yield the outputs of each example, and its tokens, as values of JSON; see `joined`."""
        split = self._tokenized(texts, pairs)
        outputs = self.split_logits(split)
        rows = np.arange(len(split))
        ends = self._evaluator.output_offsets(split, rows)
        for row in rows:
            answer: dict[str, Any] = {"outputs": outputs[ends[row] : ends[row + 1]].tolist()}
            if split.places is not None:
                known = split.truth(rows[row : row + 1])
                answer["lengths"] = np.diff(known.offsets).tolist()
                answer["places"] = known.places.tolist()
                answer["spans"] = known.spans
            yield answer

    def predictions(
        self, texts: Sequence[Any], pairs: Sequence[Any] | None = None
    ) -> list[dict[str, Any]]:
        """Return predictions in the user's terms, see `Task.predictions`."""
        split = self._tokenized(texts, pairs)
        outputs = self.split_logits(split)
        known = None if split.places is None else split.truth(np.arange(len(split)))
        return self.task.predictions(outputs, self.labels, self.thresholds, known)

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
        remedy="outputs/STUDY/best_model, or a folder that export.model=DIR has written",
    )
