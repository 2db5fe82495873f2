"""Refusals of `predict` before it loads a model."""

import numpy as np
import pytest

from tuner.__main__ import main
from tuner.commands.predict import first_rows
from tuner.data.texts import Texts
from tuner.results.layout import table_lines
from tuner.tasks import Classification
from tuner.worker.predict_client import Prediction


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "a model's folder and a file"),
        (("tiny",), "a model's folder and a file"),
        (("tiny", "predict.rows=3"), "a model's folder and a file"),
        (("nowhere", "train.csv"), "there is no folder nowhere"),
        (("tiny", "nothing.csv"), "there is no file nothing.csv"),
        (("tiny", "notes.txt"), "ends in one of .csv, .tsv"),
        (("tiny", "empty.csv"), "there are no rows"),
        (("tiny", "train.csv", "predict.text=review"), "predict.text=COLUMN, one of: text, label"),
        (("tiny", "train.csv", "predict.text_pair=reply"), "there is no column 'reply'"),
        (
            ("tiny", "train.csv", "predict.label=stars"),
            "predict.label=COLUMN, one of: text, label",
        ),
        (("tiny", "gaps.csv", "predict.label=label"), "predict.label, gaps.csv, row 2"),
        (("tiny", "train.csv", "predict.output=sweeps"), "predict.output=FILE.csv"),
        (("tiny", "train.csv", "predict.output=train.csv/x.csv"), "the file cannot be written"),
        (("tiny", "train.csv", "predict.rows=-1"), "predict.rows=10 (0 or more)"),
        (("tiny", "train.csv", "predict.row=1"), "no key 'predict.row'"),
        (("tiny", "train.csv", "study=mine"), "there is no key 'study'"),
        (("tiny", "train.csv", "predict.rows=1,2"), "predict.rows"),
    ],
)
def test_wrong_input_is_told(words, message, folder, capsys):
    (folder / "notes.txt").write_text("a text")
    (folder / "empty.csv").write_text("text,label\n")
    (folder / "gaps.csv").write_text("text,label\na fine film,1\ndull,\n")
    assert main(["predict", *words]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("width", range(40, 251))
def test_a_probability_is_never_cut(width):
    columns = first_rows(
        Texts(texts=("a text of some words",) * 2, pairs=None, targets=("positive", "negative")),
        Prediction(
            task=Classification(),
            names=("negative", "positive", "mixed"),
            outputs=np.log([[0.1234, 0.8561, 0.0204], [0.9, 0.05, 0.05]]),
        ),
        rows=2,
    ).columns
    lines = [line.plain for line in table_lines(columns, width)]
    assert max(map(len, lines)) <= width
    together = " ".join(" ".join(lines).split())
    for text in ("positive 0.856", "negative 0.123", "mixed 0.020", "negative 0.900"):
        assert text in together
