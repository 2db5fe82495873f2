"""Columns that a served model takes, and which of those given it reads."""

import pytest

from tuner.checkpoints.text_columns import TextColumns
from tuner.errors import InputError


@pytest.mark.parametrize(
    ("trained", "given", "chosen"),
    [
        (("review", None), ["id", "review"], ("review", ())),
        (("review", None), ["text"], ("text", ())),
        (("review", None), ["text", "review"], ("review", ())),
        (("review", None), [0], (0, ())),
        (("premise", "hypothesis"), ["hypothesis", "premise"], ("premise", ("hypothesis",))),
        (("premise", "hypothesis"), ["text", "text_pair"], ("text", ("text_pair",))),
        (("premise", "hypothesis"), ["text", "hypothesis"], ("text", ("hypothesis",))),
        (("premise", "hypothesis"), [0, 1], (0, (1,))),
        # Names that mean the other text by themselves.
        (("text_pair", "text"), ["text", "text_pair"], ("text_pair", ("text",))),
        (("question", None, ["a", "b"]), ["b", "a", "text"], ("text", ("a", "b"))),
        (("question", None, ["endings"]), ["question", "endings"], ("question", ("endings",))),
    ],
)
def test_the_training_datas_columns_come_first(trained, given, chosen):
    assert TextColumns.of(*trained).choose(given) == chosen


@pytest.mark.parametrize(
    ("trained", "given", "lacking"),
    [
        (("review", None), ["body"], "'review' or 'text'"),
        (("premise", "hypothesis"), ["text"], "'hypothesis' or 'text_pair'"),
        (("premise", "hypothesis"), [0], "'hypothesis' or 'text_pair'"),
        (("text_pair", "text"), ["text"], "'text_pair'"),
        (("question", None, ["a", "b"]), ["a", "question"], "'b'"),
    ],
)
def test_a_missing_column_is_named(trained, given, lacking):
    with pytest.raises(InputError) as raised:
        TextColumns.of(*trained).choose(given)
    assert raised.value.where == lacking


def test_columns_without_a_name_come_first():
    assert TextColumns.of("a", "b").names == [0, 1, "a", "text", "b", "text_pair"]


def test_one_column_of_choices_has_lists():
    assert TextColumns.of("q", None, ["endings"]).listed == ("endings",)
    assert TextColumns.of("q", None, ["a", "b"]).listed == ()
    assert TextColumns.of("q", None, ["a", "b"]).names == [0, "q", "text", "a", "b"]
