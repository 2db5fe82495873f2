"""Settings of the command `predict`."""

from dataclasses import dataclass
from typing import Annotated

from tuner.fields.bounds import Condition, at_least, one_of
from tuner.settings.delimited import DELIMITER, QUOTING, is_delimiter


@dataclass(frozen=True, kw_only=True)
class PredictSettings:
    """Section `predict`: columns of the file, and output."""

    text: str | None = None
    """Column of the texts; null: the one that the model was trained on."""

    text_pair: str | None = None
    """Column of the second texts; null: the one that the model was trained on."""

    choices: list[str] | None = None
    """Columns of the choices, or one with lists; null: those that the model was trained on."""

    label: str | None = None
    """Column of the true labels; null: the one that the model was trained on, if the file has
    it."""

    delimiter: Annotated[str | None, Condition(text=DELIMITER, holds=is_delimiter)] = None
    """Like `data.delimiter`, for the file to predict; null: as in training."""

    quoting: Annotated[str | None, one_of(QUOTING)] = None
    """Like `data.quoting`, for the file to predict; null: as in training."""

    rows: Annotated[int, at_least(0)] = 10
    """Number of rows to show."""

    output: str | None = None
    """CSV file for the predictions of all rows; null: none."""
