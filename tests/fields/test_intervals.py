"""Intervals hold the true mean as often as they claim, and no value that cannot be."""

import random
from itertools import product
from statistics import fmean

import pytest

from tuner.confirmation import estimate
from tuner.fields.intervals import Range, within
from tuner.settings.objectives import measured_scores
from tuner.tasks import Classification

SHARE = Range(low=0.0, high=1.0)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-1.0, 1.0), (0.0, None), (None, 0.0)])
def test_no_interval_reaches_beyond_its_range(low, high):
    values = Range(low=low, high=high)
    draw = random.Random(1)  # noqa: S311
    for _ in range(500):
        mean = values.clip(draw.uniform(-1, 1) * 10 ** draw.uniform(-6, 3))
        margin = 10 ** draw.uniform(-9, 4)
        below, above = within(values, mean, margin)
        assert below <= mean <= above
        assert values.clip(below) == below
        assert values.clip(above) == above


def test_far_from_the_bounds_it_is_the_symmetric_interval():
    assert within(SHARE, 0.6, 0.001) == pytest.approx((0.599, 0.601), abs=1e-6)
    assert within(Range(low=0.0), 50.0, 0.1) == pytest.approx((49.9, 50.1), abs=1e-3)
    assert within(Range(), 0.2, 0.5) == pytest.approx((-0.3, 0.7))


def test_at_a_bound_it_is_cut():
    assert within(SHARE, 1.0, 0.1) == pytest.approx((0.9, 1.0))
    assert within(SHARE, 0.0, 0.1) == pytest.approx((0.0, 0.1))
    assert within(Range(low=0.0), 0.0, 0.1) == pytest.approx((0.0, 0.1))


def test_every_objective_has_a_range():
    ranges = {name: score.values for name, score in measured_scores(Classification).items()}
    assert ranges["val_accuracy"] == ranges["val_macro_f1"] == SHARE
    assert ranges["val_mcc"] == Range(low=-1.0, high=1.0)
    rest = {"val_loss", "train_loss", "examples_per_second", "peak_memory_bytes"}
    assert {ranges[metric] for metric in rest} == {Range(low=0.0)}


@pytest.mark.parametrize(
    ("mean", "deviation", "seeds"), [*product((0.98, 0.93, 0.6), (0.01, 0.02), (2, 3, 5))]
)
def test_the_interval_over_seeds_holds_the_true_mean_as_often_as_it_says(mean, deviation, seeds):
    draw = random.Random(2)  # noqa: S311
    total = mean * (1 - mean) / deviation**2 - 1
    held = [
        low <= mean <= high
        for low, high in (
            estimate(
                [draw.betavariate(mean * total, (1 - mean) * total) for _ in range(seeds)],
                bounds=SHARE,
            ).interval
            for _ in range(3000)
        )
    ]
    assert 0.935 < fmean(held) < 0.97
