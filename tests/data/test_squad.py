"""Questions from the nested JSON of SQuAD 1.1 and 2.0."""

import json

import pytest

from tuner.data.files import read_file
from tuner.errors import InputError

COLUMNS = ("id", "title", "question", "context", "answers")
ANSWER = {"text": "Oslo", "answer_start": 8}
CONTENT = {
    "version": "v2.0",
    "data": [
        {
            "title": "Norway",
            "paragraphs": [
                {
                    "context": "He left Oslo.",
                    "qas": [
                        {"id": "a", "question": "Which town?", "answers": [ANSWER]},
                        {"id": "b", "question": "When?", "answers": [], "is_impossible": True},
                    ],
                },
                {"context": "Empty.", "qas": []},
                {"context": "", "qas": [{"question": "Who?"}]},
            ],
        }
    ],
}
ROWS = {
    "id": ["a", "b", None],
    "title": ["Norway", "Norway", "Norway"],
    "question": ["Which town?", "When?", "Who?"],
    "context": ["He left Oslo.", "He left Oslo.", ""],
    "answers": [[ANSWER], [], None],
}


def read(path, text, wanted=COLUMNS):
    path.write_text(text)
    return read_file(path, "json", wanted, "data.train")


@pytest.mark.parametrize("indent", [None, 2])
def test_every_question_is_a_row(tmp_path, indent):
    table = read(tmp_path / "f.json", "\n" + json.dumps(CONTENT, indent=indent))
    assert table.values == ROWS
    assert table.columns == COLUMNS


def test_an_object_with_data_of_another_kind_is_a_row(tmp_path):
    table = read(tmp_path / "f.json", '{"data": [1], "question": "Who?"}', ("question",))
    assert table.values == {"question": ["Who?"]}


@pytest.mark.parametrize(
    ("content", "where"),
    [
        ({"data": [{"paragraphs": 1}]}, "data[0].paragraphs"),
        ({"data": [{"paragraphs": []}, 3]}, "data[1]"),
        ({"data": [{"paragraphs": [{"qas": []}, {}]}]}, "data[0].paragraphs[1].qas"),
        ({"data": [{"paragraphs": [{"qas": ["?"]}]}]}, "data[0].paragraphs[0].qas[0]"),
    ],
)
def test_a_part_of_another_kind_is_named_by_its_place(tmp_path, content, where):
    with pytest.raises(InputError) as caught:
        read(tmp_path / "f.json", json.dumps(content))
    assert caught.value.where == f"{tmp_path / 'f.json'}, {where}"


def test_malformed_json_is_named_by_its_line(tmp_path):
    text = json.dumps(CONTENT, indent=2).replace('"qas": []', '"qas" []')
    with pytest.raises(InputError) as caught:
        read(tmp_path / "f.json", text)
    line = next(n for n, each in enumerate(text.splitlines(), 1) if '"qas" []' in each)
    assert caught.value.where.endswith(f"line {line}")
