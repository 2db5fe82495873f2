import math

import pytest

from tests.records import outcome
from tests.studies import DEFAULTS, OPTIMIZER, SPACE, complete
from tuner.search.space import Dimension, FloatInterval, SearchSpace
from tuner.trial.records import TrialState


def run_trials(study, count, score):
    for _ in range(count):
        asked = study.claim(None)
        value = score(asked.parameters)
        study.finish(outcome(asked.number, value=value, parameters=asked.parameters))


def test_importances_find_what_decides_and_leave_chance_at_0(open_study):
    study = open_study()
    run_trials(study, 30, lambda p: -abs(math.log10(p["optimizer.learning_rate"]) + 5))
    found = study.importances()
    assert next(iter(found)) == "optimizer.learning_rate"
    assert sum(found.values()) == pytest.approx(1.0)
    assert found["optimizer.momentum"] == 0.0
    assert study.importances() == found


def test_importances_add_up_over_the_dimensions_of_a_key(open_study):
    rates = [
        Dimension(
            key="optimizer.learning_rate",
            name=f"optimizer.learning_rate@optimizer={name}",
            domain=FloatInterval(low=low, high=100 * low, log=True),
            when={"optimizer": (name,)},
        )
        for name, low in (("adamw", 1e-6), ("sgd", 1e-3))
    ]
    study = open_study(space=SearchSpace([OPTIMIZER, *rates]))
    middle = {"adamw": 1e-5, "sgd": 1e-2}
    run_trials(
        study,
        40,
        lambda p: -abs(math.log(p["optimizer.learning_rate"] / middle[p["optimizer"]])),
    )
    found = study.importances()
    assert set(found) == {"optimizer", "optimizer.learning_rate"}
    assert next(iter(found)) == "optimizer.learning_rate"


@pytest.mark.parametrize("values", [[], [0.7], [0.7, 0.7, 0.7]])
def test_without_a_difference_nothing_is_important(open_study, values):
    study = open_study()
    for value in values:
        complete(study, value)
    study.finish(outcome(study.claim(None).number, TrialState.PRUNED))
    assert study.importances() == {}


def test_importances_take_a_default_outside_the_space(open_study):
    study = open_study(defaults=DEFAULTS | {"optimizer.learning_rate": 0.5})
    for value in (0.9, 0.5, 0.6):
        complete(study, value)
    assert set(study.importances()) <= set(SPACE.keys)
