"""A logged model as MLflow serves it: raw texts in, labels and probabilities out.

MLflow copies this file beside the model and runs it when the model is loaded ("models from
code"), with our package on the path; nothing is pickled.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from tuner.checkpoints.text_columns import TextColumns
from tuner.errors import InputError


class TextClassifier(PythonModel):
    """A fine-tuned classifier with its tokenizer and its label names."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the model's folder, and TensorFlow."""
        from tuner.training.predictor import Predictor  # noqa: PLC0415

        self._predictor = Predictor(Path(context.artifacts["model"]))
        fed = context.model_config or {}
        self._columns = TextColumns.of(fed["text"], fed["text_pair"])

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
            params: None are known.

        Returns:
            A row for each, with the columns of `Task.predictions`: of a classification `label`,
            its `probability`, and `probabilities` by label.

        Raises:
            MlflowException: A column or a text is missing.
        """
        try:
            rows = _rows(model_input)
            text, pair = self._columns.choose(list(rows.columns))
            texts = _texts(rows[text])
            pairs = None if pair is None else _texts(rows[pair])
        except (InputError, ValueError) as error:
            raise MlflowException.invalid_parameter_value(str(error)) from error
        return pd.DataFrame(self._predictor.predictions(texts, pairs))


def _rows(given: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each text; MLflow makes one row of columns that are given as lists.

    Raises:
        ValueError: The lists differ in length.
    """
    lists = [
        name
        for name in given.columns
        if len(given) and isinstance(given[name].iloc[0], (list, np.ndarray))
    ]
    return given.explode(lists, ignore_index=True) if lists else given


def _texts(column: "pd.Series[str]") -> list[str]:
    """Return the texts of a column.

    Raises:
        InputError: One is missing.
    """
    for row, text in enumerate(column):
        if not isinstance(text, str):
            raise InputError(
                f"row {row} has no text",
                where=f"column {column.name!r}",
                remedy="a string in each row, which may be empty",
            )
    return list(column)


set_model(TextClassifier())
