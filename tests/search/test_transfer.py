import pytest

from tuner.search.space import Choice, Dimension, FloatInterval, IntInterval, SearchSpace
from tuner.search.transfer import transfer_point

SPACE = SearchSpace(
    [
        Dimension(key="optimizer", domain=Choice(values=("adamw", "sgd"))),
        Dimension(
            key="optimizer.momentum",
            domain=FloatInterval(low=0.5, high=0.99),
            when={"optimizer": ("sgd",)},
        ),
        Dimension(
            key="optimizer.weight_decay",
            domain=Choice(values=(0.0, 0.01)),
            when={"optimizer": ("adamw",)},
        ),
        Dimension(key="training.epochs", domain=IntInterval(low=1, high=8)),
        Dimension(key="training.clip_norm", domain=Choice(values=(None, 1.0))),
    ]
)
UNTUNED = {
    "optimizer": "adamw",
    "optimizer.learning_rate": 1e-4,
    "training.seed": 0,
    "training.save_state": "never",
    "data.train": "mine.csv",
    "model.checkpoint": "mine",
    "model.max_length": 128,
}
FULL = {"optimizer": "sgd", "optimizer.momentum": 0.9, "training.epochs": 4.0}


def test_what_the_space_has_is_carried_over_as_the_space_writes_it():
    found = transfer_point(SPACE, FULL | {"training.clip_norm": None}, UNTUNED)
    assert found.point == FULL | {"training.epochs": 4, "training.clip_norm": None}
    assert type(found.point["training.epochs"]) is int
    assert (found.dropped, found.unsearched) == ((), ())


@pytest.mark.parametrize(
    ("changed", "dropped"),
    [
        ({"training.epochs": 9.0}, {"training.epochs": 9.0}),
        ({"training.epochs": 4.5}, {"training.epochs": 4.5}),
        ({"training.clip_norm": 2.0}, {"training.clip_norm": 2.0}),
        ({"optimizer.momentum": 0.3}, {"optimizer.momentum": 0.3}),
        ({"optimizer": "lion"}, {"optimizer": "lion", "optimizer.momentum": 0.9}),
    ],
)
def test_what_the_space_does_not_have_is_named_by_key_and_value(changed, dropped):
    found = transfer_point(SPACE, FULL | changed, UNTUNED)
    assert {each.key: each.value for each in found.dropped} == dropped
    assert not set(dropped) & set(found.point)
    assert all(each.domain or each.parent == "optimizer" for each in found.dropped)


def test_a_key_that_does_not_apply_there_is_not_missed():
    values = FULL | {"optimizer": "adamw", "optimizer.momentum": 0.9}
    assert transfer_point(SPACE, values, UNTUNED).dropped == ()


def test_what_is_not_searched_and_has_another_value_is_named():
    values = FULL | {
        "optimizer.learning_rate": "1e-3",
        "training.seed": 0.0,
        "training.save_state": "always",
        "data.train": "theirs.csv",
        "model.checkpoint": "theirs",
        "model.max_length": 64,
        "convergence.patience": 3,
    }
    found = transfer_point(SPACE, values, UNTUNED).unsearched
    assert {each.key: (each.value, each.instead) for each in found} == {
        "model.max_length": (64, 128),
        "optimizer.learning_rate": ("1e-3", 1e-4),
    }
