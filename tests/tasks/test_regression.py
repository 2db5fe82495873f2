"""Scores of numbers against SciPy and scikit-learn, and the way to the user's unit and back."""

import math

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from tuner import tasks
from tuner.errors import InputError
from tuner.fields.declared import declared
from tuner.tasks import Column, Regression

RANDOM = np.random.default_rng(0)
TRUE = RANDOM.normal(50.0, 12.0, 200)
FITTED = Regression().fit(TRUE)


def outputs(noise=5.0):
    """Outputs of a model before the scale is put back, [rows, 1]."""
    return (FITTED.encode(TRUE + RANDOM.normal(0, noise, len(TRUE)), ("score",)))[:, None] * 1.0


def evaluate(found):
    return FITTED.evaluate(found.astype(np.float64), FITTED.encode(TRUE, ("score",)))


def column(*cells):
    return Column(key="data.label", name="y", where="f.csv", cells=cells, rows=range(len(cells)))


def test_scores_are_those_of_scipy_and_scikit_learn_in_the_unit_of_the_data():
    found = outputs()
    made = evaluate(found)
    guess = FITTED.exported(found)[:, 0]
    assert made.scores["pearson"] == pytest.approx(stats.pearsonr(guess, TRUE).statistic, abs=1e-6)
    assert made.scores["spearman"] == pytest.approx(
        stats.spearmanr(guess, TRUE).statistic, abs=1e-6
    )
    rmse = metrics.root_mean_squared_error(TRUE, guess)
    assert made.scores["rmse"] == pytest.approx(rmse, rel=1e-5)
    assert made.scores["mae"] == pytest.approx(metrics.mean_absolute_error(TRUE, guess), rel=1e-5)
    assert made.loss == pytest.approx((rmse / TRUE.std()) ** 2, rel=1e-4)


@pytest.mark.parametrize("name", ["pearson", "spearman", "rmse", "mae"])
def test_standard_errors_agree_with_drawing_the_rows_again(name):
    found, targets = outputs(8.0).astype(np.float64), FITTED.encode(TRUE, ("score",))
    drawn = []
    for _ in range(150):
        rows = RANDOM.integers(0, len(TRUE), len(TRUE))
        drawn.append(FITTED.evaluate(found[rows], targets[rows]).scores[name])
    error = FITTED.evaluate(found, targets).errors[name]
    assert error == pytest.approx(np.std(drawn), rel=0.35)


def test_evidence_is_standard_normal_for_guesses():
    targets = FITTED.encode(TRUE, ("score",))
    evidence = [
        FITTED.evaluate(RANDOM.normal(0, 1, (len(TRUE), 1)), targets).association
        for _ in range(150)
    ]
    assert abs(np.mean(evidence)) < 0.25
    assert np.std(evidence) == pytest.approx(1.0, abs=0.15)
    assert evaluate(outputs(1.0)).association > 20


def test_a_constant_or_broken_prediction_has_no_correlation():
    constant = evaluate(np.zeros((len(TRUE), 1)))
    assert constant.scores["pearson"] == constant.scores["spearman"] == 0.0
    assert constant.majority_share == 1.0
    assert constant.association == 0.0
    broken = evaluate(np.full((len(TRUE), 1), np.nan))
    assert math.isnan(broken.loss)
    assert broken.scores["pearson"] == 0.0


def test_the_baseline_is_the_mean_of_the_training_rows():
    targets = FITTED.encode(TRUE, ("score",))
    found = FITTED.baseline(targets[:150], targets[150:], 1)
    mean = TRUE[:150].mean()
    expected = np.mean((TRUE[150:] - mean) ** 2) / TRUE.var()
    assert found.loss == pytest.approx(expected, rel=1e-4)
    assert (found.name, found.score) == ("pearson", 0.0)
    train = FITTED.encode(TRUE[:150], ("score",))
    assert found.training_baseline == pytest.approx(train.var())
    assert found.untrained_loss == pytest.approx((train**2).mean())
    # One row of its own may be the hardest.
    assert found.untrained_over(1) == pytest.approx((train**2).mean() + (train**2).max())


def test_an_untrained_head_begins_at_zero_whatever_the_scale():
    by_hand = Regression(scale=1.0)
    targets = by_hand.encode(TRUE, ("score",))
    found = by_hand.baseline(targets, targets, 1)
    assert found.untrained_loss == pytest.approx(np.mean(TRUE**2), rel=1e-4)
    assert found.baseline == pytest.approx(TRUE.var(), rel=1e-4)


def test_few_rows_have_few_groups():
    assert len(set(Regression().strata([1.0, 2.0, 3.0, 4.0]).tolist())) == 1
    assert len(set(Regression().strata(np.arange(20.0)).tolist())) == 5


def test_the_exported_head_gives_the_unit_of_the_data():
    kernel, bias = RANDOM.normal(size=(4, 1)), RANDOM.normal(size=1)
    hidden = RANDOM.normal(size=(3, 4))
    exported_kernel, exported_bias = FITTED.fold_head(kernel, bias)
    np.testing.assert_allclose(
        hidden @ exported_kernel + exported_bias, FITTED.exported(hidden @ kernel + bias)
    )
    assert Regression().predictions(np.array([[3.5]]), ("score",)) == [{"score": 3.5}]


def test_a_fitted_task_is_stored_and_read():
    assert tasks.from_mapping(FITTED.to_mapping()) == FITTED
    assert FITTED.fit(TRUE * 2) == FITTED


def test_strata_are_deciles_that_also_repeated_values_have():
    counts = np.bincount(FITTED.strata(TRUE))
    assert len(counts) == 10
    assert counts.min() > 15
    assert len(set(FITTED.strata([1.0] * 50 + [2.0] * 50).tolist())) == 2


def test_numbers_are_read_as_they_are_written():
    assert Regression().read(column("3.5", 2, "-1e3")) == (3.5, 2.0, -1000.0)


@pytest.mark.parametrize("cell", ["good", "inf", "nan", True, [1.0], "3,5"])
def test_what_is_no_finite_number_is_refused_with_its_row(cell):
    with pytest.raises(InputError) as refused:
        Regression().read(column(1.0, cell))
    assert "row 2 of f.csv" in refused.value.where
    assert "task=classification" in refused.value.remedy


@pytest.mark.parametrize("cell", [None, " ", float("nan")])
def test_a_missing_number_is_refused(cell):
    with pytest.raises(InputError, match="no number"):
        Regression().read(column(1.0, cell))


def test_constant_targets_and_labels_are_refused_or_asked_about():
    with pytest.raises(InputError, match="same number, 2"):
        Regression().names((2.0, 2.0), "f.csv")
    (warning,) = Regression().describe((0.0, 1.0) * 9, (1.0,), ("score",)).warnings
    assert "task=classification" in warning
    assert Regression().describe(tuple(TRUE), tuple(TRUE[:9]), ("score",)).warnings == ()


@pytest.mark.parametrize(
    ("targets", "shown"),
    [
        ((1.6e9, 1.6e9 + 1.0, 1.6e9 + 2.0), "1.6e+09"),  # Steps of a float32 there: 128.
        ((0.0, 1e300), "1e+300"),
        ((0.0, 1e-40), "1e-40"),
    ],
)
def test_numbers_that_a_float32_model_cannot_give_are_refused(targets, shown):
    with pytest.raises(InputError) as refused:
        Regression().names(targets, "f.csv")
    assert shown in refused.value.problem
    assert "data.label" in refused.value.where
    assert "unit" in refused.value.remedy


@pytest.mark.parametrize("targets", [(1990.0, 2020.0), (1.5e9, 1.7e9), (1e-6, 3e-6), (-4e6, 9e8)])
def test_numbers_that_the_exported_head_gives_are_taken(targets):
    task = Regression().fit(targets)
    assert Regression().names(targets, "f.csv") == ("score",)
    standard = task.encode(targets, ("score",))
    kernel, bias = task.fold_head(np.ones((1, 1), np.float32), np.zeros(1, np.float32))
    error = np.abs(standard * kernel[0] + bias - targets)
    assert error.max() < 1e-3 * np.std(targets)


@pytest.mark.parametrize("field", ["center", "scale"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_unit_is_finite(field, value):
    bounds = next(item.bounds for item in declared(Regression) if item.name == field)
    assert not bounds.admits(value)
    assert bounds.admits(2.5)
