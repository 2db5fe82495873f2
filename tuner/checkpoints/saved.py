"""Record of a saved classifier: its labels and inputs.

A trained model's folder has `model_inputs.json` beside what transformers reads. Folders of others
have none; the task in config.json applies to all.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tuner.errors import InputError
from tuner.formatting.value_text import value_text
from tuner.settings.settings import TrialSettings

INPUTS = "model_inputs.json"
"""Name of the file."""

SINGLE_LABEL = "single_label_classification"
"""The one problem type whose logits softmax turns into probabilities."""

_TRAINED_HERE = "a folder as outputs/STUDY/best_model, or as export.model=DIR writes it"


@dataclass(frozen=True, kw_only=True)
class ModelInputs:
    """Inputs that a model was trained on."""

    text: str
    """Column of the texts in the training data."""

    text_pair: str | None
    """Column of the second texts; None for a model of single texts."""

    label: str
    """Column of the labels."""

    max_length: int
    """Tokens at which texts were truncated, special ones included."""

    problem_type: str = SINGLE_LABEL
    """As `problem_type` in config.json."""

    delimiter: str | None = None
    """`data.delimiter` of the training data."""

    quoting: str | None = None
    """`data.quoting` of the training data."""

    @classmethod
    def of(cls, settings: TrialSettings) -> "ModelInputs":
        """Inputs of the model that a configuration trains."""
        data = settings.data
        return cls(
            text=data.text,
            text_pair=data.text_pair,
            label=data.label,
            max_length=settings.model.max_length,
            delimiter=data.delimiter,
            quoting=data.quoting,
        )

    def check_pairs(self, *, given: bool, key: str) -> None:
        """Refuse texts of another form than those that the model was trained on.

        Args:
            given: There are second texts.
            key: Key or column that gives them, for the message.

        Raises:
            InputError: A model of pairs has no second texts, or one of single texts has.
        """
        if given and self.text_pair is None:
            raise InputError(
                "the model was trained on single texts, and second texts are given",
                where=key,
                remedy=f"leave {key} out",
            )
        if not given and self.text_pair is not None:
            raise InputError(
                "the model was trained on pairs of texts, and there are no second texts",
                where=key,
                remedy=f"second texts as {key}; in training they were column {self.text_pair!r}",
            )


def write_inputs(folder: Path, inputs: ModelInputs) -> None:
    """Write down beside a model how it was fed.

    Raises:
        OSError: The file cannot be written.
    """
    text = json.dumps(asdict(inputs), indent=2, ensure_ascii=False) + "\n"
    (folder / INPUTS).write_text(text, encoding="utf-8")


def read_inputs(folder: Path) -> ModelInputs | None:
    """Return how a model was fed; None where its folder does not say.

    Raises:
        InputError: The file is malformed.
    """
    path = folder / INPUTS
    if not path.is_file():
        return None
    content = _read_object(path)
    fields = {name: content.get(name) for name in ModelInputs.__dataclass_fields__}
    texts = (fields["text"], fields["label"], fields["problem_type"])
    length = fields["max_length"]
    maybe = (fields["text_pair"], fields["delimiter"], fields["quoting"])
    wrong = {
        "text, label or problem_type": not all(isinstance(text, str) for text in texts),
        "text_pair, delimiter or quoting": not all(isinstance(v, str | None) for v in maybe),
        "max_length": not isinstance(length, int) or isinstance(length, bool) or length < 1,
    }
    for name, holds in wrong.items():
        if holds:
            raise InputError(
                f"{name} is missing or has a value of another type",
                where=str(path),
                remedy="the file as it was written with the model; without it, "
                "predict.text=COLUMN and predict.text_pair=COLUMN say the columns",
            )
    return ModelInputs(**fields)  # type: ignore[arg-type]


def read_labels(folder: Path) -> tuple[str, ...] | None:
    """Label names of a classifier in the order of their numbers, from config.json.

    Returns:
        None where the names are those that transformers leaves out: LABEL_0, LABEL_1, ….

    Raises:
        InputError: config.json is malformed, or its task is not one label of several.
    """
    path = folder / "config.json"
    config = _read_object(path)
    _check_task(config, path)
    names = config.get("id2label")
    if names is None:
        return None
    if not isinstance(names, Mapping) or set(names) != {str(i) for i in range(len(names))}:
        raise _no_classifier(path, f"id2label is {_short(names)}, which does not number labels")
    labels = tuple(str(names[str(number)]) for number in range(len(names)))
    if len(set(labels)) < len(labels):
        raise _no_classifier(path, f"id2label is {_short(names)}: two labels have one name")
    if len(labels) < 2:  # noqa: PLR2004
        raise _no_classifier(
            path, f"id2label is {_short(names)}: a single output is a regression's"
        )
    return labels


def _check_task(config: Mapping[str, Any], path: Path) -> None:
    """Refuse a task whose outputs are not the probabilities of labels that exclude one another."""
    given = {
        "problem_type": (config.get("problem_type"), (None, SINGLE_LABEL)),
        "function_to_apply": (config.get("function_to_apply"), (None, "softmax", "default")),
    }
    for key, (value, known) in given.items():
        if value not in known:
            raise InputError(
                f"{key} is {value_text(value)}: `tuner predict` gives one label of several, "
                "by softmax",
                where=f"{key} in {path}",
                remedy=f"a model with problem_type {SINGLE_LABEL}; "
                "transformers.pipeline('text-classification', model=FOLDER) knows the others",
            )
    if config.get("num_labels") == 1:
        raise _no_classifier(path, "num_labels is 1: a single output is a regression's")


def _read_object(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(
            f"{path.name} cannot be read: {reason}", where=str(path), remedy=_TRAINED_HERE
        ) from error
    if not isinstance(content, dict):
        raise InputError(
            f"{path.name} holds no JSON object", where=str(path), remedy=_TRAINED_HERE
        )
    return content


def _no_classifier(path: Path, problem: str) -> InputError:
    return InputError(problem, where=str(path), remedy=_TRAINED_HERE)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:80]}…"  # noqa: PLR2004
