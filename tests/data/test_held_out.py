"""Test rows as they are read, and compared with those that were trained on."""

import dataclasses

import pytest

from tests.data.files import write
from tuner.data.held_out import read_held_out
from tuner.errors import InputError
from tuner.settings.settings import DataSettings
from tuner.tasks import Classification

TRAIN = [(f"text {n}", label) for n, label in enumerate(["bad", "good"] * 10)]
VALIDATION = [("seen", "good"), ("unseen", "bad")]


@pytest.fixture
def data(tmp_path):
    return DataSettings(
        format="csv",
        train=write(tmp_path / "train.csv", TRAIN),
        validation=write(tmp_path / "validation.csv", VALIDATION),
        test=str(tmp_path / "test.csv"),
    )


def test_texts_that_training_or_validation_have_are_counted(data, tmp_path):
    write(tmp_path / "test.csv", [TRAIN[0], TRAIN[0], ("seen", "bad"), ("new", "good")])
    found = read_held_out(data, Classification())
    assert len(found.examples) == 4
    assert (found.in_training, found.in_validation) == (2, 1)


def test_rows_that_no_trial_trains_on_do_not_count(data, tmp_path):
    write(tmp_path / "test.csv", TRAIN)
    found = read_held_out(dataclasses.replace(data, train_examples=4), Classification())
    assert found.in_training == 4


def test_rows_are_the_same_in_any_order(data, tmp_path):
    rows = [("a", "good"), ("b", "bad"), ("c", "bad")]
    found = []
    for order in (rows, rows[::-1], [*rows[:2], ("c", "good")]):
        write(tmp_path / "test.csv", order)
        found.append(read_held_out(data, Classification()).fingerprint)
    assert found[0] == found[1] != found[2]


def test_none_are_read_where_none_are_named(data):
    assert read_held_out(dataclasses.replace(data, test=None), Classification()) is None


@pytest.mark.parametrize(
    ("rows", "header", "said"),
    [
        ([("a", "awful")], ("text", "label"), "labels that are not in the training rows: awful"),
        ([("a", "good")], ("review", "label"), "there is no column 'text'"),
        ([("a", "")], ("text", "label"), "1 row has no label"),
        ([], ("text", "label"), "there are no rows"),
        (None, (), "there is no file"),
    ],
)
def test_what_is_wrong_is_said(data, tmp_path, rows, header, said):
    if rows is not None:
        write(tmp_path / "test.csv", rows, header)
    with pytest.raises(InputError, match=said) as caught:
        read_held_out(data, Classification())
    assert "test" in caught.value.where
