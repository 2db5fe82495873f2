"""Configurations from the papers of a model's family, as first trials."""

import pytest

from tuner.search.literature import points_of, published_rates
from tuner.search.space import Choice, Dimension, FloatInterval, SearchSpace

RATE = Dimension(
    key="optimizer.learning_rate", domain=FloatInterval(low=1e-6, high=1e-3, log=True)
)
BERT = published_rates("Devlin 2019", 0.1, (2e-5, 32), (3e-5, 16))
BATCH = Dimension(key="training.batch_size", domain=Choice(values=(8, 16)))


def test_a_space_takes_what_it_has_and_leaves_the_rest_to_the_sampler():
    points = points_of(BERT, SearchSpace([RATE, BATCH]), "adamw", 20)
    assert points == [
        {"optimizer.learning_rate": 2e-5},  # Its batch of 32 is not searched.
        {"optimizer.learning_rate": 3e-5, "training.batch_size": 16},
    ]


def test_a_point_whose_rate_is_not_searched_is_none():
    assert points_of(BERT, SearchSpace([BATCH]), "adamw", 20) == []
    high = Dimension(key=RATE.key, domain=FloatInterval(low=1e-3, high=1e-1, log=True))
    assert points_of(BERT, SearchSpace([high]), "adamw", 20) == []


@pytest.mark.parametrize(("n_trials", "expected"), [(2, 0), (4, 1), (14, 2)])
def test_they_are_a_quarter_of_the_trials_at_most(n_trials, expected):
    assert len(points_of(BERT, SearchSpace([RATE]), "adamw", n_trials)) == expected


def test_rates_of_adamw_are_for_adamw_alone():
    found = BERT
    assert points_of(found, SearchSpace([RATE]), "sgd", 20) == []
    others = Dimension(key="optimizer", domain=Choice(values=("sgd", "adafactor")))
    assert points_of(found, SearchSpace([others, RATE]), "adamw", 20) == []
    all_ = Dimension(key="optimizer", domain=Choice(values=("sgd", "adamw")))
    taken = points_of(found, SearchSpace([all_, RATE]), "sgd", 20)
    assert [point["optimizer"] for point in taken] == ["adamw", "adamw"]


def test_a_search_over_models_takes_no_familys_rates():
    model = Dimension(key="model", domain=Choice(values=("bert_base", "roberta_base")))
    assert points_of(BERT, SearchSpace([model, RATE]), "adamw", 20) == []
    dropout = Dimension(key="model.dropout", domain=FloatInterval(low=0.0, high=0.3))
    assert points_of(BERT, SearchSpace([dropout, RATE]), "adamw", 20)
