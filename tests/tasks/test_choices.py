"""Right choices as data sets write them, and choices that no model can tell apart."""

import pytest

from tuner.errors import InputError
from tuner.tasks.cells import Column
from tuner.tasks.choices import read_right, refuse_twins, refuse_unusable

CHOICES = [("red", "green", "blue"), ("one", "two", "three"), ("sun", "moon", "star")]


def column(*cells):
    return Column(
        key="data.label",
        name="answer",
        where="f.csv",
        cells=cells,
        rows=range(10, 10 + len(cells)),
    )


@pytest.mark.parametrize(
    "cells",
    [(2, 0, 1), ("2", "0", "1"), ("C", "A", "B"), ("c", "a", "b"), ("blue", "one", "moon")],
)
def test_the_right_one_is_a_number_a_letter_or_a_text(cells):
    assert read_right(column(*cells), CHOICES) == (2, 0, 1)


def test_texts_that_are_numbers_are_found_where_no_index_fits():
    choices = [("12", "15"), ("3", "1")]
    assert read_right(column("15", "1"), choices) == (1, 1)


def test_a_whole_number_is_an_index_even_where_the_choices_are_numbers():
    assert read_right(column(0, 1), [("1", "0"), ("0", "1")]) == (0, 1)


def test_texts_that_are_other_numbers_are_refused():
    with pytest.raises(InputError, match="numbers and one of texts") as caught:
        read_right(column("0", "0"), [("0", "1"), ("1", "0")])
    assert "row 12 of f.csv" in caught.value.where


@pytest.mark.parametrize(
    ("cells", "row"),
    [
        ((0, 3, 1), 12),
        ((0, -1, 1), 12),
        ((0, 1, 1.5), 13),
        (("A", "B", "D"), 13),
        (("blue", "one", "planet"), 13),
        (("blue", 1, "moon"), 12),
        ((2, True, 1), 12),
    ],
)
def test_a_value_that_is_no_choice_is_refused_with_its_row(cells, row):
    with pytest.raises(InputError) as caught:
        read_right(column(*cells), CHOICES)
    assert f"row {row} of f.csv" in caught.value.where


def test_numbers_from_1_are_named():
    with pytest.raises(InputError) as caught:
        read_right(column(1, 3, 2), CHOICES)
    assert "begin at 1" in caught.value.remedy


def test_a_row_without_a_value_is_refused():
    with pytest.raises(InputError, match="1 row has no right choice"):
        read_right(column(1, None, 2), CHOICES)


def test_rows_with_other_numbers_of_choices_are_refused():
    refuse_unusable(CHOICES, range(3), "data.choices")
    with pytest.raises(InputError, match=r"2 \(1 rows\), 3 \(1 rows\)") as caught:
        refuse_unusable([("a", "b", "c"), ("a", "b")], [4, 7], "data.choices")
    assert "row 8" in caught.value.where


def test_a_single_choice_is_refused():
    with pytest.raises(InputError, match="1 row has fewer than two choices"):
        refuse_unusable([("a", "b"), ("a",)], range(2), "data.choices")


def test_a_wrong_choice_that_equals_the_right_one_is_refused():
    rows = [("a", "b", "b"), ("a", "b", "c"), ("a", "b", "b")]
    refuse_twins(rows, (0, 1, 0), range(3), "data.choices")
    with pytest.raises(InputError, match="1 row has") as caught:
        refuse_twins(rows, (0, 1, 2), range(3), "data.choices")
    assert "row 3" in caught.value.where
