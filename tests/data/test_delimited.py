"""Files as people have them, and the rows that are in them."""

import bz2
import csv
import gzip
import io
import itertools
import lzma
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.data.test_sources import read, refused
from tuner.config import compose_predict, compose_sweep
from tuner.data import prepare
from tuner.data.delimited import Hints
from tuner.data.examples import SecondColumns, TargetColumns
from tuner.data.held_out import read_held_out
from tuner.data.source import find_sources
from tuner.data.texts import read_texts
from tuner.doctor.inputs import data_line
from tuner.doctor.line import Level
from tuner.errors import InputError
from tuner.settings.settings import DataSettings
from tuner.tasks import Classification

LABEL = {"task": Classification(), "usual": TargetColumns(label="label")}
STARS = {"task": Classification(), "usual": TargetColumns(label="stars")}

ROWS = [("good film", "pos"), ("bad", "neg"), ("so, so; or | not", "neg"), ("fine", "pos")]
HARD = [
    'say "hi"', '"quoted"', '"open', 'closed"', "a,b", "a;b", "a\tb", "a|b", "two\nlines", "it's",
    "a\r\nb", "C:\\dir", 'back\\"slash', "", " blanks ", "NA", "007", "\u2028",
    "é ß 漢 😀", "a,b\nc,d",
]  # fmt: skip


def table(path, **settings):
    data = DataSettings(format="csv", train=str(path), **settings)
    return find_sources(data)[0].read()


def rows(path, **settings):
    found = table(path, **settings).values
    return list(zip(found["text"], found["label"], strict=True))


@pytest.fixture
def file(tmp_path):
    def write(content, name="f.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return write


class TestQuoteMarksThatBelongToTexts:
    STRAY = '"good film\tpos\nbad\tneg\nfine"\tpos\n'

    def test_they_merge_no_rows(self, file):
        path = file("text\tlabel\n" + "plain\tneg\n" * 74 + self.STRAY * 2, "f.tsv")
        assert len(rows(path)) == 80
        assert rows(path)[-3:] == [('"good film', "pos"), ("bad", "neg"), ('fine"', "pos")]
        (line,) = table(path).read_as
        assert "f.tsv" in line
        assert "quote marks are part of the texts" in line
        assert table(path).notes == ()

    @pytest.mark.parametrize(
        ("labels", "separator"),
        [([f"{i / 7:.4f}" for i in range(80)], None), (["a|b", "c", "b|c", "a|c|d", "d"], "|")],
    )
    def test_they_merge_no_rows_of_numbers_and_of_sets_of_labels(self, file, labels, separator):
        lines = [f"plain {i}\t{labels[i % len(labels)]}" for i in range(40)]
        # These numbers, or these combinations of labels, are in no other row.
        new = ("7.25", "8.5", "9.75") if separator is None else ("a|d", "b|d", "a|b|c")
        texts = ('"good film', "bad", 'fine"')
        lines += [f"{text}\t{label}" for text, label in zip(texts, new, strict=True)]
        path = file("\n".join(["text\tlabel", *lines, ""]), "f.tsv")
        data = DataSettings(format="csv", train=str(path), label_separator=separator)
        assert len(find_sources(data)[0].read().values["text"]) == 43

    @pytest.mark.parametrize("delimiter", "\t,;|")
    @pytest.mark.parametrize("name", ["f.tsv", "f.csv", "f.txt"])
    def test_with_any_delimiter_and_name(self, file, delimiter, name):
        content = "text\tlabel\nfine\tpos\nbad\tneg\n" + self.STRAY
        path = file(content.replace("\t", delimiter), name)
        assert rows(path)[2:] == [('"good film', "pos"), ("bad", "neg"), ('fine"', "pos")]

    @pytest.mark.parametrize(
        "text", ['"open', 'closed"', '"a" b', 'a "b"', '"whole"', '"', '""', '5" pipe']
    )
    def test_in_a_text_of_a_tsv(self, file, text):
        path = file(f"text\tlabel\n{text}\tpos\nbad\tneg\n", "f.tsv")
        assert rows(path) == [(text, "pos"), ("bad", "neg")]

    def test_a_line_that_is_short_is_named_all_the_same(self, file):
        path = file('text\tlabel\n"open\tpos\nbad\nd\te\n', "f.tsv")
        refused(path, "a row has 1 field, the header 2", "line 3")

    def test_a_merge_that_only_quoting_can_read_is_warned_of(self, file):
        path = file("text\tlabel\n" + '"a\tb"\tpos\n' + self.STRAY, "f.tsv")
        assert len(rows(path)) == 2
        (note,) = table(path).notes
        assert "both a tab and a line break" in note
        assert "line 3" in note
        assert "data.quoting=none" in note


class TestQuotedTexts:
    @pytest.mark.parametrize(
        ("delimiter", "quoting", "end"),
        list(
            itertools.product(
                ",\t;|", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC], ["\n", "\r\n"]
            )
        ),
    )
    def test_what_was_written_is_read(self, file, delimiter, quoting, end):
        """Every pair of hard texts, and then all of them at once."""
        settings = {"delimiter": delimiter, "quoting": quoting, "lineterminator": end}
        content = [(text, "ab"[i % 2]) for i, text in enumerate(HARD)]
        drawn = np.random.default_rng(0)
        few = [drawn.choice(len(content), 4, replace=False) for _ in range(40)]
        for sample in [content, *([content[i] for i in numbers] for numbers in few)]:
            out = io.StringIO(newline="")
            csv.writer(out, **settings).writerows([("text", "label"), *sample])
            assert rows(file(out.getvalue())) == sample, out.getvalue()

    def test_the_obvious_is_not_mentioned(self, file):
        assert table(file('text,label\n"a, b",pos\nc,neg\n')).read_as == ()
        assert table(file("text\tlabel\na b\tpos\nc\tneg\n", "f.tsv")).read_as == ()

    def test_a_text_with_lines_and_delimiters_is_read_with_a_warning(self, file):
        path = file('text,label\nok,neg\n"Good, very\n\ngood",pos\nbad,neg\n')
        assert rows(path)[1] == ("Good, very\n\ngood", "pos")
        assert ["both a comma and a line break" in note for note in table(path).notes] == [True]

    def test_backslashes_before_quote_marks(self, file):
        path = file('text,label\n"he said \\"x, y\\"",pos\n"C:\\\\",neg\nC:\\dir,neg\n')
        assert rows(path) == [('he said "x, y"', "pos"), ("C:\\", "neg"), ("C:\\dir", "neg")]
        assert "backslash" in table(path).read_as[0]

    def test_backslashes_before_delimiters_and_line_breaks(self, file):
        path = file("text,label\na\\, b,pos\nc\\\nd,neg\n")
        assert rows(path) == [("a, b", "pos"), ("c\nd", "neg")]

    def test_backslashes_of_a_text_stay(self, file):
        path = file('text\tlabel\nC:\\new "x" \\" \\\\\tpos\nb\tneg\n', "f.tsv")
        assert rows(path)[0] == ('C:\\new "x" \\" \\\\', "pos")


class TestDelimiters:
    def test_semicolons_beside_decimal_commas(self, file):
        path = file("text;score;label\ngood film;1,5;pos\nbad;2,5;neg\n")
        assert rows(path) == [("good film", "pos"), ("bad", "neg")]
        assert "semicolon" in table(path).read_as[0]

    @pytest.mark.parametrize("delimiter", "\t;|,")
    @pytest.mark.parametrize("name", ["f.csv", "f.tsv", "f"])
    def test_others_than_the_name_says(self, file, delimiter, name):
        quoted = [(f'"{t}"' if delimiter in t else t, label) for t, label in ROWS]
        content = [("text", "label"), *quoted]
        path = file("\n".join(delimiter.join(row) for row in content), name)
        assert rows(path) == ROWS

    @pytest.mark.parametrize(
        ("given", "delimiter"),
        [("tab", "\t"), ("\\t", "\t"), ("semicolon", ";"), ("^", "^"), ("space", " "), (",", ",")],
    )
    def test_given(self, file, given, delimiter):
        path = file(f"text{delimiter}label\na{delimiter}pos\n")
        assert rows(path, delimiter=given) == [("a", "pos")]

    def test_an_unknown_one_is_asked_for(self, file):
        path = file("text^label\na^pos\n")
        refused(path, "there is no column 'text'", "text^label", "data.delimiter=")
        with pytest.raises(InputError, match=r"predict\.delimiter="):
            read_texts(path, "text", SecondColumns(), None, **LABEL)

    def test_one_column_of_texts_with_commas(self, file):
        path = file("text\ngood, really\nbad; or so\tall\n")
        assert table(path).values["text"] == ["good, really", "bad; or so\tall"]
        assert "each line is one field" in table(path).read_as[0]

    def test_at_the_end_of_rows_or_of_the_header(self, file):
        for content in (
            "text,label\na,x,\nb,y,\n",
            "text,label,\na,x\nb,y\n",
            "text,label,\na,x,\nb,y,",
        ):
            assert rows(file(content)) == [("a", "x"), ("b", "y")]

    def test_at_the_end_of_some_rows(self, file):
        refused(file("text,label\na,x\nb,y,\nc,x\n"), "a row has 3 fields", "line 3")


class TestGiven:
    def test_quoting_none_keeps_rows_and_marks(self, file):
        path = file('text,label\n"a,pos\nb",neg\n"c",pos\n')
        assert rows(path, quoting="none") == [('"a', "pos"), ('b"', "neg"), ('"c"', "pos")]

    def test_quoting_double_is_obeyed_with_a_warning(self, file):
        path = file("text\tlabel\n" + TestQuoteMarksThatBelongToTexts.STRAY, "f.tsv")
        assert rows(path, quoting="double") == [("good film\tpos\nbad\tneg\nfine", "pos")]
        assert len(table(path, quoting="double").notes) == 1

    def test_quoting_backslash(self, file):
        path = file('text,label\n"a \\" b",pos\n')
        assert rows(path, quoting="backslash") == [('a " b', "pos")]


class TestEncodingsAndLineEnds:
    @pytest.mark.parametrize(
        "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
    )
    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\r\r\n"])
    def test_every_one(self, file, encoding, end):
        content = ["text,label", *(f'"{text}",{label}' for text, label in ROWS), "漢 😀,pos", ""]
        path = file(end.join(content), encoding=encoding)
        assert rows(path) == [*ROWS, ("漢 😀", "pos")]
        told = any("UTF" in line for line in table(path).read_as)
        assert told == (not encoding.startswith("utf-8"))

    def test_a_lone_carriage_return_is_text(self, file):
        assert rows(file("text,label\na\rb,x\nc,y\n")) == [("a\rb", "x"), ("c", "y")]
        assert rows(file('text,label\n"a,\rb",x\nc,y\n')) == [("a,\rb", "x"), ("c", "y")]
        assert rows(file("text\tlabel\na\rb\tx\nc\ty", "f.tsv")) == [("a\rb", "x"), ("c", "y")]

    def test_a_line_feed_in_a_file_of_carriage_returns_is_text(self, file):
        path = file('text,label\ra,x\r"b, \nc",y\rd,x')
        assert rows(path) == [("a", "x"), ("b, \nc", "y"), ("d", "x")]

    def test_nul_characters_are_kept_and_warned_of(self, file):
        path = file("text,label\na\0b,x\nc,y\n")
        assert rows(path) == [("a\0b", "x"), ("c", "y")]
        assert "NUL" in table(path).notes[0]

    @pytest.mark.parametrize("content", [b"\xef\xbb\xbf", b"\n\n", gzip.compress(b"", mtime=0)])
    def test_nothing(self, file, content):
        refused(file(content), "the file is empty")


def _zipped(content):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("anything.csv", content)
    return out.getvalue()


COMPRESSIONS = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda content: pa.compress(content, codec="zstd", asbytes=True),
    ".zip": _zipped,
}


@pytest.mark.parametrize("ending", COMPRESSIONS)
class TestCompressed:
    def test_delimited(self, file, ending):
        content = COMPRESSIONS[ending](b'text\tlabel\n"a, b\tpos\nc\tneg\n')
        assert rows(file(content, f"f.tsv{ending}")) == [('"a, b', "pos"), ("c", "neg")]

    @pytest.mark.parametrize(
        "content", [b'\n[{"text": "a", "label": 1}]', b'{"text": "a", "label": 1}\n']
    )
    def test_json(self, file, ending, content):
        path = file(COMPRESSIONS[ending](content), f"f.json{ending}")
        assert read(path, "json").texts == ("a",)

    def test_cut_off(self, file, ending):
        numbers = np.random.default_rng(0).random(2000)
        content = "".join(f"{number},x\n" for number in numbers)
        path = file(COMPRESSIONS[ending](f"text,label\n{content}".encode())[:-40], f"f{ending}")
        refused(path, "the file cannot be read", str(path))


def test_a_workbook_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "f.xlsx", "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
    refused(tmp_path / "f.xlsx", "workbook", "save the sheet as CSV")


def test_an_archive_of_several_files_is_refused(file, tmp_path):
    with zipfile.ZipFile(tmp_path / "f.zip", "w") as archive:
        archive.writestr("a.csv", "text,label\n")
        archive.writestr("b.csv", "text,label\n")
    refused(tmp_path / "f.zip", "contains 2 files")


class TestWhereItIsSaid:
    """Whoever reads a file says how it was read, and warns."""

    def test_the_report_of_a_sweep_and_of_its_cache(self, file, model):
        content = "".join(f'"{i}; great\n";pos\n{i} bad;neg\n' for i in range(9))
        train = file(f"text;label\n{content}")
        validation = file("text\tlabel\na\tpos\n", "v.csv")
        data = DataSettings(format="csv", train=str(train), validation=str(validation))
        for _ in ("read", "from the cache"):
            report = prepare(data, model, Classification()).report
            assert ["f.csv" in line for line in report.lines()[:2]] == [True, False]
            assert ["v.csv" in line for line in report.lines()[:2]] == [False, True]
            assert "9 texts have both a semicolon and a line break" in report.warnings()[0]

    def test_other_quoting_is_another_entry_of_the_cache(self, file, model):
        train = file('text,label\n"a",x\n"b",y\nc,x\n"d",y\n')
        data = DataSettings(format="csv", train=str(train))
        plain = replace(data, quoting="none")
        assert (
            prepare(data, model, Classification()).fingerprint
            != prepare(plain, model, Classification()).fingerprint
        )

    def test_doctor(self, file):
        line = data_line(
            DataSettings(format="csv", train=str(file("text;label\na;x\nb;y\n"))), Classification()
        )
        assert "semicolon" in line.text
        content = 'text,label\n"a, b\nc",x\nb,y\n'
        line = data_line(DataSettings(format="csv", train=str(file(content))), Classification())
        assert line.level is Level.WARNING

    def test_the_test_rows(self, file):
        train = file("text,label\na,x\nb,y\nc,x\n", "train.csv")
        test = file("text|label\nd|x\n", "test.csv")
        held_out = read_held_out(
            DataSettings(format="csv", train=str(train), test=str(test)), Classification()
        )
        assert "test.csv" in held_out.remarks.lines()[0]

    def test_a_file_to_predict(self, file):
        path = file(gzip.compress(b'review\tstars\n"open\t1\nb\t2\n'), "f.tsv.gz")
        texts = read_texts(path, "review", SecondColumns(), None, **STARS)
        assert texts.texts == ('"open', "b")
        assert texts.targets == ("1", "2")
        assert "quote marks are part of the texts" in texts.remarks[0]

    def test_a_file_to_predict_as_the_model_was_trained(self, file):
        path = file("review^stars\na^1\n")
        hints = Hints(delimiter="^")
        assert read_texts(
            path,
            "review",
            SecondColumns(),
            None,
            task=Classification(),
            usual=TargetColumns(label="stars"),
            hints=hints,
        ).texts == ("a",)


class TestKeys:
    def settings(self, *overrides):
        return compose_sweep(["sweep=lr_search", *overrides], Path.cwd()).base.data

    @pytest.mark.parametrize(
        ("given", "value"),
        [("semicolon", "semicolon"), ("|", "|"), ("\\t", "\\t"), ('";"', ";"), ("null", None)],
    )
    def test_a_delimiter(self, given, value):
        given = f"data.delimiter={given}"
        assert self.settings("data=csv", "data.train=x.csv", given).delimiter == value

    @pytest.mark.parametrize(
        "given", ["data.delimiter=ab", "data.quoting=single", "data.delimiter='\"'"]
    )
    def test_values_that_mean_nothing(self, given):
        with pytest.raises(InputError, match=given.partition("=")[0]):
            self.settings("data=csv", "data.train=x.csv", given)

    @pytest.mark.parametrize("key", ["delimiter=comma", "quoting=none"])
    def test_with_a_format_that_has_none(self, key):
        with pytest.raises(InputError, match="data=csv"):
            self.settings("data=json", "data.train=x.json", f"data.{key}")

    @pytest.mark.parametrize("given", ["predict.delimiter=ab", "predict.quoting=single"])
    def test_of_a_prediction(self, given):
        with pytest.raises(InputError, match=given.partition("=")[0]):
            compose_predict([given], Path.cwd())


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            'text\tlabel\n"good, really good"\tpos\nbad film\tneg\n"fine, I guess"\tpos\n',
            [("good, really good", "pos"), ("bad film", "neg"), ("fine, I guess", "pos")],
        ),
        (
            'text\tlabel\n"good, really"\tpos\nbad, film\tneg\n"fine"\tpos\n',
            [('"good, really"', "pos"), ("bad, film", "neg"), ('"fine"', "pos")],
        ),
    ],
)
def test_marks_around_cells_with_commas_are_those_of_a_spreadsheet(file, content, expected):
    assert rows(file(content, "f.tsv")) == expected
