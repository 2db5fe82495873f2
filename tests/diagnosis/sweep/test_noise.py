import math
import random

import pytest

from tests.diagnosis.sweep.trials import read, told, trial
from tests.records import report
from tuner.diagnosis.sweep.noise import standard_error
from tuner.search.space import SearchSpace
from tuner.tasks.confusion import macro_f1, matthews_correlation


def test_trials_within_the_noise_of_the_best_are_not_told_apart():
    values = (0.80, 0.79, 0.76, 0.70)
    found = read([trial(i, v) for i, v in enumerate(values)], SearchSpace()).noise
    assert found is not None
    assert found.error == pytest.approx(math.sqrt(0.8 * 0.2 / 400), rel=0.02)
    assert (found.tied, found.completed, found.examples) == (3, 4, 400)
    assert found.lead == pytest.approx(0.01)
    text = told([trial(i, v) for i, v in enumerate(values)], SearchSpace())
    assert "the first 3 of 4 completed trials cannot be told apart by 400 validation rows" in text
    assert "the best trial leads by 0.2, more than" in told(
        [trial(0, 0.9), trial(1, 0.7)], SearchSpace()
    )


def test_a_perfect_score_on_few_rows_has_an_error():
    perfect = report(5, 5, val_accuracy=1.0, validation_examples=10)
    assert standard_error(perfect, "val_accuracy") == pytest.approx(0.0935, abs=0.001)
    of_all = report(5, 5, val_accuracy=1.0, confusion=[[200, 0], [0, 200]])
    assert standard_error(of_all, "val_macro_f1") == standard_error(of_all, "val_accuracy")


@pytest.mark.parametrize(
    ("objective", "metric"),
    [("val_macro_f1", macro_f1), ("val_mcc", matthews_correlation)],
)
@pytest.mark.parametrize(
    "confusion", [[[180, 20], [60, 140]], [[90, 5, 5], [20, 60, 20], [9, 1, 40]]]
)
def test_the_delta_method_agrees_with_drawing_the_rows_again(objective, metric, confusion):
    generator = random.Random(4)  # noqa: S311
    cells = [
        (i, j) for i, row in enumerate(confusion) for j, n in enumerate(row) for _ in range(n)
    ]
    drawn = []
    for _ in range(400):
        again = [[0] * len(confusion) for _ in confusion]
        for i, j in generator.choices(cells, k=len(cells)):
            again[i][j] += 1
        drawn.append(metric(again))
    mean = sum(drawn) / len(drawn)
    resampled = math.sqrt(sum((d - mean) ** 2 for d in drawn) / len(drawn))
    given = report(5, 5, confusion=confusion, validation_examples=len(cells))
    assert standard_error(given, objective) == pytest.approx(resampled, rel=0.15)


def test_the_error_of_a_loss_is_that_of_the_fixed_rows_scaled_to_all():
    assert standard_error(report(), "val_loss") == pytest.approx(0.4 / 20)
    assert standard_error(report(), "train_loss") is None
    assert standard_error(report(), "val_mcc") is None
