import math

import pytest

from tuner.errors import InputError
from tuner.trial.records import Decision

pytestmark = pytest.mark.tf


class Recorder:
    """Writes down what a fine-tune tells, and stops it where asked."""

    def __init__(self, *, stop_after_reports=None, stop_after_updates=None):
        self.reports = []
        self.shares = []
        self.guess = None
        self._stop_after_reports = stop_after_reports
        self._stop_after_updates = stop_after_updates

    def started(self, constant_guess, labels, resumed_at):
        self.guess = constant_guess

    def progress(self, share, examples_per_second):
        assert examples_per_second > 0
        self.shares.append(share)

    def reported(self, report):
        self.reports.append(report)
        stop = len(self.reports) == self._stop_after_reports
        return Decision.STOP if stop else Decision.CONTINUE

    def stop_requested(self):
        return len(self.shares) == self._stop_after_updates


@pytest.fixture(scope="module")
def tuner():
    from tuner.training.fine_tune import FineTuner

    return FineTuner()


def run(tuner, settings, **kwargs):
    recorder = Recorder(**kwargs)
    return tuner.run(settings, recorder), recorder


def test_a_tiny_bert_learns_the_reviews(tuner, make_settings):
    settings = make_settings(
        epochs=6.0,
        evaluations=3,
        batch_size=16,
        optimizer={"name": "adamw", "learning_rate": 3e-3},
    )
    diverged, told = run(tuner, settings)
    assert not diverged
    assert told.guess.score == pytest.approx(0.5)
    last = told.reports[-1]
    assert last.metrics["val_accuracy"] > told.guess.score + 0.25
    assert last.val_loss < told.guess.loss
    assert told.reports[0].train_loss > last.train_loss
    assert (told.guess.labels, told.guess.trained_loss) == (2, pytest.approx(math.log(2)))
    assert last.fixed.association > 3
    assert 0 < last.fixed.error_within_strata <= last.fixed.loss_error * 1.05


def test_reports_stand_at_equal_shares_with_real_figures(tuner, make_settings):
    settings = make_settings(
        epochs=1.5, evaluations=3, batch_size=8, accumulation_steps=3, interim_examples=20
    )
    _, told = run(tuner, settings)
    # 160 rows in updates of 24: 6 full ones and one of 16, then 80 more rows in 4.
    assert [r.point for r in told.reports] == [1, 2, 3]
    assert [r.updates for r in told.reports] == [4, 7, 11]
    assert [r.examples_seen for r in told.reports] == [96, 160, 240]
    assert {r.total_examples for r in told.reports} == {240}
    assert [r.validation_examples for r in told.reports] == [20, 20, 80]
    assert told.shares[-1] == 1.0
    assert len(told.shares) == 11
    for report in told.reports:
        assert report.points == 3
        assert 0 <= report.padding_fraction < 0.3
        assert report.examples_per_second > 0
        assert report.seconds_training > 0
        assert report.seconds_evaluating > 0
        assert report.peak_memory_bytes > 50_000_000
        assert report.grad_norm > 0
    # Two updates of warm-up, then down to one ninth of the way at the last of eleven.
    assert told.reports[-1].learning_rate == pytest.approx(1e-3 / 9)


def test_an_update_is_evaluated_once_however_many_points_it_reaches(tuner, make_settings):
    _, told = run(tuner, make_settings(batch_size=80, evaluations=1000))
    found = [(r.point, r.points, r.updates, r.final) for r in told.reports]
    assert found == [(500, 1000, 1, False), (1000, 1000, 2, True)]
    assert told.reports[0].val_loss != told.reports[1].val_loss


def test_the_listener_ends_a_trial(tuner, make_settings):
    settings = make_settings(batch_size=16, evaluations=5)
    diverged, told = run(tuner, settings, stop_after_reports=2)
    assert (diverged, len(told.reports)) == ("", 2)
    diverged, told = run(tuner, settings, stop_after_updates=1)
    assert (diverged, len(told.shares), told.reports) == ("", 1, [])


def test_divergence_ends_a_trial_without_a_report(tuner, make_settings):
    settings = make_settings(
        optimizer={"name": "sgd", "learning_rate": 1e30},
        schedule={"name": "constant"},
        clip_norm=None,
    )
    diverged, told = run(tuner, settings)
    assert diverged
    assert all(math.isfinite(r.val_loss) for r in told.reports)
    assert len(told.reports) < settings.training.evaluations


def test_a_seed_gives_the_same_trial_and_another_seed_another(tuner, make_settings):
    def losses(seed):
        _, told = run(tuner, make_settings(seed=seed))
        return [(r.train_loss, r.val_loss) for r in told.reports]

    assert losses(0) == losses(0)
    assert losses(0) != losses(1)


def test_preparing_changes_no_result(make_settings):
    from tuner.training.fine_tune import FineTuner

    settings = make_settings()
    prepared = FineTuner()
    prepared.prepare(settings)
    first = run(prepared, settings)[1].reports
    second = run(FineTuner(), settings)[1].reports
    assert [r.val_loss for r in first] == [r.val_loss for r in second]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"devices": 2}, "training.devices is 2, and a trial has 0 GPU here"),
        ({"precision": "float64"}, "training.precision is 'float64'"),
        ({"dropout": 1.0}, "model.dropout is 1.0"),
        ({"batch_size": 0}, "training.batch_size is 0"),
        ({"epochs": 0.0}, "training.epochs is 0.0"),
        (
            {"schedule": {"name": "linear", "warmup_fraction": 2.0}},
            "schedule.warmup_fraction is 2",
        ),
    ],
)
def test_wrong_settings_are_said_before_anything_heavy(tuner, make_settings, wrong, message):
    with pytest.raises(InputError, match=message):
        run(tuner, make_settings(**wrong))
