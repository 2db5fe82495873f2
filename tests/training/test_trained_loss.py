"""Final loss of a model that learns nothing from the text, and the error of a mean loss."""

import math

import numpy as np
import pytest

from tuner.tasks import Classification
from tuner.tasks.label_weights import class_weights, trained_guess, trained_loss
from tuner.tasks.row_losses import error_within_labels

NUMBERS = np.repeat([0, 1, 2], [77, 17, 6])
NAMES = ("a", "b", "c")
ENTROPY = -sum(f * math.log(f) for f in (0.77, 0.17, 0.06))


def least(weights, smoothing, counts):
    """Logits of the constant guess of least training loss, by gradient descent."""
    labels = len(counts)
    logits, shares = np.zeros(labels), counts / counts.sum()
    for _ in range(20000):
        soft = np.exp(logits) / np.exp(logits).sum()
        # As in tuner.training.loss: (1 - e) w[y] CE[y] + e / K sum of w[k] CE[k].
        targets = (1 - smoothing) * shares * weights + smoothing / labels * weights
        logits -= 0.1 * (soft * targets.sum() - targets)
    return logits - np.log(np.exp(logits).sum())


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.6])
@pytest.mark.parametrize("setting", ["none", "balanced", {"a": 1.0, "b": 2.0, "c": 3.0}])
@pytest.mark.parametrize("oversample", ["none", "balanced"])
def test_it_is_the_guess_of_least_training_loss(smoothing, setting, oversample):
    weights = class_weights(setting, NAMES, NUMBERS, oversample)
    weights = np.ones(3) if weights is None else weights
    found = trained_loss(NUMBERS, NUMBERS, weights, smoothing=smoothing, oversample=oversample)
    counts = np.ones(3) if oversample == "balanced" else np.bincount(NUMBERS)
    reached = -least(weights, smoothing, counts)[NUMBERS].mean()
    assert found == pytest.approx(min(reached, math.log(3)), abs=1e-3)


def test_without_weights_it_is_the_frequencies_and_with_balance_equal_shares():
    assert trained_loss(NUMBERS, NUMBERS, np.ones(3)) == pytest.approx(ENTROPY)
    balanced = class_weights("balanced", NAMES, NUMBERS)
    assert trained_loss(NUMBERS, NUMBERS, balanced) == pytest.approx(math.log(3))


@pytest.mark.parametrize("oversample", ["none", "balanced"])
def test_training_losses_have_the_guess_of_the_rows_that_training_draws(oversample):
    half = np.repeat([0, 1, 2], [10, 10, 0])
    plain = Classification().baseline(NUMBERS, half, 3)
    assert plain.training_baseline == pytest.approx(ENTROPY)
    found = trained_guess(plain, NUMBERS, half, np.ones(3), oversample=oversample)
    drawn = math.log(3) if oversample == "balanced" else ENTROPY
    other = min(math.log(3), -(math.log(0.77) + math.log(0.17)) / 2)
    assert found.training_baseline == pytest.approx(drawn)
    assert found.baseline == pytest.approx(math.log(3) if oversample == "balanced" else other)
    assert found.untrained_loss == pytest.approx(math.log(3))


def test_a_label_that_weighs_nothing_costs_no_more_than_equal_shares():
    assert trained_loss(NUMBERS, NUMBERS, np.array([1.0, 1.0, 0.0])) == pytest.approx(math.log(3))


def test_what_a_guess_loses_to_a_rare_label_is_no_noise():
    constant = np.array([0.26, 1.77, 2.81])[NUMBERS]
    assert error_within_labels(constant, NUMBERS) == pytest.approx(0.0, abs=1e-12)


def test_the_error_is_that_of_rows_drawn_label_by_label():
    rng, counts = np.random.default_rng(1), (40, 20, 4)
    labels = np.repeat(range(3), counts)
    drawn = [
        np.concatenate([rng.normal(k, 0.2 + k, count) for k, count in enumerate(counts)])
        for _ in range(4000)
    ]
    means = [losses.mean() for losses in drawn]
    found = np.mean([error_within_labels(losses, labels) ** 2 for losses in drawn]) ** 0.5
    assert found == pytest.approx(np.std(means), rel=0.05)


def test_labels_of_a_single_row_have_the_variance_of_the_others():
    assert error_within_labels(np.array([0.1, 0.3, 2.0]), np.array([0, 0, 1])) == pytest.approx(
        math.sqrt(3 * 0.02) / 3
    )
    assert error_within_labels(np.array([0.1, 0.3]), np.array([0, 1])) is None
