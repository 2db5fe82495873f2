"""Label names to numbers, by the training rows alone."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tuner.data.table import Examples, shortened
from tuner.errors import InputError

_WHOLE = re.compile(r"-?\d+")


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


def check_known(validation: Examples, labels: Sequence[str]) -> None:
    """Refuses validation rows with labels that training has not seen.

    Raises:
        InputError: There are some; names them.
    """
    unknown = sorted(set(validation.labels).difference(labels))
    if unknown:
        raise InputError(
            f"validation has labels that training has not: {shortened(unknown)}",
            where=f"data.label, in {validation.where}",
            remedy=f"labels of the training rows: {shortened(list(labels), 20)}",
        )


def encode(examples: Examples, labels: Sequence[str]) -> NDArray[np.int32]:
    """Number of each row's label; shape [rows]."""
    number = {name: i for i, name in enumerate(labels)}
    return np.fromiter((number[name] for name in examples.labels), np.int32, len(examples))
