import math

import pytest

from tuner.diagnosis.divergence_detector import WINDOW, DivergenceDetector


def seen(losses, norms=None, factor=3.0, constant=0.7):
    watch = DivergenceDetector(constant, factor)
    for number, loss in enumerate(losses, start=1):
        norm = 1.0 if norms is None else norms[number - 1]
        told = watch.update([loss], [norm], number)
        if told:
            return number, told
    return None


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_is_seen_at_once(bad):
    number, told = seen([0.7] * 30 + [bad])
    assert (number, told) == (31, f"train_loss is {bad} at update 31")


def test_a_gradient_that_is_no_number_is_seen_at_once():
    assert seen([0.7, 0.7], [1.0, math.nan]) == (2, "grad_norm is nan at update 2")


def test_a_skipped_update_is_no_divergence():
    assert seen([0.7] * 60, [None] * 60) is None


def test_a_blown_up_loss_is_seen_within_fifty_updates():
    number, told = seen([0.6] * 40 + [8.0] * 60)
    assert 40 < number <= 40 + WINDOW < 90
    assert told.startswith("train_loss ")
    assert "above 2.1" in told


def test_a_single_hard_batch_and_a_spike_that_passes_are_none():
    assert seen([0.6] * 40 + [15.0] + [0.6] * 40) is None
    assert seen([3.0] * 5 + [0.7] * 60) is None


def test_updates_looked_at_together_are_counted_from_the_first():
    watch = DivergenceDetector(0.7, 3.0)
    assert watch.update([0.7] * 50, [1.0] * 50, 50) == ""
    losses = [0.7, 0.7, math.nan, *[0.7] * 47]
    assert watch.update(losses, [1.0] * 50, 100) == "train_loss is nan at update 53"


def test_it_can_be_turned_off_but_not_for_nan():
    assert seen([100.0] * 60, factor=math.inf) is None
    assert seen([100.0, math.nan], factor=math.inf) is not None
