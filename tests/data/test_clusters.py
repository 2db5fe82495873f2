"""Validation rows that a bootstrap draws together."""

from types import SimpleNamespace

import numpy as np
import pytest

from tuner.data import PreparedData


@pytest.mark.parametrize(
    ("shares", "pairs", "expected"),
    [
        (True, ["a", "b", "a", "c", "b"], [[0, 2], [1, 4]]),
        (True, ["a"] * 5, [[0], [1], [2], [4]]),  # One context is no group.
        (False, ["a", "b", "a", "c", "b"], [[0], [1], [2], [4]]),
    ],
)
def test_rows_of_one_context_are_a_cluster(shares, pairs, expected):
    data = SimpleNamespace(
        task=SimpleNamespace(form=SimpleNamespace(shares_seconds=shares)),
        validation=SimpleNamespace(examples=SimpleNamespace(pairs=pairs)),
    )
    found = PreparedData.clusters(data, np.array([0, 1, 2, 4]))
    assert [each.tolist() for each in found] == expected
