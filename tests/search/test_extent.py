import pytest

from tests.search.test_space import BATCH, MOMENTUM, OPTIMIZER, rate
from tuner.search.extent import most_trials, search_lines
from tuner.search.modelled import modelled, sampler_line
from tuner.search.space import Choice, Dimension, FloatInterval, SearchSpace

FIXED = Dimension(key="schedule", domain=Choice(values=("linear",)))
DROPOUT = Dimension(key="model.dropout", domain=FloatInterval(low=0.0, high=0.5))
SPACE = SearchSpace([OPTIMIZER, MOMENTUM, BATCH, rate(1e-3, 1e-1, "sgd"), FIXED, DROPOUT])
FINITE = SearchSpace([OPTIMIZER, BATCH])
INSIDE = {"optimizer": "adamw", "training.batch_size": 16}
GRID = {"name": "grid", "points_per_interval": 3}


@pytest.mark.parametrize(
    ("sampler", "keys"),
    [
        ("gp", ["optimizer", "training.batch_size", "model.dropout"]),
        ("nsgaii", ["optimizer", "training.batch_size", "model.dropout"]),
        ("qmc", ["optimizer", "training.batch_size", "model.dropout"]),
        ("cmaes", ["training.batch_size", "model.dropout"]),
    ],
)
def test_the_keys_that_a_sampler_does_not_model_are_named(sampler, keys):
    assert [dimension.key for dimension in modelled(sampler, SPACE)] == keys
    line = sampler_line({"name": sampler}, SPACE)
    left, _, instead = line.partition("only;")
    assert all(key in left for key in keys)
    assert "optimizer.momentum" in instead
    assert "optimizer.learning_rate" in instead
    assert ("choices: optimizer" in instead) is (sampler == "cmaes")
    assert "schedule" not in line
    assert "sampler=tpe" in line


@pytest.mark.parametrize(
    "sampler",
    [
        {"name": "random"},
        GRID,
        {"name": "tpe", "multivariate": True, "group": True},
        {"name": "tpe", "multivariate": False, "group": False},
    ],
)
def test_a_sampler_that_models_every_key_or_none_has_nothing_to_tell(sampler):
    assert sampler_line(sampler, SPACE) == ""


def test_conditional_keys_are_named_where_tpe_models_them_alone():
    line = sampler_line({"name": "tpe", "multivariate": True, "group": False}, SPACE)
    assert "optimizer.momentum, optimizer.learning_rate" in line
    assert sampler_line({"name": "tpe", "multivariate": True, "group": False}, FINITE) == ""


def test_a_space_of_choices_leaves_cma_es_nothing():
    line = sampler_line({"name": "cmaes"}, SearchSpace([OPTIMIZER, MOMENTUM]))
    assert "models no key of this space" in line


def test_how_many_trials_a_space_has():
    tpe = {"name": "tpe"}
    assert most_trials(FINITE, tpe, INSIDE, []) == 6
    assert most_trials(FINITE, tpe, INSIDE | {"training.batch_size": 7}, []) == 7
    assert most_trials(FINITE, tpe, INSIDE | {"training.batch_size": 16.0}, []) == 6
    assert most_trials(SPACE, tpe, INSIDE, []) is None
    interval = SearchSpace([DROPOUT])
    assert most_trials(interval, GRID, {"model.dropout": 0.25}, [{"model.dropout": 0.1}]) == 4


def test_the_size_of_a_grid_and_what_the_total_covers_are_told():
    grid = search_lines(FINITE, GRID, INSIDE, 4)
    assert "6 points" in grid[0]
    assert "sweep.n_trials=4 covers 4 of them; sweep.n_trials=6 covers all" in grid[1]
    outside = search_lines(FINITE, GRID, INSIDE | {"optimizer": "lion"}, 4)
    assert "covers 3 of them; sweep.n_trials=7" in outside[1]
    assert len(search_lines(FINITE, GRID, INSIDE, 6)) == 1
    assert "after 6 trials at most" in search_lines(FINITE, GRID, INSIDE, 8)[1]
    assert "after 6 trials at most" in search_lines(FINITE, {"name": "tpe"}, INSIDE, 8)[0]
    assert search_lines(FINITE, {"name": "tpe"}, INSIDE, 6) == []
    assert search_lines(SPACE, {"name": "random"}, INSIDE, 6) == []
