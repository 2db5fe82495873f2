"""Input of a served model, as MLflow hands it over, and what the model makes of it."""

import sys
from types import SimpleNamespace

import pandas as pd
import pytest
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.pyfunc import PyFuncModel

from tuner.checkpoints.text_columns import TextColumns
from tuner.tasks import Form
from tuner.tracking.publishing.model import input_schema
from tuner.training.served import TextClassifier

SENTENCES = [["EU", "rejects", "German"], ["Peter"]]


@pytest.fixture
def tagger(monkeypatch):
    """A served model of words, whose predictions are the texts that it is asked about."""

    class Predictor:
        task = SimpleNamespace(form=Form.WORDS)

        def __init__(self, folder):
            pass

        def predictions(self, texts, pairs):
            return [{"text": text} for text in texts]

    name = "tuner.training.predictor"
    monkeypatch.setitem(sys.modules, name, SimpleNamespace(Predictor=Predictor))
    fed = {"text": "tokens", "text_pair": None, "choices": None}
    model = TextClassifier()
    model.load_context(SimpleNamespace(artifacts={"model": "m"}, model_config=fed))
    return lambda rows: list(model.predict(None, pd.DataFrame(rows))["text"])


@pytest.mark.parametrize(
    ("rows", "asked"),
    [
        ({"tokens": SENTENCES}, SENTENCES),
        # As MLflow makes one row of the lists of a mapping.
        ({"tokens": [SENTENCES]}, SENTENCES),
        ({"tokens": ["EU rejects", "Peter"]}, ["EU rejects", "Peter"]),
        (
            {"tokens": ["EU rejects", ["Peter", "Blackburn"]]},
            ["EU rejects", ["Peter", "Blackburn"]],
        ),
    ],
)
def test_a_list_of_words_is_one_text(tagger, rows, asked):
    assert tagger(rows) == asked


@pytest.mark.parametrize("rows", [[["EU", None]], [[]], [["EU"], None]])
def test_a_missing_word_is_refused(tagger, rows):
    with pytest.raises(MlflowException, match="has no text"):
        tagger({"tokens": rows})


@pytest.mark.parametrize(
    ("given", "cells"),
    [
        (pd.DataFrame({"tokens": SENTENCES}), SENTENCES),
        ({"tokens": SENTENCES}, SENTENCES),
        ([{"tokens": words} for words in SENTENCES], SENTENCES),
        (pd.DataFrame({"tokens": ["EU rejects"]}), ["EU rejects"]),
    ],
)
def test_the_schema_lets_words_and_texts_pass(given, cells):
    schema = input_schema(TextColumns.of("tokens", None), Form.WORDS)
    loaded = Model(
        signature=ModelSignature(inputs=schema),
        flavors={"python_function": {"loader_module": "none"}},
    )
    passed = SimpleNamespace(predict=lambda rows, **_: rows)
    assert list(PyFuncModel(loaded, passed).predict(given)["tokens"]) == cells
