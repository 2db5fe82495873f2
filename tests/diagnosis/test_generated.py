"""The rules against curves from a generator that shares neither code nor constants with them."""

import pytest

from tests.diagnosis.matrix import confusion
from tuner.trial.records import Convergence

LEAST, LEAST_EACH = 0.95, 0.90


@pytest.fixture(scope="module")
def matrix():
    return confusion()


def test_nearly_all_generated_curves_are_named_right(matrix):
    right = sum(count for (meant, found), count in matrix.items() if meant is found)
    assert matrix.total() >= 300
    assert right / matrix.total() >= LEAST


@pytest.mark.parametrize("status", Convergence)
def test_each_status_is_named_right_nearly_always(matrix, status):
    total = sum(count for (meant, _), count in matrix.items() if meant is status)
    assert matrix[status, status] / total >= LEAST_EACH
