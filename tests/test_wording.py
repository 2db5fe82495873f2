"""The check of names and phrases finds each kind, and nothing else."""

import pytest

from tests.wording import Wording

WORDING = Wording(
    phrases={"can not": "cannot"}, names={"Crew": "WorkerPool"}, first_words=["What", "Of"]
)


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("from tuner.pool import Crew", 1),
        ("import tuner.Crew as pool", 1),
        ("x = 1\ny = pool.Crew", 2),
        ("class Crew:\n    pass", 1),
        ("def f(Crew):\n    pass", 1),
        ("f(Crew=1)", 1),
        ('def f():\n    """What it does."""', 2),
        ('def f(x):\n    """Do it.\n\n    Args:\n        x: Of it.\n    """', 5),
        ('X = 1\n"""What it is."""', 2),
    ],
)
def test_a_name_or_the_beginning_of_a_docstring_is_found(source, line):
    assert [number for number, _ in WORDING.in_code(source)] == [line]


@pytest.mark.parametrize(
    "source", ["Crews = 1", "x = 'Crew'", 'def f():\n    """Whatever it does."""', "# What"]
)
def test_other_names_and_docstrings_are_not(source):
    assert list(WORDING.in_code(source)) == []


def test_a_phrase_is_found_in_any_case():
    text = "A cannot.\nB Can not.\nC scan nothing.\n"
    assert [number for number, _ in WORDING.in_text(text)] == [2]
