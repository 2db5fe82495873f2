"""Label names to numbers, by the training rows alone."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.data.table import Examples, shortened
from tuner.errors import InputError

_WHOLE = re.compile(r"-?\d{1,300}")
"""As `to_examples` spells whole numbers."""


def label_names(train: Examples) -> tuple[str, ...]:
    """The distinct labels in the order of their numbers: whole numbers by value, else by name.

    Raises:
        InputError: There is one only, so that nothing can be learned.
    """
    names = sorted(set(train.labels))
    if all(_WHOLE.fullmatch(name) for name in names):
        names.sort(key=int)
    if len(names) == 1:
        raise InputError(
            f"all rows have the same label, {names[0]!r}",
            where=f"data.label, in {train.where}",
            remedy="at least two labels; is data.label the right column?",
        )
    return tuple(names)


def check_known(examples: Examples, labels: Sequence[str]) -> None:
    """Refuses validation or test rows with labels that training has not seen.

    Raises:
        InputError: There are some; names them.
    """
    unknown = sorted(set(examples.labels).difference(labels))
    if unknown:
        raise InputError(
            f"there are labels that training has not: {shortened(unknown)}",
            where=f"data.label, in {examples.where}",
            remedy=f"labels of the training rows: {shortened(list(labels), 20)}",
        )


def encode(examples: Examples, labels: Sequence[str]) -> NDArray[np.int32]:
    """Number of each row's label; shape [rows]."""
    number = {name: i for i, name in enumerate(labels)}
    return np.fromiter((number[name] for name in examples.labels), np.int32, len(examples))


def given_weights(setting: Mapping[Any, Any], labels: Sequence[str]) -> dict[str, float]:
    """The weight of each label as a configuration gives it.

    Args:
        setting: `training.class_weights` as a mapping.
        labels: Names of the labels that the data has.

    Raises:
        InputError: The mapping names other labels than the data has.
    """
    given = {str(label): float(weight) for label, weight in setting.items()}
    if set(given) != set(labels):
        missing = ", ".join(label for label in labels if label not in given)
        unknown = ", ".join(label for label in given if label not in labels)
        problems = [f"has no weight for {missing}"] if missing else []
        problems += [f"names {unknown}, which the data does not have"] if unknown else []
        raise InputError(
            f"training.class_weights {' and '.join(problems)}",
            where="training.class_weights",
            remedy=f"a weight for each of {', '.join(labels)}",
        )
    return given
