"""Whole fine-tunes with each way to regularise: what they report, and what they leave behind."""

import math
import statistics
from dataclasses import replace

import numpy as np
import pytest

from tests.training.test_fine_tune import Recorder

pytestmark = pytest.mark.tf

EACH = {
    "label_smoothing": {"label_smoothing": 0.2},
    "class_weights": {"class_weights": {"negative": 1, "positive": 3.0}},
    "freeze_layers": {"freeze_layers": 1},
    "reinit_layers": {"reinit_layers": 1},
    "ema_decay": {"ema_decay": 0.9},
    "oversample": {"oversample": "balanced", "seed": 3},
    "layer_decay": {"layer_decay": 0.5},
}
LAST = {name: value for each in EACH.values() for name, value in each.items()}


@pytest.fixture(scope="module")
def tuner():
    from tuner.training.fine_tune import FineTuner

    return FineTuner()


def run(tuner, make_settings, *, layer_decay=1.0, **training):
    """Reports of a small trial without clock and machine, and its final weights."""
    settings = make_settings(batch_size=8, accumulation_steps=2, **training)
    settings = replace(settings, optimizer=replace(settings.optimizer, layer_decay=layer_decay))
    recorder = Recorder()
    assert not tuner.run(settings, recorder)
    told = [
        (r.train_loss, r.train_loss_std, r.grad_norm, r.val_loss, r.confusion, r.majority_share)
        for r in recorder.reports
    ]
    (model,) = tuner._models.values()
    return told, [np.array(v.numpy()) for v in model.classifier.variables]


def same(left, right):
    arrays = zip(left[1], right[1], strict=True)
    return left[0] == right[0] and all(np.array_equal(a, b) for a, b in arrays)


def test_each_changes_its_own_trial_and_no_other(tuner, make_settings):
    from tuner.training.fine_tune import FineTuner

    plain = run(tuner, make_settings)
    for name, training in EACH.items():
        assert not same(run(tuner, make_settings, **training), plain), name
        assert same(run(tuner, make_settings), plain), name
    (model,) = tuner._models.values()
    assert set(model.step.traces.values()) == {1}
    assert model.average.traces == 1
    assert model.evaluator.traces == 1
    # Nor does it depend on another one when all of them are on.
    together = run(tuner, make_settings, **LAST)
    assert same(run(FineTuner(), make_settings, **LAST), together)


def test_the_average_is_evaluated_and_kept_and_changes_no_training(tuner, make_settings, data):
    plain = run(tuner, make_settings)
    averaged = run(tuner, make_settings, ema_decay=0.99)
    # The same updates, so the same training losses; other weights, so other scores.
    assert [each[0] for each in averaged[0]] == [each[0] for each in plain[0]]
    assert averaged[0][-1][3] != plain[0][-1][3]
    (model,) = tuner._models.values()
    kept, _ = model.evaluator.evaluate(data.validation, np.arange(80), np.arange(80), 64)
    assert kept.loss == averaged[0][-1][3]


def test_training_loss_and_validation_stay_plain(tuner, make_settings):
    """With a rate of next to nothing both losses are those of the untrained model."""
    still = {"optimizer": {"name": "sgd", "learning_rate": 1e-12}, "dropout": 0.0}
    plain = run(tuner, make_settings, **still)
    heavy = {"label_smoothing": 0.5, "class_weights": {"negative": 1.0, "positive": 9.0}}
    other = run(tuner, make_settings, **still, **heavy)
    for left, right in zip(plain[0], other[0], strict=True):
        assert left[0] == pytest.approx(right[0], rel=1e-6)
        assert left[3] == pytest.approx(right[3], rel=1e-6)


def test_a_report_tells_spread_majority_and_at_the_end_the_confusion(tuner, make_settings):
    recorder = Recorder()
    tuner.run(make_settings(epochs=2.0, evaluations=3), recorder)
    first, _, last = recorder.reports
    assert [r.confusion is None for r in recorder.reports] == [True, True, False]
    confusion = np.array(last.confusion)
    assert confusion.sum() == last.validation_examples == 80
    assert last.metrics["val_accuracy"] == np.trace(confusion) / 80
    assert last.majority_share == confusion.sum(axis=0).max() / 80
    assert -1.0 <= last.metrics["val_mcc"] <= 1.0
    assert 0.0 < first.train_loss_std < first.train_loss
    assert first.skipped_updates == 0


def test_the_spread_is_that_of_the_updates_means(tuner):
    from tuner.training.measured import Measured
    from tuner.training.update import UpdateResult

    measured = Measured()
    results = [
        UpdateResult(
            loss_sum=loss,
            grad_norm=1.0,
            skipped=False,
            examples=n,
            targets=n,
            tokens=100,
            padding=0,
        )
        for loss, n in ((8.0, 16), (12.0, 16), (2.0, 8))
    ]
    measured.add(results, 1.0)
    assert statistics.pstdev([0.5, 0.75, 0.25]) == pytest.approx(_spread(measured))


def _spread(measured):
    from tuner.tasks import Evaluation

    made = Evaluation(
        examples=2,
        loss=0.0,
        loss_error=0.0,
        error_within_strata=0.0,
        scores={"accuracy": 1.0},
        errors={},
        association=0.0,
        majority_share=0.5,
        confusion=[[1, 0], [0, 1]],
    )
    report = measured.report(
        made, made, final=True, weight_change=0.0, point=1, points=1, examples_seen=40,
        total_examples=40, updates=3, skipped_updates=0,
        learning_rate=1.0, seconds_evaluating=1.0,
    )  # fmt: skip
    return report.train_loss_std


def test_skipped_updates_are_counted_and_do_not_advance_the_schedule(make_settings):
    from tuner.training.fine_tune import FineTuner

    settings = make_settings(
        batch_size=16, evaluations=2, precision="mixed_float16", schedule={"name": "linear"}
    )
    tuner = FineTuner()
    tuner.prepare(settings)
    (model,) = tuner._models.values()
    reset = model.step.reset

    def overflowing(*args, **kwargs):
        reset(*args, **kwargs)
        model.step._loss_scale = 2.0**24

    model.step.reset = overflowing
    recorder = Recorder()
    assert not tuner.run(settings, recorder)
    first, last = recorder.reports
    assert first.updates + first.skipped_updates == 5
    assert 0 < first.skipped_updates == last.skipped_updates < 5
    assert last.updates + last.skipped_updates == 10
    rate = settings.schedule.learning_rate(1e-3, last.updates, 10)
    assert last.learning_rate == pytest.approx(rate)
    assert math.isfinite(last.val_loss)
