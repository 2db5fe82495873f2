"""Parquet files: class names, and columns of one name; the same columns in other formats."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data.test_sources import read, refused
from tuner.data.examples import SecondColumns, TargetColumns
from tuner.data.parquet import class_names
from tuner.data.texts import read_texts
from tuner.tasks import Classification
from tuner.tasks.labels import label_names

LABEL = {"task": Classification(), "usual": TargetColumns(label="label")}

NAMES = ["neg", "pos", "10"]


@pytest.fixture
def saved(tmp_path):
    """A file of `Dataset.to_parquet`, whose labels are class numbers."""
    import datasets

    features = datasets.Features(
        {
            "text": datasets.Value("string"),
            "label": datasets.ClassLabel(names=NAMES),
            "side": datasets.ClassLabel(names=["left", "right"]),
            "stars": datasets.Value("int64"),
        }
    )
    rows = {"text": ["a", "b", "c"], "label": [1, 0, 2], "side": [0, 1, 0], "stars": [5, 1, 1]}
    path = tmp_path / "saved.parquet"
    datasets.Dataset.from_dict(rows, features=features).to_parquet(path)
    return path


def with_metadata(path, labels, metadata):
    table = pa.table({"text": ["a", "b"], "label": labels})
    pq.write_table(table.replace_schema_metadata(metadata), path)
    return path


def test_class_numbers_have_their_names(saved):
    examples = read(saved, "parquet")
    assert examples.targets == ("pos", "neg", "10")
    assert label_names(examples.targets, examples.where, classes=examples.classes) == (
        "10",
        "neg",
        "pos",
    )
    assert read(saved, "parquet", where={"side": "left"}).texts == ("a", "c")
    assert read(saved, "parquet", label="stars").targets == ("5", "1", "1")
    assert read_texts(saved, "text", SecondColumns(), None, **LABEL).targets == (
        "pos",
        "neg",
        "10",
    )


def of_label(**feature):
    return {b"huggingface": json.dumps({"info": {"features": {"label": feature}}}).encode()}


def test_rows_without_a_label_and_numbers_without_a_name_are_refused(tmp_path):
    kind = {"_type": "ClassLabel", "names": NAMES}
    path = with_metadata(tmp_path / "f", [0, -1], of_label(**kind))
    refused(path, "row 2", "no label", file_format="parquet")
    path = with_metadata(tmp_path / "f", [0, 3], of_label(**kind))
    refused(path, "class number 3 has no name", "row 2", file_format="parquet")


def test_texts_stay_texts_whatever_the_metadata_says(tmp_path):
    kind = {"_type": "ClassLabel", "names": NAMES}
    path = with_metadata(tmp_path / "f", ["0", "1"], of_label(**kind))
    assert read(path, "parquet").targets == ("0", "1")


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {b"huggingface": b"{"},
        {b"huggingface": b"[]"},
        {b"huggingface": b'{"info": null}'},
        {b"huggingface": b"\xff"},
        of_label(_type="Value", dtype="int64"),
        of_label(_type="ClassLabel"),
        of_label(_type="ClassLabel", names="ab"),
    ],
)
def test_metadata_that_names_no_classes_changes_nothing(tmp_path, metadata):
    path = with_metadata(tmp_path / "f", [1, 0], metadata)
    assert read(path, "parquet").targets == ("1", "0")
    assert class_names(metadata or {}) == {}


def write_twice(path, file_format, name):
    """A file with the columns text, label and other, and one of them a second time."""
    columns = ["text", "label", "other", name]
    if file_format == "parquet":
        arrays = [pa.array(["x", "y"]) for _ in columns]
        pq.write_table(pa.table(arrays, names=columns), path)
    elif file_format == "csv":
        path.write_text(f"{','.join(columns)}\nx,x,x,x\ny,y,y,y\n")
    else:
        row = ", ".join(f'"{column}": "x"' for column in columns)
        path.write_text(f"{{{row}}}\n" * 2 if file_format == "lines" else f"[{{{row}}}]")
    return path


@pytest.mark.parametrize("file_format", ["parquet", "csv", "json", "lines"])
@pytest.mark.parametrize("name", ["text", "label"])
def test_two_columns_of_one_name_are_refused_where_they_are_wanted(tmp_path, file_format, name):
    path = write_twice(tmp_path / "f", file_format, name)
    refused(path, repr(name), str(path), file_format=file_format)


@pytest.mark.parametrize("file_format", ["parquet", "csv", "json", "lines"])
def test_two_columns_that_nobody_wants_hurt_nobody(tmp_path, file_format):
    path = write_twice(tmp_path / "f", file_format, "other")
    assert read(path, file_format).texts[0] == "x"
