import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.search.coverage import covering_points
from tuner.search.grid import Grid
from tuner.search.space import (
    Choice,
    Dimension,
    FloatInterval,
    IntInterval,
    SearchSpace,
    contains,
    corners,
    points,
)

OPTIMIZER = Dimension(key="optimizer", domain=Choice(values=("adamw", "sgd")))
MOMENTUM = Dimension(
    key="optimizer.momentum",
    domain=FloatInterval(low=0.5, high=0.9),
    when={"optimizer": ("sgd",)},
)
BATCH = Dimension(key="training.batch_size", domain=IntInterval(low=8, high=24, step=8))


def rate(low, high, optimizer):
    return Dimension(
        key="optimizer.learning_rate",
        name=f"optimizer.learning_rate@optimizer={optimizer}",
        domain=FloatInterval(low=low, high=high, log=True),
        when={"optimizer": (optimizer,)},
    )


BROAD_RATE = Dimension(key="optimizer.learning_rate", domain=FloatInterval(low=0.1, high=1.0))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Choice(values=()), "no values"),
        (lambda: Choice(values=(1, 2, 1.0)), "lists 1.0 twice"),
        (lambda: FloatInterval(low=1.0, high=0.1), r"low \(1.0\) is not below high \(0.1\)"),
        (lambda: FloatInterval(low=0.0, high=1.0, log=True), "starts above 0, this one at 0.0"),
        (lambda: FloatInterval(low=0.0, high=float("inf")), "not finite"),
        (lambda: IntInterval(low=3, high=3), r"low \(3\) is not below high \(3\)"),
        (lambda: IntInterval(low=1, high=4, step=2), "do not meet 4"),
        (lambda: IntInterval(low=1, high=4, step=0), "below 1"),
        (lambda: IntInterval(low=1, high=5, step=2, log=True), "has no step"),
    ],
)
def test_an_impossible_domain_says_why(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize(
    ("dimensions", "message"),
    [
        ([BATCH, BATCH], "training.batch_size is twice in the space"),
        ([MOMENTUM], "depends on optimizer, which is not searched"),
        (
            [
                Dimension(key="a", domain=Choice(values=(1,)), when={"b": (1,)}),
                Dimension(key="b", domain=Choice(values=(1,)), when={"a": (1,)}),
            ],
            "circular: a, b",
        ),
        ([OPTIMIZER, rate(1e-6, 1e-3, "sgd"), BROAD_RATE], "could hold at once"),
    ],
)
def test_dimensions_that_do_not_fit_together_are_refused(dimensions, message):
    with pytest.raises(ValueError, match=message):
        SearchSpace(dimensions)


def test_a_dimension_stands_after_those_it_depends_on():
    assert SearchSpace([MOMENTUM, BATCH, OPTIMIZER]).keys == (
        "training.batch_size",
        "optimizer",
        "optimizer.momentum",
    )


def test_one_key_may_have_a_dimension_for_each_condition():
    space = SearchSpace([OPTIMIZER, rate(1e-6, 1e-3, "adamw"), rate(1e-3, 1e-1, "sgd")])
    assert space.keys == ("optimizer", "optimizer.learning_rate")
    assert space.admits({"optimizer": "sgd", "optimizer.learning_rate": 0.05})
    assert not space.admits({"optimizer": "adamw", "optimizer.learning_rate": 0.05})


def test_a_condition_on_a_key_without_a_value_does_not_hold():
    space = SearchSpace([OPTIMIZER, MOMENTUM])
    assert not space.active(MOMENTUM, {})
    assert not space.active(MOMENTUM, {"optimizer": "adamw"})
    assert space.active(MOMENTUM, {"optimizer": "sgd"})


def test_an_int_is_the_float_it_equals_and_a_bool_is_not():
    assert contains(FloatInterval(low=0.0, high=2.0), 1)
    assert not contains(FloatInterval(low=0.0, high=2.0), True)
    assert not contains(Choice(values=(0, 1)), True)
    assert contains(BATCH.domain, 16)
    assert not contains(BATCH.domain, 12)


def test_the_grid_is_conditional():
    grid = Grid(SearchSpace([OPTIMIZER, MOMENTUM]), 3)
    assert grid.size == 4
    assert list(grid) == [
        {"optimizer": "adamw"},
        {"optimizer": "sgd", "optimizer.momentum": 0.5},
        {"optimizer": "sgd", "optimizer.momentum": pytest.approx(0.7)},
        {"optimizer": "sgd", "optimizer.momentum": 0.9},
    ]


def test_grid_points_are_even_in_their_scale_and_meet_both_ends():
    logarithmic = points(FloatInterval(low=1e-6, high=1e-2, log=True), 5)
    assert logarithmic == pytest.approx((1e-6, 1e-5, 1e-4, 1e-3, 1e-2))
    assert (logarithmic[0], logarithmic[-1]) == (1e-6, 1e-2)
    assert points(BATCH.domain, 2) == (8, 16, 24)
    assert points(IntInterval(low=1, high=64, log=True), 4) == (1, 4, 16, 64)
    assert points(FloatInterval(low=0.0, high=1.0), 1) == (0.5,)


def test_every_point_of_the_grid_is_in_the_space():
    space = SearchSpace(
        [OPTIMIZER, MOMENTUM, BATCH, rate(1e-6, 1e-3, "adamw"), rate(1e-3, 1e-1, "sgd")]
    )
    assert all(space.admits(point) for point in Grid(space, 4))


def test_a_space_survives_storage():
    space = SearchSpace(
        [
            OPTIMIZER,
            MOMENTUM,
            BATCH,
            rate(1e-6, 1e-3, "adamw"),
            rate(1e-3, 1e-1, "sgd"),
            Dimension(key="training.clip_norm", domain=Choice(values=(0.5, None, 1))),
        ]
    )
    assert SearchSpace.from_plain(json.loads(json.dumps(space.to_plain()))) == space


@given(
    options=st.lists(st.text(min_size=1), min_size=1, max_size=4, unique=True),
    bounds=st.tuples(st.integers(-50, 50), st.integers(1, 50)),
)
def test_the_covering_points_meet_every_corner(options, bounds):
    group = Dimension(key="g", domain=Choice(values=tuple(options)))
    number = Dimension(
        key="g.x",
        domain=IntInterval(low=bounds[0], high=bounds[0] + bounds[1]),
        when={"g": (options[-1],)},
    )
    space = SearchSpace([group, number, BATCH])
    samples = list(covering_points(space))
    assert all(space.admits(sample) for sample in samples)
    for dimension in space.dimensions:
        assert set(corners(dimension.domain)) <= {s.get(dimension.key) for s in samples}


def test_the_covering_points_keep_to_a_narrowed_choice():
    narrowed = Dimension(key="optimizer", domain=Choice(values=("adam", "sgd")))
    decay = Dimension(
        key="optimizer.beta_2",
        domain=Choice(values=(0.9, 0.99)),
        when={"optimizer": ("adamw", "adam")},
    )
    space = SearchSpace([narrowed, decay])
    assert all(space.admits(sample) for sample in covering_points(space))


def test_the_part_of_other_values_that_a_space_can_take():
    space = SearchSpace([OPTIMIZER, MOMENTUM, BATCH])
    other = {"optimizer": "sgd", "optimizer.momentum": 0.7, "training.batch_size": 7, "more": 1}
    assert space.within(other) == {"optimizer": "sgd", "optimizer.momentum": 0.7}
    assert space.within({**other, "optimizer": "adamw"}) == {"optimizer": "adamw"}
    assert space.within({**other, "optimizer": "lion"}) == {}
    assert space.within({}) == {}
