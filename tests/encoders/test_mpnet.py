"""MPNet's rows for relative positions, as torch computes them in transformers."""

import pytest

from tuner.encoders.mpnet import bucket

ROWS = {
    -511: 15, -128: 15, -91: 15, -64: 14, -46: 13, -45: 12, -8: 8, -7: 7, -1: 1, 0: 0, 1: 17,
    7: 23, 8: 24, 11: 24, 12: 25, 15: 25, 16: 26, 22: 26, 23: 27, 31: 27, 32: 28, 45: 28, 46: 29,
    63: 29, 64: 30, 90: 30, 91: 31, 128: 31, 511: 31,
}  # fmt: skip


@pytest.mark.parametrize("distance", ROWS)
def test_a_distance_has_the_row_that_it_has_in_transformers(distance):
    assert bucket(distance) == ROWS[distance]
