import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.data.tokenized import TokenizedSplit

ROWS = [[5, 6, 7], [], [8], [9, 10, 11, 12, 13]]


def split(rows=ROWS, pad_id=1):
    flat = [token for row in rows for token in row]
    return TokenizedSplit(
        ids=np.array(flat, np.int32),
        type_ids=np.array([token % 2 for token in flat], np.uint8),
        offsets=np.cumsum([0, *map(len, rows)]),
        labels=np.zeros(len(rows), np.int32),
        max_length=7,
        pad_id=pad_id,
    )


def test_pads_to_the_longest_row_asked_for():
    ids, types, lengths = split().pad([2, 0])
    assert ids.tolist() == [[8, 1, 1], [5, 6, 7]]
    assert types.tolist() == [[0, 0, 0], [1, 0, 1]]
    assert lengths.tolist() == [1, 3]
    assert (ids.dtype, types.dtype) == (np.int32, np.int32)


@pytest.mark.parametrize(("multiple", "length"), [(1, 5), (2, 6), (3, 6), (8, 7), (64, 7)])
def test_rounds_the_length_up_but_not_above_the_limit(multiple, length):
    assert split().pad([3], multiple)[0].shape == (1, length)


def test_empty_rows_are_padding():
    assert split().pad([1])[0].tolist() == [[1]]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=20), st.integers(1, 9))
def test_every_row_can_be_read_back(rows, multiple):
    ids, types, lengths = split().pad(np.array(rows), multiple)
    for row, tokens, type_ids, length in zip(rows, ids, types, lengths, strict=True):
        assert tokens[:length].tolist() == ROWS[row]
        assert set(tokens[length:].tolist()) <= {1}
        assert type_ids[:length].tolist() == [token % 2 for token in ROWS[row]]
        assert not type_ids[length:].any()


def test_lengths():
    assert split().lengths.tolist() == [3, 0, 1, 5]
    assert len(split()) == 4
