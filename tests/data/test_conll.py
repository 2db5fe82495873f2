"""CoNLL files: columns, separators, comments, documents and what is refused."""

import gzip
from dataclasses import replace

import pytest

from tuner.data.examples import to_examples
from tuner.data.files import read_file
from tuner.errors import InputError
from tuner.settings.settings import DataSettings
from tuner.tasks import TokenClassification


def read(tmp_path, text, wanted=("text", "label"), name="f.conll"):
    path = tmp_path / name
    path.write_bytes(text.encode())
    return read_file(path, "conll", wanted, "data.train")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("separator", ["\t", " ", "   "])
def test_words_and_tags(tmp_path, separator, end):
    lines = ["EU B-ORG", "rejects O", "", "", "Peter B-PER", ""]
    text = end.join(line.replace(" ", separator) for line in lines)
    table = read(tmp_path, text)
    assert table.values == {
        "text": [["EU", "rejects"], ["Peter"]],
        "label": [["B-ORG", "O"], ["B-PER"]],
    }
    assert table.columns == ("text", "1", "2", "label")


def test_any_column_has_its_number(tmp_path):
    text = "EU NNP B-NP B-ORG\nrejects VBZ B-VP O"
    table = read(tmp_path, text, ("1", "2", "4", "label", "absent"))
    assert table.values["2"] == [["NNP", "VBZ"]]
    assert table.values["4"] == table.values["label"] == [["B-ORG", "O"]]
    assert table.values["1"] == [["EU", "rejects"]]
    assert "absent" not in table.values


def test_documents_and_comments_are_left_out(tmp_path):
    text = (
        "-DOCSTART- -X- -X- O\n\n# id = 5\n# a b c d\nEU NNP B-NP B-ORG\n# NN O O\n"
        "#tag NN B-NP O\nis VBZ B-VP O\n\n-DOCSTART- -X- -X- O\n\nPeter NNP B-NP B-PER\n"
    )
    table = read(tmp_path, text)
    # A number sign may be a word: its line has as many columns and a known tag.
    assert table.values["text"] == [["EU", "#", "#tag", "is"], ["Peter"]]


def test_a_tab_separates_even_where_words_have_blanks(tmp_path):
    table = read(tmp_path, "New York\tB-LOC\n# text = a b\nis\tO\n#\tO\n")
    assert table.values["text"] == [["New York", "is", "#"]]


CONLL_U = "".join(
    f"{number}\t{word}\t_\t{tag}\t_\t_\t0\troot\t_\t_\n"
    for number, word, tag in (
        ("1-2", "im", "_"), ("1", "in", "ADP"), ("2", "dem", "DET"), ("2.1", "x", "_")
    )
)  # fmt: skip


def test_conll_u_has_parts_of_words_and_names_of_columns(tmp_path):
    table = read(tmp_path, CONLL_U, ("text", "ID", "UPOS", "4"))
    tags = [["ADP", "DET"]]
    assert table.values == {"text": [["in", "dem"]], "ID": [["1", "2"]], "UPOS": tags, "4": tags}


def test_the_last_column_of_conll_u_is_no_label(tmp_path):
    data = DataSettings(format="conll", train=str(tmp_path / "f.conllu"))
    table = read(tmp_path, CONLL_U, name="f.conllu")
    with pytest.raises(InputError) as refused:
        to_examples(table, data, TokenClassification())
    assert "'label'" in refused.value.problem
    assert "UPOS" in refused.value.remedy
    table = read(tmp_path, CONLL_U, ("text", "UPOS"))
    found = to_examples(table, replace(data, label="UPOS"), TokenClassification())
    assert (found.texts, len(found.targets)) == ((("in", "dem"),), 1)


@pytest.mark.parametrize("second", ["2", "7"])
def test_a_column_that_numbers_the_words_is_not_the_text(tmp_path, second):
    # As in GermEval 2014 and Universal NER; a column of other numbers holds words.
    text = f"1\tEU\tORG\t-\n{second}\trejects\tO\t-\n\n1\tPeter\tPER\t-\n"
    table = read(tmp_path, text)
    words = [["EU", "rejects"], ["Peter"]] if second == "2" else [["1", "7"], ["1"]]
    assert table.values["text"] == words
    assert table.values["label"] == [["-", "-"], ["-"]]


def test_words_alone_may_be_predicted(tmp_path):
    table = read(tmp_path, "EU\nrejects\n\nPeter")
    assert table.columns == ("text", "1")
    assert table.values == {"text": [["EU", "rejects"], ["Peter"]]}


def test_compressed(tmp_path):
    path = tmp_path / "f.conll.gz"
    path.write_bytes(gzip.compress(b"EU B-ORG\n"))
    table = read_file(path, "conll", ("label",), "data.train")
    assert table.values == {"label": [["B-ORG"]]}


@pytest.mark.parametrize(
    ("text", "part", "line"),
    [
        ("EU B-ORG\nrejects\n", "1 of 2 columns", "line 2"),
        ("EU B-ORG\n\na b c\n", "3 of 2 columns", "line 3"),
        ("EU\tB-ORG\n\tO\n", "1 of 2 columns", "line 2"),
        ("\n \n", "no words", "f.conll"),
        ("-DOCSTART- O\n", "no words", "f.conll"),
    ],
)
def test_malformed_files_are_refused(tmp_path, text, part, line):
    with pytest.raises(InputError) as refused:
        read(tmp_path, text)
    assert part in refused.value.problem
    assert line in refused.value.where
