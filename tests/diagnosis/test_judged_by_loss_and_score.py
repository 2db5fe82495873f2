"""Learning is judged by loss and score, each against its own chance."""

import random
from dataclasses import replace

import pytest

from tests.components import make_optimizer
from tests.diagnosis.test_diagnosis import curve
from tests.records import report, settings
from tuner.diagnosis import diagnose, judge
from tuner.diagnosis.divergence_detector import WINDOW, DivergenceDetector
from tuner.tasks import Baseline
from tuner.tasks.association import association
from tuner.tasks.confusion import accuracy, majority_share
from tuner.trial.records import Convergence, Decision, FixedRows

SEVEN = Baseline(score=1 / 7, loss=1.946, labels=7, trained_loss=1.946)
UNEVEN = Baseline(score=0.77, loss=0.674, labels=3, trained_loss=0.674)
TEN = range(1, 11)


def scored(confusion, loss, error=0.09, within=0.05):
    """The fixed rows of a report."""
    return FixedRows(
        examples=sum(map(sum, confusion)),
        loss=loss,
        loss_error=error,
        score=accuracy(confusion),
        majority_share=majority_share(confusion),
        association=association(confusion),
        error_within_strata=within,
    )


def with_right(right, labels, rows):
    """A confusion matrix of balanced labels with so many rows right and the others spread out."""
    confusion = [[0] * labels for _ in range(labels)]
    for row in range(rows):
        true = row % labels
        guessed = true if row < right else (true + 1 + row // labels % (labels - 1)) % labels
        confusion[true][guessed] += 1
    return confusion


def flat(confusion, loss, guess, rate=2e-5):
    """Ten points with the same predictions and a loss that hardly moves."""
    reports = [
        report(
            k, 10, val_loss=loss, train_loss=loss, fixed=scored(confusion, loss),
            metrics={"val_accuracy": accuracy(confusion), "val_macro_f1": 0.1, "val_mcc": 0.1},
        )
        for k in TEN
    ]  # fmt: skip
    base = settings()
    return reports, replace(base, optimizer=replace(base.optimizer, learning_rate=rate))


def test_seven_labels_on_64_rows_are_judged_by_their_own_chance():
    confusion = with_right(21, 7, 64)
    assert accuracy(confusion) == pytest.approx(0.328, abs=1e-3)
    reports, configured = flat(confusion, 1.9, SEVEN)
    assert diagnose(reports, SEVEN, configured).status is not Convergence.NOT_LEARNING
    assert judge(reports[:6], SEVEN, configured) is not Decision.STOP


@pytest.mark.parametrize(
    ("labels", "rows", "by_chance", "learned"),
    [(2, 64, 39, 46), (7, 64, 13, 21), (20, 64, 6, 12), (77, 154, 5, 10), (2, 1000, 530, 560)],
)
def test_what_counts_as_learning_follows_labels_and_rows(labels, rows, by_chance, learned):
    guess = Baseline(score=1 / labels, loss=4.0, labels=labels, trained_loss=4.0)
    for right, status in ((by_chance, True), (learned, False)):
        reports, configured = flat(with_right(right, labels, rows), 4.0, guess)
        found = diagnose(reports, guess, configured).status
        assert (found is Convergence.NOT_LEARNING) == status, (right, found)


def uneven(val, train, rate, rows=(49, 11, 4)):
    """Three labels, all rows predicted as the most frequent one."""
    confusion = [[count, 0, 0] for count in rows]
    reports = [
        report(
            k, len(val), val_loss=loss, train_loss=trained, majority_share=1.0,
            fixed=scored(confusion, loss),
            metrics={"val_accuracy": 49 / 64, "val_macro_f1": 0.29, "val_mcc": 0.0},
        )
        for k, (loss, trained) in enumerate(zip(val, train, strict=True), start=1)
    ]  # fmt: skip
    base = settings()
    return reports, replace(base, optimizer=replace(base.optimizer, learning_rate=rate))


def test_a_rate_that_hardly_moves_an_uneven_head_is_raised():
    train = [1.107 - 0.0006 * k for k in TEN]
    reports, configured = uneven([1.105 - 0.0006 * k for k in TEN], train, 1.8e-6)
    found = diagnose(reports, UNEVEN, configured)
    assert found.status is Convergence.NOT_LEARNING
    assert found.advice.startswith("optimizer.learning_rate: 2e-6 → try 5e-5")


@pytest.mark.parametrize("optimizer", ["adamw", "lion", "rmsprop", "sgd", "adafactor"])
def test_the_same_holds_of_every_optimizer(optimizer):
    train = [1.107 - 0.0006 * k for k in TEN]
    reports, configured = uneven([1.105 - 0.0006 * k for k in TEN], train, 1e-7)
    configured = replace(
        configured, optimizer=make_optimizer({"name": optimizer, "learning_rate": 1e-7})
    )
    (rate,) = [
        line
        for line in diagnose(reports, UNEVEN, configured).advice.split("; ")
        if line.startswith("optimizer.learning_rate")
    ]
    assert float(rate.partition(" → try ")[2]) > 1e-7


def test_a_loss_well_below_the_constant_guesss_is_learning_whatever_is_predicted():
    val = [1.02 - 0.0511 * (k - 1) for k in TEN]
    assert val[-1] == pytest.approx(0.56, abs=1e-3)
    reports, configured = uneven(val, val, 3e-5)
    assert diagnose(reports, UNEVEN, configured).status is Convergence.IMPROVING
    assert all(
        judge(reports[:seen], UNEVEN, configured) is not Decision.STOP for seen in range(1, 11)
    )


def test_a_loss_that_fell_below_the_guesss_and_rests_there_has_learned():
    val = [1.02, 0.8, 0.66, *[0.56] * 7]
    reports, configured = uneven(val, val, 3e-5)
    assert diagnose(reports, UNEVEN, configured).status is not Convergence.NOT_LEARNING


def test_a_loss_that_comes_to_rest_at_the_guesss_has_not():
    val = [1.02, 0.8, 0.69, *[0.672] * 7]
    reports, configured = uneven(val, val, 3e-5)
    assert diagnose(reports, UNEVEN, configured).status is Convergence.NOT_LEARNING


def test_few_rows_that_prove_nothing_alone_do_not_hide_what_both_losses_show():
    few = [[4, 0], [2, 2]]
    losses = [0.69, 0.62, 0.5, 0.4, *[0.3] * 6]
    guess = Baseline(score=0.5, loss=0.693, labels=2, trained_loss=0.693)
    reports = [
        report(k, 10, val_loss=loss, train_loss=loss, fixed=scored(few, loss, 0.25, 0.25))
        for k, loss in enumerate(losses, start=1)
    ]
    assert diagnose(reports, guess, settings()).status is not Convergence.NOT_LEARNING
    # Known by heart: the training loss alone falls.
    known = [replace(r, fixed=scored(few, 0.75, 0.25, 0.25), val_loss=0.75) for r in reports]
    assert diagnose(known, guess, settings()).status is Convergence.OVERFITTING


def test_class_weights_are_held_against_the_guess_that_they_lead_to():
    """Plain cross-entropy stays above the frequencies' 0.325, and yet the model learns."""
    weighted = Baseline(score=0.9, loss=0.325, labels=2, trained_loss=0.693)
    losses = [0.69, 0.62, 0.55, 0.5, *[0.46] * 6]
    reports = curve(losses, 0.8, [0.9 * loss for loss in losses])
    reports = [
        replace(
            r, fixed=replace(r.fixed, association=1.0, loss_error=0.05, error_within_strata=0.05)
        )
        for r in reports
    ]
    assert diagnose(reports, weighted, settings()).status is Convergence.CONVERGED
    plain = replace(weighted, trained_loss=0.325)
    assert diagnose(reports, plain, settings()).status is Convergence.NOT_LEARNING


def test_an_untrained_head_on_very_uneven_labels_has_not_blown_up():
    guess = Baseline(score=0.97, loss=0.135, labels=2, trained_loss=0.135)
    watch = DivergenceDetector(guess.untrained_loss, 3.0)
    assert watch.update([0.71] * 60, [1.0] * 60, 60) == ""
    assert watch.update([2.5] * WINDOW, [1.0] * WINDOW, 60 + WINDOW)
    slow = curve([0.70 - 0.001 * k for k in TEN], 0.97)
    found = diagnose(slow, guess, replace(settings(), optimizer=make_optimizer({
        "name": "adamw", "learning_rate": 1e-6,
    })))  # fmt: skip
    assert found.status is not Convergence.DIVERGED
    assert "optimizer.learning_rate: 1e-6 → try 5e-5" in found.advice


HEADS = ([1.95, 1.9, 1.7, 1.4, 1.1], [1.95, 1.94, 1.9, 1.8, 1.5], [1.9, 1.5, 1.2, 1.0, 0.9])


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("rows", [64, 400])
@pytest.mark.parametrize(
    ("tail", "status"),
    [
        ([0.81, 0.44, 0.36, 0.33, 0.31], Convergence.IMPROVING),
        ([0.81, 0.6, 0.48, 0.4, 0.34], Convergence.IMPROVING),
        ([0.81, 0.44, 0.36, 0.355, 0.355], Convergence.CONVERGED),
        ([0.81, 0.44, 0.43, 0.44, 0.435], Convergence.CONVERGED),
        ([0.44, 0.43, 0.44, 0.435, 0.44], Convergence.CONVERGED),
    ],
)
def test_levelling_off_is_no_noise_and_no_fall(head, rows, tail, status):
    losses = head + tail
    reports = curve(losses, 0.85, [0.95 * x for x in losses], validation_examples=rows)
    found = diagnose(reports, SEVEN, settings())
    assert found.status is status
    assert "of little account" not in found.reason
    assert f"{losses[-1]:.3f}" in found.reason


def test_five_points_that_fall_at_every_one_still_improve():
    losses = [0.81, 0.44, 0.36, 0.33, 0.31]
    found = diagnose(curve(losses, 0.85), SEVEN, settings())
    assert found.status is Convergence.IMPROVING
    assert "from 0.360 at point 3 to 0.310" in found.reason


@pytest.mark.parametrize("seed", range(8))
def test_a_word_does_not_depend_on_the_number_of_labels_alone(seed):
    """Random predictions of any number of labels are not learning, at the level of the tests."""
    chance = random.Random(seed)  # noqa: S311
    for labels in (2, 5, 20):
        guess = Baseline(score=1 / labels, loss=3.0, labels=labels, trained_loss=3.0)
        reports = []
        for k in TEN:
            confusion = [[0] * labels for _ in range(labels)]
            for row in range(100):
                confusion[row % labels][chance.randrange(labels)] += 1
            reports.append(
                report(k, 10, val_loss=3.0, train_loss=3.0, fixed=scored(confusion, 3.0))
            )
        assert diagnose(reports, guess, settings()).status is Convergence.NOT_LEARNING
