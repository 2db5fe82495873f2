"""Advice changes something: another value, in the right direction, of a key that has a say."""

from dataclasses import replace

import pytest

from tests.diagnosis.test_advice import SWINGS, advice, with_optimizer
from tests.diagnosis.test_diagnosis import DOWN, FALL, FLAT, curve
from tests.records import report, settings
from tuner.tasks import Baseline

RISING = [*FALL, 0.45, 0.5, 0.55, 0.6, 0.66]
FALLING = [0.69, 0.688, 0.686, 0.683, 0.68, 0.675, 0.67, 0.66, 0.65, 0.64]


def seen(losses, rows, accuracy=0.6, training=None, **given):
    return [
        replace(r, examples_seen=rows * r.point // 10, total_examples=rows)
        for r in curve(losses, accuracy, training, **given)
    ]


@pytest.mark.parametrize(
    ("epochs", "to"), [(0.5, "0.3"), (1.0, "0.5"), (2.0, "1"), (4.0, "2"), (10.0, "5")]
)
def test_overfitting_wants_fewer_epochs_also_below_one(epochs, to):
    rising = seen(RISING, round(2000 * epochs), 0.8, DOWN)
    assert f"training.epochs: {epochs:.3g} → try {to}" in advice(
        rising, with_optimizer(base=settings(epochs=epochs))
    )


def test_a_set_effective_batch_is_what_is_changed():
    few = seen(FALLING, 800, validation_examples=4000)
    given = with_optimizer(base=settings(effective_batch_size=128, epochs=1.0))
    assert advice(few, given)[0] == (
        "training.effective_batch_size: 128 → try 32 (7 updates are few)"
    )
    swinging = with_optimizer(base=settings(effective_batch_size=8, accumulation_steps=2))
    assert "training.effective_batch_size: 8 → try 32" in advice(curve(SWINGS, 0.75), swinging)


def test_a_batch_that_is_small_on_each_of_many_devices_is_not_raised():
    few = seen(FALLING, 800, validation_examples=4000)
    given = with_optimizer(base=settings(batch_size=16, devices=8, epochs=1.0))
    assert advice(few, given)[0] == "training.batch_size: 16 → try 4 (7 updates are few)"
    given = with_optimizer(base=settings(batch_size=4, devices=16, epochs=1.0))
    assert advice(few, given)[0] == "training.batch_size: 4 → try 2 (13 updates are few)"


@pytest.mark.parametrize(("rate", "to"), [(1e-4, "2e-4"), (2e-4, None), (1.5e-4, "2e-4")])
def test_a_usual_rate_is_raised_no_further_than_is_usual(rate, to):
    still = curve(FLAT, 0.5, weight_change=1e-5)
    rates = [line for line in advice(still, with_optimizer(rate=rate)) if "learning_rate" in line]
    assert [line.partition(" → try ")[2] for line in rates] == ([to] if to else [])


@pytest.mark.parametrize(("rate", "raised"), [(3e-5, True), (1e-4, True), (1.5e-4, False)])
def test_a_plateau_doubles_the_rate_within_the_usual_ones(rate, raised):
    stuck = curve([0.69, 0.66, *[0.62] * 8], 0.66)
    assert any("learning_rate" in each for each in advice(stuck, with_optimizer(rate=rate))) == (
        raised
    )


def test_what_improves_at_far_too_high_a_rate_wants_a_lower_one():
    falling = [0.68, 0.65, 0.62, 0.59, 0.56, 0.53, 0.5, 0.47, 0.44, 0.41]
    assert advice(curve(falling), with_optimizer(rate=5e-3))[0] == (
        "optimizer.learning_rate: 0.005 → try 5e-5"
    )


def test_one_label_for_all_rows_at_a_low_rate_is_not_a_collapse():
    reports = [
        report(k, 10, val_loss=0.693, train_loss=0.693, val_accuracy=0.5, majority_share=share)
        for k, share in enumerate([0.6, 0.7, *[1.0] * 8], start=1)
    ]
    assert advice(reports, with_optimizer(rate=1e-6))[0] == (
        "optimizer.learning_rate: 1e-6 → try 5e-5"
    )


def test_skipped_updates_of_float16_are_the_first_thing_to_mend():
    still = curve(FLAT, 0.5, weight_change=1e-5, skipped_updates=500)
    given = with_optimizer(rate=1e-6, base=settings(precision="mixed_float16"))
    assert advice(still, given)[0].startswith("training.precision: mixed_float16 → try")
    few = curve(FLAT, 0.5, weight_change=1e-5, skipped_updates=2)
    assert advice(few, given)[0].startswith("optimizer.learning_rate")


def test_a_divergence_at_a_usual_rate_in_float16_wants_the_wider_range_first():
    given = with_optimizer(base=settings(precision="mixed_float16"))
    found = advice([], given, None, "train_loss is nan at update 3")
    assert found[0].startswith("training.precision")
    assert "optimizer.learning_rate: 5e-5 → try 5e-6" in found
    high = with_optimizer(rate=5e-3, base=settings(precision="mixed_float16"))
    found = advice([], high, None, "train_loss is nan at update 3")
    assert found[0].startswith("optimizer.learning_rate: 0.005")


@pytest.mark.parametrize("weights", ["none", "balanced"])
def test_balanced_rows_are_not_balanced_again(weights):
    guess = Baseline(score=0.9, loss=0.325, labels=2, trained_loss=0.325)
    reports = curve([0.322] * 10, 0.9, majority_share=1.0)
    reports = [replace(r, fixed=replace(r.fixed, association=0.0)) for r in reports]
    given = with_optimizer(base=settings(class_weights=weights, oversample="balanced"))
    assert [line for line in advice(reports, given, guess) if line.startswith("training")] == []


def test_a_single_hard_row_in_an_update_of_one_is_no_spike():
    reports = curve([0.6, 0.5, 0.45, 0.42, *[0.4] * 6])
    reports[0] = replace(reports[0], train_loss_max=4.0)
    given = settings(batch_size=1, clip_norm=None)
    given = replace(given, schedule=replace(given.schedule, warmup_fraction=0.0))
    assert "training.clip_norm: null → try 1" not in advice(reports, given)
    assert "training.clip_norm: null → try 1" in advice(reports, replace(
        given, training=replace(given.training, batch_size=16)
    ))  # fmt: skip
