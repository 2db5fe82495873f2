import math
import random
from dataclasses import replace

import pytest

from tests.records import GUESS, report, settings
from tuner.diagnosis import judge
from tuner.settings.settings import ConvergenceSettings, TrialSettings
from tuner.trial.records import Decision


def with_thresholds(**thresholds) -> TrialSettings:
    return replace(settings(), convergence=ConvergenceSettings(**thresholds))


def answers(losses, training, accuracy, *, points=10, given=None):
    """Decision after each point of a curve."""
    reports, said = [], []
    for point, (loss, trained) in enumerate(zip(losses, training, strict=True), start=1):
        reports.append(
            report(point, points, val_loss=loss, train_loss=trained, val_accuracy=accuracy)
        )
        said.append(judge(reports, GUESS, given or settings()))
    return said


FLAT = [0.70, 0.695, 0.69, 0.693, 0.692, 0.694, 0.693, 0.692, 0.693, 0.693]


def test_what_does_not_learn_is_stopped_after_its_patience_and_not_before():
    said = answers(FLAT, FLAT, 0.5)
    assert said[:5] == [Decision.CONTINUE] * 5  # half of what follows the warm-up is at 0.55
    assert said[5] is Decision.STOP


def test_patience_is_a_share_of_the_budget():
    said = answers(FLAT, FLAT, 0.5, given=with_thresholds(not_learning_patience=0.8))
    assert said.index(Decision.STOP) == 8
    said = answers(FLAT, FLAT, 0.5, given=with_thresholds(not_learning_patience=None))
    assert Decision.STOP not in said


def test_what_begins_late_to_learn_goes_on():
    losses = [0.70, 0.69, 0.69, 0.68, 0.66, 0.62, 0.57, 0.52, 0.47, 0.42]
    assert set(answers(losses, losses, 0.5)) == {Decision.CONTINUE}


LEVEL = [0.5, 0.3, 0.21, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2]
KNOWN = [0.55, 0.3, 0.11, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]


def test_what_has_converged_ends_with_its_score():
    said = answers(LEVEL, KNOWN, 0.93)
    assert said[:5] == [Decision.CONTINUE] * 5
    assert Decision.FINISH_EARLY in said[5:9]
    assert (
        answers(LEVEL, KNOWN, 0.93, given=with_thresholds(converged_patience=None))
        == [Decision.CONTINUE] * 10
    )


def test_at_the_last_point_there_is_nothing_to_stop():
    assert answers(LEVEL, KNOWN, 0.93)[-1] is Decision.CONTINUE
    assert answers(FLAT, FLAT, 0.5)[-1] is Decision.CONTINUE


@pytest.mark.parametrize("seed", range(5))
def test_noise_that_could_hide_a_fall_is_no_convergence(seed):
    chance = random.Random(seed)  # noqa: S311
    losses = [0.3 + chance.gauss(0.0, 0.05) for _ in range(10)]
    training = [0.3 - 0.01 * i for i in range(10)]
    assert Decision.FINISH_EARLY not in answers(losses, training, 0.85)


def test_while_the_training_loss_falls_the_validation_loss_may_still_move():
    training = [0.6 * math.exp(-0.2 * i) for i in range(10)]
    assert Decision.FINISH_EARLY not in answers(LEVEL, training, 0.93)
