"""Each cause of trouble gets the advice that a practitioner would give."""

from dataclasses import replace

import pytest

from tests.components import make_optimizer, make_schedule
from tests.diagnosis.test_diagnosis import DOWN, FALL, FLAT, LEVEL, curve
from tests.records import GUESS, report, settings
from tuner.diagnosis import diagnose
from tuner.tasks import Baseline


def with_optimizer(name="adamw", rate=5e-5, base=None, **fields):
    optimizer = {"name": name, "learning_rate": rate, "weight_decay": 0.01, **fields}
    return replace(base or settings(), optimizer=make_optimizer(optimizer))


def advice(reports, given, guess=GUESS, diverged=""):
    return diagnose(reports, guess, given, diverged=diverged).advice.split("; ")


def test_divergence_lowers_the_rate_clips_and_warms_up():
    given = with_optimizer(rate=5e-3, base=settings(clip_norm=None))
    given = replace(given, schedule=replace(given.schedule, warmup_fraction=0.0))
    assert advice([], given, None, "train_loss is nan at update 3") == [
        "optimizer.learning_rate: 0.005 → try 5e-5",
        "training.clip_norm: null → try 1",
        "schedule.warmup_fraction: 0 → try 0.1",
    ]


def test_divergence_in_float16_advises_the_wider_range():
    given = settings(precision="mixed_float16")
    found = advice([], given, None, "grad_norm is nan at update 3")
    assert "training.precision: mixed_float16 → try mixed_bfloat16 (a wider range)" in found


@pytest.mark.parametrize(
    ("name", "rate", "to"),
    [
        ("adamw", 5e-3, "5e-5"),
        ("sgd", 5.0, "0.01"),
        ("lion", 1e-3, "1e-5"),
        ("adamax", 0.1, "0.01"),
    ],
)
def test_a_rate_too_high_is_lowered_to_what_is_usual_for_the_optimizer(name, rate, to):
    jumped = curve([0.69, 0.7, *[0.695] * 8], 0.5, training=[1.6, 0.8, *[0.7] * 8])
    assert f"→ try {to}" in advice(jumped, with_optimizer(name, rate))[0]


def test_a_collapse_to_one_label_is_a_rate_too_high_though_it_is_usual():
    reports = [
        report(k, 10, val_loss=0.694, train_loss=0.69, val_accuracy=0.5, majority_share=share)
        for k, share in enumerate([0.6, 0.7, *[1.0] * 8], start=1)
    ]
    assert advice(reports, with_optimizer(rate=1e-4))[0] == (
        "optimizer.learning_rate: 1e-4 → try 1e-5"
    )


def test_a_rate_too_low_is_raised():
    still = curve(FLAT, 0.5, weight_change=1e-5)
    assert advice(still, with_optimizer(rate=1e-6))[0] == (
        "optimizer.learning_rate: 1e-6 → try 5e-5"
    )


def test_sgd_at_the_rate_of_adam_is_the_wrong_optimizer():
    still = curve(FLAT, 0.5, weight_change=1e-6)
    assert advice(still, with_optimizer("sgd", 2e-5))[:2] == [
        "optimizer: sgd → try adamw (with optimizer.learning_rate=5e-5)",
        "optimizer.learning_rate: 2e-5 → try 0.01",
    ]


def test_weights_that_move_and_learn_nothing_point_at_the_labels():
    given = with_optimizer(base=settings(epochs=1.0))
    reports = curve(FLAT, 0.5, total_examples=8000, examples_seen=0)
    reports = [replace(r, examples_seen=800 * r.point) for r in reports]
    (found,) = advice(reports, given)
    assert found.startswith("data.label: check whether the labels follow from the texts")


def test_where_the_constant_guess_wins_on_imbalanced_data_classes_are_weighted():
    guess = Baseline(score=0.9, loss=0.325)
    reports = [
        report(
            k, 10, val_loss=0.322, train_loss=0.32, val_accuracy=0.9, majority_share=1.0,
            metrics={"val_accuracy": 0.9, "val_macro_f1": 0.47, "val_mcc": 0.0},
        )
        for k in range(1, 11)
    ]  # fmt: skip
    reports[0] = replace(reports[0], train_loss=0.65)  # an untrained head
    plain = advice(reports, with_optimizer(), guess)
    assert plain == [
        "training.class_weights: none → try balanced",
        "sweep.objectives → try [val_macro_f1] (the constant guess wins by accuracy)",
    ]
    weighted = with_optimizer(base=settings(class_weights="balanced"))
    assert advice(reports, weighted, guess)[0] == "training.oversample: none → try balanced"


def test_too_few_examples_are_told_from_too_little_regularisation():
    few = curve(FLAT, 0.5, training=DOWN)
    few = [replace(r, examples_seen=2 * r.point, total_examples=20) for r in few]
    given = with_optimizer(base=settings(epochs=10.0))
    assert advice(few, given) == [
        "data.train: 2 examples → try to label 1000 or more",
        "model.checkpoint: tiny → try a smaller or distilled encoder",
    ]
    limited = replace(given, data=replace(given.data, train_examples=2))
    assert advice(few, limited)[0] == "data.train_examples: 2 → try 1000 (or null for all)"
    rising = curve([*FALL, 0.45, 0.5, 0.55, 0.6, 0.66], training=DOWN)
    given = with_optimizer(base=settings(epochs=4.0))
    rising = [replace(r, examples_seen=800 * r.point, total_examples=8000) for r in rising]
    assert advice(rising, given) == [
        "training.epochs: 4 → try 2",
        "model.dropout: 0.1 → try 0.2",
        "optimizer.weight_decay: 0.01 → try 0.1",
        "training.label_smoothing: 0 → try 0.1",
    ]


SWINGS = [0.6, 0.4, 0.65, 0.4, 0.65, 0.4, 0.65, 0.4, 0.6, 0.45]


def test_oscillation_names_batch_and_accumulation():
    given = with_optimizer(base=settings(batch_size=4, accumulation_steps=2))
    given = replace(given, schedule=make_schedule({"name": "constant", "warmup_fraction": 0.1}))
    assert advice(curve(SWINGS, 0.75), given) == [
        "training.accumulation_steps: 2 → try 8 (effective batch 8 → 32)",
        "optimizer.learning_rate: 5e-5 → try 2e-5",
        "schedule: constant → try linear",
    ]


def test_what_still_improves_wants_more_epochs():
    falling = [0.68, 0.65, 0.62, 0.59, 0.56, 0.53, 0.5, 0.47, 0.44, 0.41]
    assert advice(curve(falling), with_optimizer(base=settings(epochs=2.0))) == [
        "training.epochs: 2 → try 4"
    ]


def test_too_few_updates_want_a_smaller_effective_batch():
    falling = [0.69, 0.688, 0.686, 0.683, 0.68, 0.675, 0.67, 0.66, 0.65, 0.64]
    reports = [
        replace(r, examples_seen=80 * r.point, total_examples=800)
        for r in curve(falling, 0.6, validation_examples=4000)
    ]
    given = with_optimizer(base=settings(batch_size=16, accumulation_steps=8, epochs=1.0))
    assert advice(reports, given)[0] == (
        "training.accumulation_steps: 8 → try 2 (7 updates are few)"
    )
    given = with_optimizer(base=settings(batch_size=128, epochs=1.0))
    assert advice(reports, given)[0] == "training.batch_size: 128 → try 32 (7 updates are few)"


def test_training_that_underfits_wants_less_regularisation():
    stuck = curve([0.69, 0.66, *[0.62] * 8], 0.66)
    given = with_optimizer(weight_decay=0.5, base=settings(freeze_layers=6))
    given = replace(given, model=replace(given.model, dropout=0.5))
    assert advice(stuck, given)[:3] == [
        "training.freeze_layers: 6 → try 0 (training itself underfits)",
        "model.dropout: 0.5 → try 0.1 (training itself underfits)",
        "optimizer.weight_decay: 0.5 → try 0.01 (training itself underfits)",
    ]


def test_an_early_spike_wants_warm_up_and_clipping_however_it_ended():
    reports = curve(FALL + LEVEL)
    assert advice(reports, settings(clip_norm=None)) == [""]
    reports[0] = replace(reports[0], train_loss_max=4.0)
    given = settings(clip_norm=None)
    given = replace(given, schedule=replace(given.schedule, warmup_fraction=0.0))
    assert advice(reports, given) == [
        "schedule.warmup_fraction: 0 → try 0.1",
        "training.clip_norm: null → try 1",
    ]


def test_what_converged_needs_no_advice():
    assert advice(curve(FALL + LEVEL), settings()) == [""]
