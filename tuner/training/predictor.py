"""A model that a trial left behind, predicting from texts."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.checkpoints import inspect
from tuner.data.texts import tokenized_texts
from tuner.errors import InputError
from tuner.training.evaluate import Evaluator
from tuner.training.hugging_face import load_head
from tuner.training.model import Classifier

BATCH = 32


class Predictor:
    """A classifier with its tokenizer and its label names.

    Attributes:
        labels: Label names, in the order of their numbers.
        max_length: Tokens at which texts are truncated.
    """

    def __init__(self, folder: Path) -> None:
        """Loads a folder that `save_model` wrote.

        Raises:
            InputError: It holds no such model.
        """
        checkpoint = inspect(folder)
        config = _read(folder / "config.json")
        names = config.get("id2label")
        if not isinstance(names, dict) or not names:
            raise _no_classifier(folder, "config.json names no labels")
        self.labels = tuple(str(names[key]) for key in sorted(names, key=int))
        length = _read(folder / "tokenizer_config.json").get("model_max_length")
        given = length if isinstance(length, int) and length > 0 else checkpoint.max_positions
        self.max_length = min(given, checkpoint.max_positions)
        self._checkpoint = checkpoint
        classifier = Classifier(checkpoint, len(self.labels))
        try:
            load_head(classifier, checkpoint)
        except (KeyError, ValueError) as error:
            raise _no_classifier(folder, f"the head lacks {error}") from error
        self._evaluator = Evaluator(classifier)

    def logits(
        self, texts: Sequence[str], pairs: Sequence[str] | None = None
    ) -> NDArray[np.float32]:
        """Logits of some texts.

        Args:
            texts: One per row.
            pairs: Second text of each row; None for single texts.

        Returns:
            Shape [rows, labels].
        """
        split = tokenized_texts(self._checkpoint, texts, pairs, self.max_length)
        return self._evaluator.logits(split, np.arange(len(texts)), BATCH)

    def probabilities(
        self, texts: Sequence[str], pairs: Sequence[str] | None = None
    ) -> NDArray[np.float64]:
        """Probability of each label; shape [rows, labels]. See `logits`."""
        logits = self.logits(texts, pairs).astype(np.float64)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
        return shares


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
