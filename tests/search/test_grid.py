import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.search.test_space import BATCH, MOMENTUM, OPTIMIZER, rate
from tuner.search.grid import Grid, Shuffled, is_finite
from tuner.search.space import Choice, Dimension, FloatInterval, IntInterval, SearchSpace


def in_turn(space):
    """The same grid by brute force: every dimension after the other."""
    found = [{}]
    for dimension in space.dimensions:
        domain = dimension.domain
        values = (
            domain.values if isinstance(domain, Choice) else range(domain.low, domain.high + 1)
        )
        found = [
            {**point, dimension.key: value} if value is not None else point
            for point in found
            for value in (values if space.active(dimension, point) else [None])
        ]
    return found


@given(
    options=st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4, unique=True),
    allowed=st.lists(st.sampled_from("abcdef"), min_size=1, max_size=3, unique=True),
    depths=st.lists(st.integers(1, 9), min_size=1, max_size=3, unique=True),
)
def test_the_points_are_those_of_the_dimensions_in_turn(options, allowed, depths):
    space = SearchSpace(
        [
            Dimension(key="g", domain=Choice(values=tuple(options))),
            Dimension(key="g.n", domain=IntInterval(low=1, high=7), when={"g": tuple(allowed)}),
            Dimension(
                key="g.deep",
                domain=Choice(values=(1, 2)),
                when={"g.n": tuple(depths), "g": tuple(options[:1])},
            ),
            Dimension(key="last", domain=Choice(values=("x", "y"))),
        ]
    )
    grid = Grid(space)
    assert list(grid) == in_turn(space)
    assert grid.size == len(list(grid))


def test_a_point_of_a_grid_beyond_memory_is_there_at_once():
    numbers = [
        Dimension(key=f"k{number}", domain=IntInterval(low=0, high=10**6)) for number in range(6)
    ]
    space = SearchSpace([OPTIMIZER, *numbers])
    grid = Grid(space)
    assert grid.size == 2 * (10**6 + 1) ** 6
    order = Shuffled(grid.size, seed=3)
    found = [grid.point(order[place]) for place in range(100)]
    assert all(space.admits(point) for point in found)
    assert len({tuple(point.values()) for point in found}) == 100


def test_a_logarithmic_range_has_all_its_values_where_none_may_be_left_out():
    space = SearchSpace([Dimension(key="k", domain=IntInterval(low=1, high=9, log=True))])
    assert [point["k"] for point in Grid(space)] == list(range(1, 10))
    assert [point["k"] for point in Grid(space, 3)] == [1, 3, 9]


def test_an_interval_of_real_numbers_is_finite_with_points_alone():
    space = SearchSpace([OPTIMIZER, MOMENTUM, rate(1e-3, 1e-1, "sgd")])
    assert not is_finite(space)
    assert is_finite(SearchSpace([OPTIMIZER, BATCH]))
    with pytest.raises(ValueError, match="real numbers"):
        Grid(space)
    with pytest.raises(ValueError, match="1 or more"):
        Grid(space, 0)
    assert Grid(space, 75).size == 1 + 75 * 75


@given(size=st.integers(1, 3000), seed=st.integers(0, 2**32))
def test_every_number_is_met_once_in_an_order_of_its_own(size, seed):
    order = Shuffled(size, seed)
    found = [order[place] for place in range(size)]
    assert sorted(found) == list(range(size))
    assert found == [Shuffled(size, seed)[place] for place in range(size)]
    if size > 100:
        assert found != [Shuffled(size, seed + 1)[place] for place in range(size)]


def test_the_first_points_of_a_grid_are_spread_over_it():
    space = SearchSpace(
        [
            Dimension(key="k", domain=FloatInterval(low=0.0, high=1.0)),
            Dimension(key="l", domain=FloatInterval(low=0.0, high=1.0)),
        ]
    )
    grid = Grid(space, 75)
    order = Shuffled(grid.size, seed=0)
    first = [grid.point(order[place]) for place in range(60)]
    for key in ("k", "l"):
        counts = [sum(low <= point[key] < low + 0.25 for point in first) for low in (0, 0.25, 0.5)]
        assert min(counts) >= 5
