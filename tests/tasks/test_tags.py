"""Schemes of tags: detection and conversion to IOB2."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.tasks.tags import Scheme, as_iob2, detected, odd_tag, parsed

TYPES = st.sampled_from(["LOC", "PER"])


def tags_of(chunks, scheme):
    """Tags of (type or "", number of words) in a scheme."""
    out = []
    before = ""
    for kind, words in chunks:
        if not kind:
            out += ["O"] * words
        elif scheme is Scheme.IOB2:
            out += [f"B-{kind}"] + [f"I-{kind}"] * (words - 1)
        elif scheme is Scheme.IOB1:
            out += [f"{'B' if before == kind else 'I'}-{kind}"] + [f"I-{kind}"] * (words - 1)
        elif scheme is Scheme.TYPES:
            out += [kind] * words
        else:
            single, end = ("S", "E") if scheme is Scheme.IOBES else ("U", "L")
            inner = [f"B-{kind}", *[f"I-{kind}"] * (words - 2), f"{end}-{kind}"]
            out += [f"{single}-{kind}"] if words == 1 else inner
        before = kind
    return out


CHUNKS = st.lists(st.tuples(st.sampled_from(["", "LOC", "PER"]), st.integers(1, 4)), min_size=1)
LETTERED = (Scheme.IOB2, Scheme.IOBES, Scheme.BILOU)
"""Schemes that one entity of several words is enough to tell."""


@given(st.lists(CHUNKS, min_size=1), st.sampled_from([*LETTERED, Scheme.IOB1]))
def test_every_scheme_becomes_the_same_iob2(rows, scheme):
    # What tells the schemes apart: entities of several words, one after a word outside.
    rows = [*rows, [("PER", 3), ("", 1), ("LOC", 2), ("LOC", 1)]]
    written = [tags_of(row, scheme) for row in rows]
    made = as_iob2(written)
    assert made.scheme is scheme
    assert made.broken == ()
    assert list(map(list, made.rows)) == [tags_of(row, Scheme.IOB2) for row in rows]


@pytest.mark.parametrize(
    ("rows", "scheme"),
    [
        ([["B-PER", "I-PER", "O"]], Scheme.IOB2),
        ([["I-PER", "I-PER", "O"]], Scheme.IOB1),
        ([["I-PER", "B-PER", "O"]], Scheme.IOB1),
        # A B where IOB1 has none, and an I where IOB2 has none.
        ([["B-PER", "O", "I-PER"]], Scheme.IOB2),
        ([["B-PER", "E-PER", "S-LOC"]], Scheme.IOBES),
        ([["S-LOC"]], Scheme.IOBES),
        ([["U-LOC"]], Scheme.BILOU),
        ([["PER", "PER", "O"]], Scheme.TYPES),
        ([["O", "O"]], Scheme.IOB2),
        ([["B-PER"], ["I-PER"]], Scheme.IOB2),
    ],
)
def test_detection(rows, scheme):
    assert detected(rows) is scheme


@pytest.mark.parametrize(
    ("tags", "expected", "broken"),
    [
        (["B-PER", "O", "I-PER"], ["B-PER", "O", "B-PER"], [2]),
        (["B-PER", "I-LOC", "I-LOC"], ["B-PER", "B-LOC", "I-LOC"], [1]),
        (["B-PER", "I-PER", "O", "S-PER"], ["B-PER", "I-PER", "O", "B-PER"], [2]),
        (["S-PER", "E-PER"], ["B-PER", "B-PER"], [1]),
        (["B-PER", "E-PER", "I-PER", "E-PER"], ["B-PER", "I-PER", "B-PER", "I-PER"], [2]),
        (["S-PER", "O", "B-PER"], ["B-PER", "O", "B-PER"], [2]),
        (["LOC", "LOC", "PER"], ["B-LOC", "I-LOC", "B-PER"], []),
    ],
)
def test_a_tag_that_goes_on_nothing_begins_an_entity(tags, expected, broken):
    made = as_iob2([tags])
    assert list(made.rows[0]) == expected
    assert [word for _, word in made.broken] == broken


def test_a_type_may_hold_a_dash():
    assert parsed("B-creative-work") == ("B", "creative-work")
    assert parsed("creative-work") == ("", "creative-work")
    assert parsed("X-work") == ("", "X-work")
    assert parsed("B-") == ("", "B-")


@pytest.mark.parametrize(
    ("rows", "odd"),
    [
        ([["B-PER", "I-PER"], ["O", "per"]], (1, 1)),
        ([["PER", "LOC"], ["O", "B-PER"]], (1, 1)),
        ([["B-PER", "O"]], None),
        ([["PER", "O"]], None),
        ([["B-PER", "I-PER", "_"]], (0, 2)),
    ],
)
def test_a_tag_unlike_the_others_is_found(rows, odd):
    assert odd_tag(rows) == odd
