"""Trained model in a folder."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuner.checkpoints.saved import read_inputs, read_task
from tuner.config import load_trial
from tuner.data.texts import Texts
from tuner.errors import InputError
from tuner.files.model_folder import is_present, read_whole
from tuner.settings.settings import TrialSettings
from tuner.tasks import Task
from tuner.worker.predict_client import predict


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Prediction of a model for one text; what its task does not have is None."""

    label: str | None = None
    """Most probable label of a classification."""

    labels: tuple[str, ...] | None = None
    """Labels of a multilabel model, the most probable first."""

    score: float | None = None
    """Number of a regression, in the unit of its data."""

    answer: str | None = None
    """Answer of a question; empty for none."""

    start: int | None = None
    """Characters of the context before the answer; None without an answer."""

    end: int | None = None
    """Characters of the context up to the end of the answer; None without an answer."""

    choice: str | None = None
    """Text of the most probable choice."""

    index: int | None = None
    """Number of that choice, from 0."""

    probability: float | None = None
    """Probability of label, answer or choice, from 0 to 1."""

    probabilities: Mapping[str, float] | None = None
    """Label, or number of a choice, to probability, from 0 to 1; they add up to 1 unless a text
    may have several labels."""

    entities: tuple[Mapping[str, Any], ...] | None = None
    """Entities of a token classification in their order, each with `type`, `text`, `start` and
    `end` (characters before it and up to its end) and `score`."""

    tags: tuple[str, ...] | None = None
    """Tag of each word of a token classification."""


class Model:
    """Trained model of a sweep or of `tuner.train`.

    Attributes:
        path: Folder of the model, which transformers can load, too.
        settings: Configuration that it was trained with; None for a model of another program.
        scores: Metric to its value at the last evaluation point; empty if unknown.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        settings: TrialSettings | None = None,
        scores: Mapping[str, float] | None = None,
    ) -> None:
        """Find the model; nothing is loaded yet.

        Args:
            path: Folder such as `outputs/STUDY/best_model`.
            settings: Configuration that it was trained with; None for the one in the folder.
            scores: Metric to value, if known.

        Raises:
            InputError: There is no such folder.
        """
        self.path = Path(path)
        if not is_present(self.path):
            raise InputError(
                f"there is no model in {self.path}",
                where="path",
                remedy='tuner.Model("outputs/STUDY/best_model"), or tuner.train(FILE)',
            )
        described = self.path / "best.yaml"
        if settings is None and described.is_file():
            settings = load_trial(described)
        self.settings = settings
        self.scores = dict(scores or {})

    def __repr__(self) -> str:
        return f"Model({str(self.path)!r})"

    @property
    def labels(self) -> tuple[str, ...] | None:
        """Label names, in the order of their numbers; None if the folder has none."""
        return read_task(self.path)[1]

    def predict(
        self,
        texts: Sequence[str] | Sequence[Sequence[str]],
        pairs: Sequence[str] | None = None,
    ) -> list[Prediction]:
        """Predict texts.

        A separate process loads TensorFlow and the model, which takes seconds: pass all texts in
        one call.

        Args:
            texts: Texts, one or more; of a token classification also lists of words.
            pairs: Second part of each text: the second text for a model of text pairs, the
                context of a question, a list of choices; None for other models.

        Returns:
            Prediction for each text, in their order.

        Raises:
            InputError: Texts or folder cannot be used.
            TunerError: The process died.
        """
        _check(read_task(self.path)[0], texts, pairs)
        inputs = read_inputs(self.path)
        if inputs is not None:
            inputs.check_pairs(given=pairs is not None, key="pairs")
        second = None if pairs is None else tuple(pairs)
        given = Texts(texts=tuple(texts), pairs=second, targets=None)
        found = read_whole(self.path, lambda folder: predict(folder, given))
        return [_prediction(row) for row in found.rows]


def _prediction(row: Mapping[str, Any]) -> Prediction:
    known = Prediction.__dataclass_fields__
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in row.items()
        if name in known
    }
    return Prediction(**fields)


def _check(task: Task, texts: Sequence[Any], pairs: Sequence[Any] | None) -> None:
    is_first = _is_input if task.form.first_is_list else _is_text
    is_second, example = _is_text, '["a second text"]'
    if task.form.second_is_list:
        is_second, example = _is_choices, '[["yes", "no"]]'
    _check_parts("texts", texts, is_first, '["a fine film"]')
    if pairs is not None:
        _check_parts("pairs", pairs, is_second, example)
    if not texts:
        raise InputError(
            "there are no texts", where="texts", remedy='pass a list, as ["a fine film"]'
        )
    if pairs is not None and len(pairs) != len(texts):
        raise InputError(
            f"there are {len(texts)} texts and {len(pairs)} pairs",
            where="pairs",
            remedy='pairs=["a second text"], one for each text',
        )


def _check_parts(
    name: str, given: Sequence[Any], fits: Callable[[Any], bool], example: str
) -> None:
    if isinstance(given, str) or not all(map(fits, given)):
        raise InputError(
            f"{name} is {given!r}, which is not a list of texts",
            where=name,
            remedy=f"pass a list, as {example}",
        )


def _is_text(part: Any) -> bool:
    return isinstance(part, str)


def _is_words(part: Any) -> bool:
    return isinstance(part, list | tuple) and len(part) > 0 and all(map(_is_text, part))


def _is_input(part: Any) -> bool:
    """True for a text, and for its words."""
    return _is_text(part) or _is_words(part)


def _is_choices(part: Any) -> bool:
    return _is_words(part) and len(part) > 1
