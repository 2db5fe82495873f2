"""Record of a saved classifier: its labels and inputs.

A trained model's folder has `model_inputs.json` beside what transformers reads. Folders of others
have none; the task in config.json applies to all.
"""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tuner import tasks
from tuner.errors import InputError
from tuner.formatting.value_text import value_text
from tuner.settings.settings import TrialSettings
from tuner.tasks import Classification, HeadKind, Regression, Task

INPUTS = "model_inputs.json"
"""Name of the file."""

_TRAINED_HERE = "outputs/STUDY/best_model, or a folder that export.model=DIR has written"


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

    problem_type: str | None = Classification.problem_type
    """As `problem_type` in config.json; None for a task that has none."""

    delimiter: str | None = None
    """`data.delimiter` of the training data."""

    quoting: str | None = None
    """`data.quoting` of the training data."""

    label_separator: str | None = None
    """`data.label_separator` of the training data."""

    label_columns: list[str] | None = None
    """`data.label_columns` of the training data."""

    choices: list[str] | None = None
    """`data.choices` of the training data."""

    thresholds: list[float] | None = None
    """Probability above which each label is predicted; None where labels exclude one another."""

    task: dict[str, Any] | None = None
    """Name and fields of the task, and the package that brings it; None in older files."""

    @classmethod
    def of(
        cls, settings: TrialSettings, thresholds: Sequence[float] | None = None
    ) -> "ModelInputs":
        """Inputs of the model that a configuration trains.

        Args:
            settings: Configuration.
            thresholds: Those of its last evaluation.
        """
        data = settings.data
        return cls(
            text=data.text,
            text_pair=data.text_pair,
            label=data.label,
            max_length=settings.model.max_length,
            problem_type=settings.task.problem_type,
            delimiter=data.delimiter,
            quoting=data.quoting,
            label_separator=data.label_separator,
            label_columns=data.label_columns,
            choices=data.choices,
            thresholds=None if thresholds is None else list(thresholds),
            task=tasks.REGISTRY.to_record(settings.task.as_exported()),
        )

    def check_pairs(self, *, given: bool, key: str) -> None:
        """Refuse texts of another form than those that the model was trained on.

        Args:
            given: There are second texts.
            key: Key or column that gives them, for the message.

        Raises:
            InputError: A model of pairs has no second texts, or one of single texts has.
        """
        columns = self.choices or ([] if self.text_pair is None else [self.text_pair])
        if given and not columns:
            raise InputError(
                "the model was trained on single texts, and second texts are given",
                where=key,
                remedy=f"the same without {key}",
            )
        if not given and columns:
            shown = ", ".join(map(repr, columns))
            raise InputError(
                "the model was trained on pairs of texts, and there are no second texts",
                where=key,
                remedy=f"second texts as {key}; in training they were column {shown}",
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
    texts = (fields["text"], fields["label"])
    length = fields["max_length"]
    maybe = [
        fields[name]
        for name in ("text_pair", "delimiter", "quoting", "label_separator", "problem_type")
    ]
    lists = {"label_columns": str, "choices": str, "thresholds": float}
    wrong = {
        "text or label": not all(isinstance(text, str) for text in texts),
        "task": not isinstance(fields["task"], dict | None),
        "text_pair, delimiter, quoting, label_separator or problem_type": not all(
            isinstance(v, str | None) for v in maybe
        ),
        "label_columns, choices or thresholds": not all(
            fields[name] is None or _is_list_of(kind, fields[name]) for name, kind in lists.items()
        ),
        "max_length": not isinstance(length, int) or isinstance(length, bool) or length < 1,
    }
    for name, holds in wrong.items():
        if holds:
            raise InputError(
                f"{name} is missing or has a value of another type",
                where=str(path),
                remedy=f"rm {shlex.quote(str(path))}, and predict.text=COLUMN, for pairs also "
                "predict.text_pair=COLUMN",
            )
    return ModelInputs(**fields)  # type: ignore[arg-type]


def read_task(folder: Path) -> tuple[Task, tuple[str, ...] | None]:
    """Return the task of a trained model, and the names of its outputs.

    The task is the one that the model was trained for, if config.json has its `problem_type`;
    else that of config.json.

    Returns:
        Names in the order of their numbers; None where they are those that transformers leaves
        out: LABEL_0, LABEL_1, ….

    Raises:
        InputError: config.json is malformed, its task is none that predicts from a text alone, or
            a package brings the task and is not installed.
    """
    path = folder / "config.json"
    config = _read_object(path)
    names = config.get("id2label")
    if names is not None and (
        not isinstance(names, Mapping) or set(names) != {str(i) for i in range(len(names))}
    ):
        raise _unknown_task(path, f"id2label is {_short(names)}, which does not number labels")
    labels = None if names is None else tuple(str(names[str(i)]) for i in range(len(names)))
    if labels is not None and len(set(labels)) < len(labels):
        raise _unknown_task(path, f"id2label is {_short(names)}: two labels have one name")
    count = config.get("num_labels") if labels is None else len(labels)
    inputs = read_inputs(folder)
    task = _task(config, count, path, None if inputs is None else inputs.task)
    if task.name == Classification.name and count == 1:
        raise _unknown_task(path, f"id2label is {_short(names)}: one label alone says nothing")
    if task.single_output and count not in (1, None):
        raise _unknown_task(path, f"problem_type is regression, and there are {count} outputs")
    return task, labels


def _task(
    config: Mapping[str, Any], outputs: Any, path: Path, recorded: Mapping[str, Any] | None
) -> Task:
    """The recorded task, or the one whose outputs are meant, as transformers decides it."""
    trained = None if recorded is None else tasks.from_mapping(recorded)
    head = _head(config)
    if head is not HeadKind.SEQUENCE:
        if trained is not None and trained.head is head:
            return trained
        return next(kind() for kind in tasks.REGISTRY.bundled() if kind.head is head)
    usual = Regression if outputs == 1 else Classification
    problem = config.get("problem_type") or usual.problem_type
    known = {kind.problem_type: kind for kind in tasks.REGISTRY.bundled() if kind.problem_type}
    if trained is not None and trained.problem_type == problem:
        known[problem] = type(trained)
    if problem not in known:
        raise InputError(
            f"problem_type is {value_text(problem)}, which is no task that can be predicted",
            where=f"problem_type in {path}",
            remedy=f'"problem_type": one of {", ".join(known)}',
        )
    kind = known[problem]
    function = config.get("function_to_apply")
    if function not in (None, "default", kind.output_function):
        raise InputError(
            f"function_to_apply is {value_text(function)}: a model of task={kind.name} has "
            f"{kind.output_function}",
            where=f"function_to_apply in {path}",
            remedy=f'"function_to_apply": "{kind.output_function}"; '
            "transformers.pipeline('text-classification', model=FOLDER) knows the others",
        )
    return trained if isinstance(trained, kind) else kind()


def _head(config: Mapping[str, Any]) -> HeadKind:
    """The head of a model by its class; that of a sequence where no task has the class."""
    known = {kind.head for kind in tasks.REGISTRY.bundled()} - {HeadKind.SEQUENCE}
    names = tuple(map(str, config.get("architectures") or ()))
    found = (head for head in known if any(name.endswith(head.value) for name in names))
    return next(found, HeadKind.SEQUENCE)


def _is_list_of(kind: type, value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, kind) for item in value)


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


def _unknown_task(path: Path, problem: str) -> InputError:
    return InputError(problem, where=str(path), remedy=_TRAINED_HERE)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:80]}…"  # noqa: PLR2004
