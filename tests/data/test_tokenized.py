from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.data.examples import Examples
from tuner.data.tokenized import TokenizedSplit, offsets_of, within
from tuner.tasks import TargetSpec

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


def windows():
    """Two examples, the first with two windows; a target for each token."""
    made = split([[5, 6, 7], [6, 8], [9, 10]])
    examples = Examples(where="", texts=("one", "two"), pairs=None, targets=("A", "B"))
    spec = TargetSpec(per_token=True)
    return replace(
        made,
        labels=np.array([-1, 3, -1, -1, 4, 5, -1], np.int32),
        spec=spec,
        inputs=np.array([0, 2, 3]),
        places=np.array([-1, 0, -1, -1, 1, 0, -1], np.int32),
        examples=examples,
    )


def test_targets_of_tokens_are_padded_with_the_filler():
    *_, lengths, labels = windows().batch(np.array([1, 0]), 2)
    assert lengths.tolist() == [2, 3]
    assert labels.tolist() == [[-1, 4, -1, -1], [-1, 3, -1, -1]]
    assert windows().spec.count(labels) == 2


def test_training_rows_are_windows_and_examples_are_scored_whole():
    found = windows()
    assert len(found) == 2
    assert found.row_lengths.tolist() == [3, 2, 2]
    assert (found.rows, found.rows_each) == (3, 1.5)
    assert found.inputs_of(np.array([1, 0])).tolist() == [2, 0, 1]
    truth = found.truth(np.array([1, 0]))
    assert truth.inputs.tolist() == [0, 1, 3]
    assert truth.offsets.tolist() == [0, 2, 5, 7]
    assert truth.token_offsets.tolist() == [0, 2, 7]
    assert truth.places.tolist() == [0, -1, -1, 0, -1, -1, 1]
    assert truth.targets == ("B", "A")


def test_a_row_of_choices_is_all_its_inputs():
    spec = TargetSpec(inputs=2)
    found = replace(split(), labels=np.array([1, 0]), spec=spec, inputs=np.array([0, 2, 4]))
    ids, _, lengths, labels = found.batch(np.array([1]))
    assert ids.tolist() == [[8, 1, 1, 1, 1], [9, 10, 11, 12, 13]]
    assert lengths.tolist() == [1, 5]
    assert labels.tolist() == [0, 0]
    assert (spec.rows(labels), spec.count(labels)) == (1, 1)
    assert found.row_lengths.tolist() == [3, 5]
    assert (found.rows, found.rows_each) == (2, 1.0)
    assert found.truth(np.array([1, 0])).tolist() == [0, 1]


def test_a_plain_split_has_one_input_for_each_example():
    found = split()
    rows = np.array([3, 0])
    assert found.inputs_of(rows) is rows
    assert found.truth(rows).tolist() == [0, 0]
    assert found.batch(rows)[3].tolist() == [0, 0]


def test_what_is_within_some_groups():
    offsets = offsets_of(np.array([2, 0, 3]))
    assert offsets.tolist() == [0, 2, 2, 5]
    assert within(offsets, np.array([2, 1, 0, 2])).tolist() == [2, 3, 4, 0, 1, 2, 3, 4]
    assert within(offsets, np.array([], int)).tolist() == []
