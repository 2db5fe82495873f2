"""Several labels of a row: lists, texts with a separator, columns of 0 and 1."""

import json

import pytest

from tests.data.files import write
from tuner.data.examples import SecondColumns, TargetColumns
from tuner.data.preparation import read_splits
from tuner.data.source import find_sources
from tuner.data.texts import read_texts
from tuner.errors import InputError
from tuner.settings.settings import DataSettings
from tuner.tasks import Multilabel

COPIES = 10
"""Rows of each kind, enough for a validation share."""


def splits(path, file_format="csv", **fields):
    """Sets of labels of all rows, label names, and remarks."""
    data = DataSettings(format=file_format, train=path, **fields)
    (train, validation), labels, remarks = read_splits(data, Multilabel(), find_sources(data))
    return {*train.targets, *validation.targets}, labels, remarks


def delimited(tmp_path, cells, name="f.csv"):
    rows = [(f"text {i}", cell) for i, cell in enumerate(list(cells) * COPIES)]
    return write(tmp_path / name, rows)


def lists(tmp_path, labels):
    """Labels are JSON texts: `[1, true]`."""
    path = tmp_path / "f.jsonl"
    rows = [f'{{"text": "t{i}", "label": {each}}}' for i, each in enumerate(labels * COPIES)]
    path.write_text("\n".join(rows))
    return str(path)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (("01|1", "011", ""), {("01", "1"), ("011",), ()}),
        (("1.0|2.0", "1.0", "2.0"), {("1", "2"), ("1",), ("2",)}),
        (("1.0|2", "2"), {("1.0", "2"), ("2",)}),
        (("yes | no", "null", "NA|true"), {("no", "yes"), ("null",), ("NA", "true")}),
    ],
)
def test_texts_with_a_separator_stay_as_written(tmp_path, cells, expected):
    found, labels, _ = splits(delimited(tmp_path, cells), label_separator="|")
    assert found == expected
    assert set(labels) == {label for row in expected for label in row}


def test_quote_marks_in_texts_merge_no_rows(tmp_path):
    path = tmp_path / "f.tsv"
    rows = ['"good film\ta|b', "bad\tb", 'fine"\ta']
    path.write_text("\n".join(["text\tlabel", *rows * COPIES]))
    data = DataSettings(format="csv", train=str(path), label_separator="|")
    (train, validation), _, _ = read_splits(data, Multilabel(), find_sources(data))
    assert len(train) + len(validation) == 3 * COPIES


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (['[true, "x"]', "[false]"], ("false", "true", "x")),
        (["[1, 2.0]", "[1.0]"], ("1", "2")),
        (["[1.0, 2.0]", "[1.0]"], ("1", "2")),
        (['["1.0", "x"]', '["1"]'], ("1", "1.0", "x")),
    ],
)
def test_lists_of_json_are_named_as_single_labels_are(tmp_path, labels, expected):
    assert splits(lists(tmp_path, labels), "json")[1] == expected


def test_columns_keep_their_names(tmp_path):
    header = ("text", "1.0", "2.0", "yes")
    rows = [(f"text {i}", i % 2, "TRUE" if i % 3 else "false", "1.0") for i in range(30)]
    path = write(tmp_path / "f.csv", rows, header)
    found, labels, _ = splits(path, label_columns=["1.0", "2.0", "yes"])
    assert set(labels) == {"1.0", "2.0", "yes"}
    assert found == {("1.0", "2.0", "yes"), ("1.0", "yes"), ("2.0", "yes"), ("yes",)}
    assert splits(path, label_columns=["1.0", "2.0"])[1] == ("1.0", "2.0")


def test_a_column_without_a_1_is_warned_of(tmp_path):
    rows = [(f"text {i}", i % 2, int(i % 3 == 0), 0) for i in range(30)]
    path = write(tmp_path / "f.csv", rows, ("text", "a", "b", "c"))
    _, labels, remarks = splits(path, label_columns=["a", "b", "c"])
    assert labels == ("a", "b")
    (note,) = remarks.notes
    assert " c " in note
    assert not splits(path, label_columns=["a", "b"])[2].notes


@pytest.mark.parametrize("cell", ["2", "", "yes"])
def test_a_cell_of_a_column_that_is_neither_is_refused(tmp_path, cell):
    rows = [("text 1", 1, 0), ("text 2", cell, 1)]
    path = write(tmp_path / "f.csv", rows, ("text", "a", "b"))
    with pytest.raises(InputError) as refused:
        splits(path, label_columns=["a", "b"])
    assert refused.value.where.startswith("data.label_columns=a, row 2")


@pytest.mark.parametrize(
    ("targets", "row"),
    [
        (TargetColumns(label="label", separator="|"), {"label": "1.0|2.0"}),
        (TargetColumns(label="label"), {"label": [1.0, 2]}),
        (TargetColumns(label="label", columns=["1", "2"]), {"1": True, "2": 1}),
    ],
)
def test_a_file_to_predict_is_read_alike(tmp_path, targets, row):
    path = tmp_path / "f.jsonl"
    path.write_text(json.dumps({"text": "a"} | row))
    found = read_texts(path, "text", SecondColumns(), None, task=Multilabel(), usual=targets)
    assert Multilabel().known(found.targets, ("1", "2", "3"), "the file") == (("1", "2"),)
