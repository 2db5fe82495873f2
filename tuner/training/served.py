"""A logged model as MLflow serves it: raw texts in, labels and probabilities out.

MLflow copies this file beside the model and runs it when the model is loaded ("models from
code"), with our package on the path; nothing is pickled.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from tuner.checkpoints.text_columns import Column, TextColumns
from tuner.errors import InputError


class TextClassifier(PythonModel):
    """A fine-tuned classifier with its tokenizer and its label names."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the model's folder, and TensorFlow."""
        from tuner.training.predictor import Predictor  # noqa: PLC0415

        self._predictor = Predictor(Path(context.artifacts["model"]))
        fed = context.model_config or {}
        # Models of earlier versions have no choices.
        choices = fed.get("choices")
        self._columns = TextColumns.of(fed["text"], fed["text_pair"], choices)

    def predict(
        self,
        context: PythonModelContext,  # noqa: ARG002
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> pd.DataFrame:
        """Classify texts.

        Args:
            context: As it was loaded with.
            model_input: The texts in the column that the training data had them in, or in `text`,
                or without a name, as of a plain list; second texts likewise, or in `text_pair`.
                A model of words takes a text, or the list of its words.
            params: None are known.

        Returns:
            A row for each, with the columns of `Task.predictions`: of a classification `label`,
            its `probability`, and `probabilities` by label.

        Raises:
            MlflowException: A column or a text is missing.
        """
        try:
            listed = self._columns.listed
            has_words = self._predictor.task.form.first_is_list
            rows = _rows(model_input, self._columns.text if has_words else listed)
            text, second = self._columns.choose(list(rows.columns))
            texts = _words(rows[text]) if has_words else _texts(rows[text])
            pairs = _second(rows, second, listed)
        except (InputError, ValueError) as error:
            raise MlflowException.invalid_parameter_value(str(error)) from error
        return pd.DataFrame(self._predictor.predictions(texts, pairs))


def _rows(given: pd.DataFrame, listed: Sequence[Column]) -> pd.DataFrame:
    """Return a numbered row for each text; MLflow makes one row of columns given as lists.

    Args:
        given: Input of the model.
        listed: Columns whose cells may be lists.

    Raises:
        ValueError: The lists differ in length.
    """
    lists = [
        name
        for name in given.columns
        if len(given) and _is_list(_first(given[name]) if name in listed else given[name].iloc[0])
    ]
    return given.explode(lists, ignore_index=True) if lists else given.reset_index(drop=True)


def _is_list(cell: object) -> bool:
    return isinstance(cell, (list, np.ndarray))


def _first(column: "pd.Series[Any]") -> object:
    """First item of the first cell; None where that is no list, or empty."""
    cell = column.iloc[0]
    return cell[0] if _is_list(cell) and len(cell) else None


def _second(rows: pd.DataFrame, columns: Sequence[Any], listed: Sequence[str]) -> list[Any] | None:
    """Return the second part of each row; None without any.

    Raises:
        InputError: A text is missing.
    """
    if not columns:
        return None
    if listed:
        name = listed[0]
        cells = rows[name].map(lambda cell: list(cell) if _is_list(cell) else [cell])
        return [tuple(_texts(pd.Series(cell, name=name))) for cell in cells]
    texts = [_texts(rows[name]) for name in columns]
    return texts[0] if len(texts) == 1 else list(zip(*texts, strict=True))


def _words(column: "pd.Series[Any]") -> list[Any]:
    """Return each row's text, or its words where they are given.

    Raises:
        InputError: A text or a word is missing.
    """
    are_words = column.map(_is_list)
    _texts(column[~are_words])
    _texts(column[are_words].explode())
    return [list(cell) if _is_list(cell) else cell for cell in column]


def _texts(column: "pd.Series[str]") -> list[str]:
    """Return the texts of a column.

    Raises:
        InputError: One is missing.
    """
    for row, text in column.items():
        if not isinstance(text, str):
            raise InputError(
                f"row {row} has no text",
                where=f"column {column.name!r}",
                remedy='"" for a row without text',
            )
    return list(column)


set_model(TextClassifier())
