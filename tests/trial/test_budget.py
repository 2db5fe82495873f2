import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.trial.budget import EVALUATION_COST, Budget, interim_rows, may_prune


def budget(examples=100, batch=32, epochs=2.0, evaluations=4):
    return Budget(
        train_examples=examples, effective_batch=batch, epochs=epochs, evaluations=evaluations
    )


def test_every_epoch_ends_with_a_smaller_update():
    it = budget()
    assert it.total_examples == 200
    assert it.total_updates == 8
    assert [it.examples_after(u) for u in range(1, 9)] == [32, 64, 96, 100, 132, 164, 196, 200]


def test_a_fraction_ends_within_its_last_pass():
    it = budget(epochs=1.5)
    assert it.total_examples == 150
    assert it.total_updates == 6
    assert [it.examples_after(u) for u in range(4, 7)] == [100, 132, 150]
    assert budget(epochs=0.001).total_updates == 1


def test_points_are_due_at_the_first_update_that_reaches_their_share():
    it = budget()
    due = {u: it.point_due(u) for u in range(1, 9)}
    assert due == {1: None, 2: 1, 3: None, 4: 2, 5: None, 6: 3, 7: None, 8: 4}


def test_of_several_points_that_one_update_reaches_the_last_is_due():
    assert budget(batch=100, epochs=1.0).point_due(1) == 4
    it = budget(batch=50, epochs=2.0, evaluations=1_000_000)
    assert [it.point_due(u) for u in range(1, 5)] == [250_000, 500_000, 750_000, 1_000_000]
    assert it.most_evaluations == 4


def test_rows_of_an_evaluation_depend_on_how_many_there_are():
    """Two updates are evaluated twice, whether 2 or 1000 evaluations are asked for."""
    asked = [budget(batch=100, epochs=2.0, evaluations=count) for count in (2, 1000)]
    assert len({interim_rows(it, 5000, 0.95) for it in asked}) == 1
    assert interim_rows(asked[1], 5000, 0.95) > 64


def test_an_example_of_several_windows_costs_each_of_them():
    """The share of a trial's time is kept, and no window is evaluated for free."""
    it, share = budget(examples=8000, epochs=3.0, evaluations=5), 0.25
    for windows in (1.0, 2.0, 2.5):
        count = interim_rows(it, 5000, share, windows)
        cost = EVALUATION_COST * windows * (4 * count + 5000)
        assert cost / (cost + it.total_examples) == pytest.approx(share, rel=1e-3)
    assert interim_rows(it, 5000, share) == interim_rows(it, 5000, share, 1.0)


budgets = st.builds(
    Budget,
    train_examples=st.integers(1, 500),
    effective_batch=st.integers(1, 600),
    epochs=st.floats(0.01, 5.0),
    evaluations=st.integers(1, 20),
)


@given(budgets)
def test_points_come_in_order_and_the_last_at_the_end(it):
    due = [it.point_due(u) for u in range(1, it.total_updates + 1)]
    points = [point for point in due if point is not None]
    assert points == sorted(set(points))
    assert set(points) <= set(range(1, it.evaluations + 1))
    assert points[-1] == it.evaluations
    assert len(points) <= it.most_evaluations
    assert it.examples_after(it.total_updates) == it.total_examples
    assert it.examples_after(it.total_updates - 1) < it.total_examples


@pytest.mark.parametrize(
    ("point", "warmup", "expected"),
    [(1, 0.0, False), (2, 0.0, False), (3, 0.0, True), (3, 0.3, False), (10, 0.0, False)],
)
def test_pruning_waits_for_warmup_and_a_share_of_the_budget(point, warmup, expected):
    assert may_prune(point, 10, warmup) is expected
