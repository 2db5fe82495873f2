"""Texts that a model of the Python interface takes, by the form of its task."""

import json

import pytest

import tuner
from tuner.errors import InputError

HEADS = {
    "classification": "BertForSequenceClassification",
    "multiple_choice": "BertForMultipleChoice",
    "token_classification": "BertForTokenClassification",
}


@pytest.mark.parametrize(
    ("task", "texts", "pairs", "key"),
    [
        ("classification", "a text", None, "texts"),
        ("classification", [["a", "text"]], None, "texts"),
        ("classification", ["a text"], [["another"]], "pairs"),
        ("token_classification", [[]], None, "texts"),
        ("multiple_choice", ["a text"], ["abcd"], "pairs"),
        ("multiple_choice", ["a text"], [["only one"]], "pairs"),
        ("multiple_choice", [["a", "text"]], [["b", "c"]], "texts"),
    ],
)
def test_parts_of_another_form_are_refused(tmp_path, task, texts, pairs, key):
    labels = {"0": "O", "1": "B-x"} if task == "token_classification" else {"0": "a", "1": "b"}
    config = {"model_type": "bert", "architectures": [HEADS[task]], "id2label": labels}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError) as error:
        tuner.Model(tmp_path).predict(texts, pairs)
    assert str(error.value.where) == key
