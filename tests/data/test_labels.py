"""Labels as they stand in files, and as they are called afterwards."""

import json
from dataclasses import replace

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data.files import write
from tests.data.test_sources import read
from tuner.data import prepare
from tuner.data.held_out import read_held_out
from tuner.data.preparation import read_splits
from tuner.data.source import find_sources
from tuner.errors import InputError
from tuner.settings.settings import DataSettings
from tuner.tasks import Classification
from tuner.tasks.labels import given_weights, label_names, normalized_label, spelled_as_known

AS_WRITTEN = [
    ("01", "1"), ("011", "11"), ("01", "02", "A1"), ("1", "+1"), ("1", "1.0", "2"),
    ("1.0", "1.00"), ("1.0", "a"), ("01.0", "02.0"), ("0.0", "-0.0"),
    ("true", "false"), ("True", "true", "TRUE"),
    ("yes", "no"), ("null", "NA", "None", "nan", "NaN"), ("1e3", "1000"), ("1_000", "1000"),
    ("Pos", "pos"), (" pos", "pos", "pos "), ("caf\u00e9", "cafe\u0301"), ("0x10", "16"),
    ("1,0", "2,0"), ("9" * 400, "09"), ("2024-01-01", "2024-1-1"),
]  # fmt: skip


def columns(tmp_path, labels, name="f.csv"):
    return write(tmp_path / name, [(f"text {i}", label) for i, label in enumerate(labels)])


def names(path, file_format="csv"):
    data = DataSettings(format=file_format, train=path)
    found = read(path, file_format)
    return label_names(found.targets, found.where, classes=found.classes), data


def as_json(tmp_path, labels):
    """Labels are JSON texts: `"1.0"`, `true`."""
    path = tmp_path / "f.json"
    rows = [f'{{"text": "t{i}", "label": {label}}}' for i, label in enumerate(labels)]
    path.write_text("\n".join(rows))
    return str(path)


def as_parquet(tmp_path, column):
    path = tmp_path / "f.parquet"
    texts = [f"t{i}" for i in range(len(column))]
    pq.write_table(pa.table({"text": texts, "label": column}), path)
    return str(path)


class TestAsWritten:
    @pytest.mark.parametrize("labels", AS_WRITTEN)
    def test_in_csv(self, tmp_path, labels):
        found, _ = names(columns(tmp_path, labels))
        assert sorted(found) == sorted(labels)

    @pytest.mark.parametrize("labels", AS_WRITTEN)
    def test_in_json(self, tmp_path, labels):
        found, _ = names(as_json(tmp_path, map(json.dumps, labels)), "json")
        assert sorted(found) == sorted(labels)

    @pytest.mark.parametrize("labels", AS_WRITTEN)
    def test_in_parquet(self, tmp_path, labels):
        column = pa.array(labels).dictionary_encode()
        found, _ = names(as_parquet(tmp_path, column), "parquet")
        assert sorted(found) == sorted(labels)

    @pytest.mark.parametrize("labels", AS_WRITTEN)
    def test_in_validation_and_test(self, tmp_path, labels):
        train = columns(tmp_path, [*labels, *labels], "train.csv")
        other = columns(tmp_path, labels[:1], "other.csv")
        data = DataSettings(format="csv", train=train, validation=other, test=other)
        (_, validation), found, _ = read_splits(data, Classification(), find_sources(data))
        assert validation.targets == labels[:1]
        assert set(found) == set(labels)
        assert read_held_out(data, Classification()).examples.targets == labels[:1]

    def test_order_is_that_of_the_numbers(self, tmp_path):
        assert names(columns(tmp_path, ["10", "011", "9", "-1"]))[0] == ("-1", "9", "10", "011")


class TestWholeFloats:
    @pytest.mark.parametrize(
        ("labels", "expected"),
        [(("1.0", "2.0"), ("1", "2")), (("-1.0", "0.0", "10.0"), ("-1", "0", "10")),
         (("1.00", "2.00"), ("1", "2")), (("1.", "2."), ("1", "2"))],
    )  # fmt: skip
    def test_become_integers(self, tmp_path, labels, expected):
        assert names(columns(tmp_path, labels))[0] == expected

    @pytest.mark.parametrize(
        ("training", "validation", "expected"),
        [
            (["1.0", "2.0"], ["2.0", "1.0"], ("2", "1")),
            (["1.0", "2.0"], ["2", "1"], ("2", "1")),
            (["1", "2"], ["2.0", "1.0"], ("2", "1")),
            (["1.0", "2.0"], ["2.0", "1"], ("2", "1")),
            (["01", "02", "A1"], ["01", "02"], ("01", "02")),
            (["1.0", "2.0", "A1"], ["1.0", "2.0"], ("1.0", "2.0")),
        ],
    )
    def test_are_decided_on_the_training_rows(self, tmp_path, training, validation, expected):
        data = DataSettings(
            format="csv",
            train=columns(tmp_path, training * 2, "train.csv"),
            validation=columns(tmp_path, validation, "validation.csv"),
        )
        (_, found), labels, _ = read_splits(data, Classification(), find_sources(data))
        assert found.targets == expected
        assert spelled_as_known(validation, labels) == expected

    @pytest.mark.parametrize(
        ("training", "validation", "named"),
        [
            (["01", "02", "A1"], ["1", "2"], "1, 2"),
            (["1", "2"], ["01"], "01"),
            (["1.0", "2.0"], ["3.0"], "3.0"),
            (["1.0", "2.0"], ["1.5"], "1.5"),
            (["1.0", "A"], ["1"], "1"),
            (["pos", "neg"], ["Pos"], "Pos"),
        ],
    )
    def test_unknown_labels_are_named_as_the_file_has_them(
        self, tmp_path, training, validation, named
    ):
        data = DataSettings(
            format="csv",
            train=columns(tmp_path, training * 2, "train.csv"),
            validation=columns(tmp_path, validation, "validation.csv"),
        )
        with pytest.raises(InputError) as caught:
            read_splits(data, Classification(), find_sources(data))
        assert caught.value.problem.endswith(f": {named}")

    def test_fractions_are_refused(self, tmp_path):
        with pytest.raises(InputError, match=r"fractions, such as 2\.5"):
            names(columns(tmp_path, ["1.0", "2.5"]))
        with pytest.raises(InputError, match=r"fractions, such as 2\.5[^$]*data\.label"):
            names(as_parquet(tmp_path, pa.array([1.0, 2.5])), "parquet")

    def test_fractions_among_names_are_names(self, tmp_path):
        assert names(columns(tmp_path, ["1.5", "v2"]))[0] == ("1.5", "v2")


class TestTypes:
    @pytest.mark.parametrize(
        ("labels", "expected"),
        [
            (("1", "2.0"), ("1", "2")),
            (("1", "1.0", "2"), ("1", "2")),
            (("1.00", "2.00"), ("1", "2")),
            (("true", "false"), ("false", "true")),
            (('"true"', "false"), ("false", "true")),
            (("1.0", '"A1"'), ("1.0", "A1")),
            (('"01"', '"1"'), ("01", "1")),
            (("1e2", "5"), ("5", "100")),
        ],
    )
    def test_of_json(self, tmp_path, labels, expected):
        assert names(as_json(tmp_path, labels), "json")[0] == expected

    @pytest.mark.parametrize("label", ["null", "NaN", '""', '"  "'])
    def test_no_label_in_json(self, tmp_path, label):
        with pytest.raises(InputError, match=r"1 row has no label[^$]*row 2"):
            names(as_json(tmp_path, ("1", label)), "json")

    @pytest.mark.parametrize(
        ("column", "expected"),
        [
            (pa.array([1.0, 2.0]), ("1", "2")),
            (pa.array([1.0, 2.0], pa.float32()), ("1", "2")),
            (pa.array([10, 9], pa.uint8()), ("9", "10")),
            (pa.array([2**60, 2**60 + 1]), (str(2**60), str(2**60 + 1))),
            (pa.array([True, False]), ("False", "True")),
            (pa.array([3, 1]).dictionary_encode(), ("1", "3")),
            (pa.array([1e20, 1.0]), ("1", str(10**20))),
        ],
    )
    def test_of_parquet(self, tmp_path, column, expected):
        assert names(as_parquet(tmp_path, column), "parquet")[0] == expected

    @pytest.mark.parametrize("labels", [("1.0", "2.0"), ("1.0", "1.5"), ("01", "1"), ("b", "a")])
    def test_class_labels_of_a_data_set_keep_their_names(self, tmp_path, labels):
        features = datasets.Features(
            {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=list(labels))}
        )
        content = {"text": ["a", "b", "c", "d"], "label": [0, 1, 0, 1]}
        saved = datasets.Dataset.from_dict(content, features=features)
        saved.save_to_disk(str(tmp_path / "saved"))
        saved.to_parquet(str(tmp_path / "saved.parquet"))
        for data in (
            DataSettings(format="hub", name=str(tmp_path / "saved")),
            DataSettings(format="parquet", train=str(tmp_path / "saved.parquet")),
        ):
            (train, validation), found, _ = read_splits(data, Classification(), find_sources(data))
            assert found == tuple(sorted(labels))
            assert set(train.targets) | set(validation.targets) == set(labels)


class TestLookAlikes:
    @pytest.mark.parametrize(
        "labels",
        [("Pos", "pos"), ("pos ", "pos"), ("caf\u00e9", "cafe\u0301"), ("01", "1"),
         ("1.0", "1", "b"), ("+1", "1"), ("a  b", "a b"), ("\uff41", "a"), ("a\u200b", "a"),
         ("STRASSE", "stra\u00dfe")],
    )  # fmt: skip
    def test_stay_apart_with_a_warning(self, tmp_path, model, labels):
        data = DataSettings(format="csv", train=columns(tmp_path, labels * 4))
        report = prepare(data, model, Classification()).report
        assert set(report.labels) == set(labels)
        warning = next(line for line in report.warnings() if "different labels" in line)
        assert all(repr(label) in warning or ascii(label) in warning for label in labels[:2])

    @pytest.mark.parametrize("labels", [("a", "b"), ("1", "10"), ("-1", "1"), ("a1", "a01")])
    def test_others_do_not(self, labels):
        assert normalized_label(labels[0]) != normalized_label(labels[1])

    def test_one_in_validation_alone_is_hinted_at(self, tmp_path):
        data = DataSettings(
            format="csv",
            train=columns(tmp_path, ["pos", "neg"] * 2, "train.csv"),
            validation=columns(tmp_path, ["Pos", "neg"], "validation.csv"),
        )
        with pytest.raises(InputError) as caught:
            read_splits(data, Classification(), find_sources(data))
        assert "'Pos' ('pos')" in caught.value.remedy


class TestTexts:
    TEXTS = (
        "007",
        "NA",
        "null",
        "None",
        "nan",
        "true",
        " blanks ",
        "1.50",
        "1e3",
        "-0",
        "+1",
        "\t",
    )

    def test_of_csv_arrive_as_written(self, tmp_path):
        path = write(tmp_path / "f.csv", [(text, "x") for text in self.TEXTS])
        assert read(path).texts == self.TEXTS

    def test_of_parquet_and_json_arrive_as_written(self, tmp_path):
        rows = [{"text": text, "label": "x"} for text in self.TEXTS]
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / "f.parquet")
        assert read(tmp_path / "f.parquet", "parquet").texts == self.TEXTS
        (tmp_path / "f.json").write_text(json.dumps(rows))
        assert read(tmp_path / "f.json", "json").texts == self.TEXTS

    def test_that_are_json_numbers_arrive_as_written(self, tmp_path):
        path = tmp_path / "f.json"
        path.write_text(
            '[{"text": 1.50, "label": 1}, {"text": 1e3, "label": 1}, {"text": true, "label": 1}]'
        )
        assert read(path, "json").texts == ("1.50", "1e3", "true")


class TestWhere:
    @pytest.mark.parametrize("value", ["01", "1", "true", "True", "null", "no", "1.0", " a"])
    def test_texts_match_as_written(self, tmp_path, value):
        cells = ["01", "1", "true", "True", "null", "no", "1.0", " a", "a"]
        path = write(tmp_path / "f.csv", [(c, "x", c) for c in cells], ("text", "label", "k"))
        assert read(path, where={"k": value}).texts == (value,)

    @pytest.mark.parametrize(
        ("cells", "value", "found"),
        [
            ([1, 2], "1", 1), ([1.0, 2.0], "1", 1), ([1.5, 2.0], "1.50", 1),
            ([True, False], "true", 1), ([True, None], "True", 1), (["None", None], "None", 1),
            ([2**60, 2**60 + 1], str(2**60), 1), ([0.1, 0.2], "0.1", 1),
        ],
    )  # fmt: skip
    def test_others_by_what_they_stand_for(self, tmp_path, cells, value, found):
        rows = {"text": list("ab"), "label": ["x", "y"], "k": cells}
        pq.write_table(pa.table(rows), tmp_path / "f.parquet")
        assert len(read(tmp_path / "f.parquet", "parquet", where={"k": value})) == found

    def test_truth_values_of_json(self, tmp_path):
        path = tmp_path / "f.json"
        path.write_text(
            '{"text": "a", "label": 1, "k": true}\n{"text": "b", "label": 1, "k": null}'
        )
        assert read(path, "json", where={"k": "true"}).texts == ("a",)


class TestWeights:
    @pytest.mark.parametrize("labels", [("1", "2"), ("1.0", "2.0")])
    @pytest.mark.parametrize("keys", [("1", "2"), ("1.0", "2.0")])
    def test_of_whole_floats_by_either_name(self, tmp_path, labels, keys):
        found, _ = names(columns(tmp_path, labels))
        given = dict(zip(keys, (3, 4), strict=True))
        assert given_weights(given, found) == {"1": 3.0, "2": 4.0}

    def test_of_labels_that_look_alike(self):
        given = {"true": 1, "True": 2, "01": 3, "1": 4}
        assert given_weights(given, list(given)) == given

    @pytest.mark.parametrize(
        "given", [{"True": 1, "b": 2}, {"true": 1}, {"true": 1, "b": 2, "c": 3}]
    )
    def test_others_are_refused(self, given):
        with pytest.raises(InputError, match=r"training\.class_weights"):
            given_weights(given, ["true", "b"])

    def test_of_one_label_twice_are_refused(self):
        with pytest.raises(InputError, match="has 1 twice"):
            given_weights({"1": 1, "1.0": 2, "2": 3}, ["1", "2"])


def test_names_reach_the_prepared_data(tmp_path, model):
    data = DataSettings(format="csv", train=columns(tmp_path, ["011", "11"] * 5))
    prepared = prepare(data, model, Classification())
    assert prepared.labels == prepared.report.labels == ("011", "11")
    shifted = replace(data, train=columns(tmp_path, ["11", "011"] * 5, "g.csv"))
    assert prepare(shifted, model, Classification()).fingerprint != prepared.fingerprint
