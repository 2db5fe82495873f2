"""Answers as data sets write them, compared with the contexts that they come from."""

import pytest

from tuner.errors import InputError
from tuner.tasks.answers import Answer, placed, read_answers
from tuner.tasks.cells import Column

CONTEXT = "In 1920 Ada left Oslo, and Ada came back in 1931."


def column(*cells):
    return Column(
        key="data.label", name="answers", where="f.json", cells=cells, rows=range(len(cells))
    )


@pytest.mark.parametrize(
    "cell",
    [
        [{"text": "1920", "answer_start": 3}, {"text": "Ada", "answer_start": 8}],
        {"text": ["1920", "Ada"], "answer_start": [3, 8]},
        [
            {"text": "1920", "answer_start": 3},
            {"text": "Ada", "answer_start": 8},
            {"text": "1920", "answer_start": 3, "answer_id": 7},
        ],
    ],
)
def test_every_usual_form_is_read_and_each_answer_once(cell):
    assert read_answers(column(cell)) == ((Answer(3, "1920"), Answer(8, "Ada")),)


@pytest.mark.parametrize("cell", [[], {"text": [], "answer_start": []}])
def test_an_empty_list_is_a_question_without_answer(cell):
    assert read_answers(column(cell)) == ((),)


def test_a_single_answer_needs_no_list():
    assert read_answers(column({"text": "Ada", "answer_start": 8})) == ((Answer(8, "Ada"),),)


@pytest.mark.parametrize(
    "cell",
    [
        "Ada",
        7,
        ["Ada"],
        {"text": ["Ada"]},
        {"text": ["Ada"], "answer_start": [8, 9]},
        {"text": ["Ada"], "answer_start": "8"},
        [{"text": "Ada", "answer_start": 8.0}],
        [{"text": "Ada", "answer_start": True}],
        [{"text": 1920, "answer_start": 3}],
        [{"text": " ", "answer_start": 2}],
        [{"text": "\ud800", "answer_start": 2}],
    ],
)
def test_another_form_is_refused_with_its_row(cell):
    with pytest.raises(InputError) as caught:
        read_answers(column([], cell))
    assert "row 2 of f.json" in caught.value.where


def test_rows_without_a_value_are_named():
    with pytest.raises(InputError, match="2 rows have no answers") as caught:
        read_answers(column(None, [], float("nan")))
    assert "row 1, 3" in caught.value.where


@pytest.mark.parametrize(
    ("given", "start"),
    [
        (Answer(8, "Ada"), 8),  # At its offset.
        (Answer(9, "Ada"), 8),  # Near one of two.
        (Answer(26, "Ada"), 27),
        (Answer(2, "Oslo"), 17),  # Far from the only one.
        (Answer(-1, "1931"), 44),
        (Answer(10**9, "1931"), 44),
    ],
)
def test_an_answer_beside_its_place_is_moved_where_the_place_is_clear(given, start):
    found = placed([(given,)], [CONTEXT])
    assert found.answers == ((Answer(start, given.text),),)
    assert found.moved == ((0,) if start != given.start else ())
    assert not found.lost


@pytest.mark.parametrize("given", [Answer(3, "1921"), Answer(100, "Ada"), Answer(18, "Ada")])
def test_an_answer_without_a_clear_place_is_lost(given):
    found = placed([(), (Answer(3, "1920"), given)], [CONTEXT, CONTEXT])
    assert found.lost == (1,)
    assert not found.moved
