"""A logged model as MLflow serves it: raw texts in, labels and probabilities out.

MLflow copies this file beside the model and runs it when the model is loaded ("models from
code"), with our package on the path; nothing is pickled.
"""

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext


class TextClassifier(PythonModel):
    """A fine-tuned classifier with its tokenizer and its label names."""

    def load_context(self, context: PythonModelContext) -> None:
        """Loads the model's folder; TensorFlow with it."""
        from tuner.training.predictor import Predictor  # noqa: PLC0415

        self._predictor = Predictor(Path(context.artifacts["model"]))

    def predict(
        self,
        context: PythonModelContext,  # noqa: ARG002
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> pd.DataFrame:
        """Classifies texts.

        Args:
            context: As it was loaded with.
            model_input: Column `text`, and `text_pair` where the model classifies pairs.
            params: None are known.

        Returns:
            A row for each: `label`, its `probability`, and `probabilities` by label name.
        """
        inputs = self._predictor.inputs
        takes_pairs = "text_pair" in model_input and (inputs is None or inputs.text_pair)
        pairs = list(model_input["text_pair"]) if takes_pairs else None
        shares = self._predictor.probabilities(list(model_input["text"]), pairs)
        labels = self._predictor.labels
        best = shares.argmax(axis=1)
        return pd.DataFrame(
            {
                "label": [labels[index] for index in best],
                "probability": shares.max(axis=1),
                "probabilities": [
                    dict(zip(labels, map(float, row), strict=True)) for row in shares
                ],
            }
        )


set_model(TextClassifier())
