"""Advice is right if a run that follows it does better: tiny models are really trained again."""

from dataclasses import replace
from functools import cache
from statistics import fmean

import pytest

from tests.components import make_optimizer, make_schedule
from tests.diagnosis.tiny_training import advised, make_data, make_numbers, make_sets, train
from tests.records import settings
from tuner.trial.records import Convergence

SEEDS = range(3)

DATA = {
    "two": lambda: make_data([0.5, 0.5], 800),
    "seven": lambda: make_data([1 / 7] * 7, 700, distance=3.0),
    "twenty": lambda: make_data([1 / 20] * 20, 1000, distance=4.0),
    "77/17/6": lambda: make_data([0.77, 0.17, 0.06], 1200),
    "97/3": lambda: make_data([0.97, 0.03], 1000),
    "hard": lambda: make_data([0.5, 0.5], 400, distance=1.5),
    "rare": lambda: make_data([0.9, 0.1], 4000, validation=400, distance=0.6),
    "hidden": lambda: make_data([0.85, 0.15], 600, distance=0.7),
    "other shares": lambda: replace(
        make_data([0.9, 0.1], 1000), validation=make_data([0.5, 0.5], 10).validation
    ),
    "numbers": lambda: make_numbers(800),
    "outliers": lambda: make_numbers(800, tail=1.5),
    "far outliers": lambda: make_numbers(800, tail=2.5),
    "sets": lambda: make_sets(800),
}
data = cache(lambda name: DATA[name]())


def given(rate=5e-5, optimizer="adamw", warmup=0.1, **training):
    """Settings; `train` puts the task of its data into them."""
    base = settings(**{"epochs": 1.0} | training)
    return replace(
        base,
        optimizer=make_optimizer({"name": optimizer, "learning_rate": rate, "weight_decay": 0.01}),
        schedule=make_schedule({"name": "linear", "warmup_fraction": warmup}),
        model=replace(base.model, dropout=0.0),
    )


FAULTS = {
    "two labels, rate far too low": ("two", given(1e-7)),
    "two labels, rate too low": ("two", given(1.8e-6)),
    "two labels, rate at the lower end": ("two", given(1e-5)),
    "two labels, rate too high": ("two", given(1e-3)),
    "two labels, rate far too high": ("two", given(5e-3)),
    "two labels, rate that blows up": ("two", given(5e-1, clip_norm=None)),
    "seven labels, rate far too low": ("seven", given(1e-7)),
    "seven labels, rate too low": ("seven", given(1e-6)),
    "seven labels, rate far too high": ("seven", given(2e-2)),
    "twenty labels, rate too low": ("twenty", given(1e-6)),
    "three uneven labels, rate far too low": ("77/17/6", given(2e-7)),
    "three uneven labels, rate too low": ("77/17/6", given(1.8e-6)),
    "three uneven labels, rate far too high": ("77/17/6", given(2e-2)),
    "a rare label, rate too low": ("97/3", given(2e-6)),
    "a rare label with weights, rate too low": (
        "97/3", given(2e-6, class_weights="balanced"),
    ),
    "a rare label oversampled, rate too low": ("97/3", given(2e-6, oversample="balanced")),
    "SGD at the rate of Adam": ("two", given(2e-6, "sgd")),
    "SGD far too high": ("two", given(3.0, "sgd")),
    "Lion too low": ("two", given(1e-7, "lion")),
    "RMSprop too low": ("seven", given(1e-6, "rmsprop")),
    "too large a batch": ("two", given(batch_size=256)),
    "too much accumulation": ("two", given(batch_size=32, accumulation_steps=8)),
    "too large an effective batch": ("two", given(effective_batch_size=256)),
    "half an epoch": ("seven", given(epochs=0.4)),
    "three points": ("seven", given(1e-6, evaluations=3)),
    "other shares in validation, rate far too low": ("other shares", given(2e-7)),
    "other shares in validation, rate too low": ("other shares", given(2e-6)),
    "numbers, rate far too low": ("numbers", given(1e-7, epochs=2.0)),
    "numbers, rate too low": ("numbers", given(1.8e-6, epochs=2.0)),
    "numbers, rate far too high": ("numbers", given(2e-2, epochs=2.0)),
    "outliers, rate far too low": ("outliers", given(1e-7, epochs=2.0)),
    "outliers, rate too low": ("outliers", given(1.8e-6, epochs=2.0)),
    "far outliers, rate too low": ("far outliers", given(1.8e-6, epochs=2.0)),
    "sets of labels, rate far too low": ("sets", given(1e-7)),
    "sets of labels, rate too low": ("sets", given(1.8e-6)),
    "sets of labels, rate far too high": ("sets", given(2e-2)),
    "far too many epochs": ("hard", given(2e-4, epochs=40.0)),
    "too many epochs at a high rate": ("hard", given(5e-4, epochs=20.0)),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_run_with_the_advised_value_does_better(name):
    task, configured = FAULTS[name]
    first = [train(data(task), configured, seed) for seed in SEEDS]
    followed = advised(configured, first[0].diagnosis.advice)
    assert followed, first[0].diagnosis
    before = fmean(run.loss for run in first)
    for key, settings_now in followed.items():
        after = fmean(train(data(task), settings_now, seed).loss for seed in SEEDS)
        assert after < before, (key, before, after, first[0].diagnosis)


@pytest.mark.parametrize("rate", [2e-5, 5e-5])
def test_balance_finds_the_rare_label_that_was_never_found(rate):
    configured = given(rate)
    first = [train(data("rare"), configured, seed) for seed in SEEDS]
    weighted = advised(configured, first[0].diagnosis.advice)["training.class_weights"]
    balanced = replace(configured, training=replace(configured.training, oversample="balanced"))
    before = fmean(run.macro_f1 for run in first)
    for settings_now in (weighted, balanced):
        after = fmean(train(data("rare"), settings_now, seed).macro_f1 for seed in SEEDS)
        assert after > before, (before, after)


@pytest.mark.parametrize("seed", range(6))
def test_where_a_label_is_merely_rare_a_usual_rate_is_not_lowered(seed):
    for rate in (2e-5, 5e-5):
        found = train(data("hidden"), given(rate), seed).diagnosis
        for settings_now in advised(given(rate), found.advice).values():
            assert settings_now.optimizer.learning_rate >= rate, found


@pytest.mark.parametrize("rate", [5e-5, 1e-4])
def test_label_frequencies_of_the_training_rows_are_not_memorised_rows(rate):
    nothing, other = (make_data(each, 1000, distance=0.0) for each in ([0.9, 0.1], [0.5, 0.5]))
    found = train(replace(nothing, validation=other.validation), given(rate)).diagnosis
    assert found.status is Convergence.NOT_LEARNING


@pytest.mark.parametrize("rate", [5e-5, 1e-4])
@pytest.mark.parametrize("task", ["two", "77/17/6"])
def test_a_good_run_is_left_alone(task, rate):
    found = train(data(task), given(rate, epochs=2.0)).diagnosis
    assert "optimizer.learning_rate" not in advised(given(), found.advice), found


@pytest.mark.parametrize("name", [name for name in FAULTS if "too low" in name])
def test_a_rate_too_low_is_never_lowered_and_one_too_high_never_raised(name):
    task, configured = FAULTS[name]
    for seed in SEEDS:
        run = train(data(task), configured, seed)
        rate = configured.optimizer.learning_rate
        for settings_now in advised(configured, run.diagnosis.advice).values():
            assert settings_now.optimizer.learning_rate >= rate, run.diagnosis
