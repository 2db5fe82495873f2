import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.training.batches import epoch_updates, micro_batches, updates
from tuner.trial.budget import Budget


def lengths(rows, seed=0):
    return np.random.default_rng(seed).integers(3, 60, rows)


def budget(rows, batch, epochs=1.0):
    return Budget(train_examples=rows, effective_batch=batch, epochs=epochs, evaluations=1)


@given(
    rows=st.integers(1, 300), batch=st.integers(1, 80), epochs=st.floats(0.01, 3.0),
    seed=st.integers(0, 1000),
)  # fmt: skip
def test_updates_are_those_that_the_budget_counts(rows, batch, epochs, seed):
    it = budget(rows, batch, epochs)
    made = list(updates(lengths(rows), it, seed))
    assert len(made) == it.total_updates
    seen = np.cumsum([len(update) for update in made]).tolist()
    assert seen == [it.examples_after(number) for number in range(1, len(made) + 1)]


@given(rows=st.integers(1, 1500), batch=st.integers(1, 200), epoch=st.integers(0, 3))
def test_an_epoch_has_every_row_once_and_leftovers_last(rows, batch, epoch):
    made = epoch_updates(lengths(rows), batch, seed=3, epoch=epoch)
    assert sorted(np.concatenate(made).tolist()) == list(range(rows))
    assert all(len(update) == batch for update in made[:-1])


def test_the_order_changes_with_epoch_and_seed_and_with_nothing_else():
    def order(seed, epoch):
        made = epoch_updates(lengths(600), 16, seed=seed, epoch=epoch)
        return np.concatenate(made).tolist()

    assert order(0, 0) == order(0, 0)
    assert order(0, 0) != order(0, 1)
    assert order(0, 0) != order(1, 0)


@pytest.mark.parametrize(("batch", "steps"), [(32, 1), (16, 2), (8, 4), (4, 8)])
def test_every_cut_of_an_effective_batch_meets_the_same_rows(batch, steps):
    whole = list(updates(lengths(100), budget(100, 32), seed=0))
    cut = [micro_batches(update, batch) for update in whole]
    assert all(len(parts) <= steps for parts in cut)
    for update, parts in zip(whole, cut, strict=True):
        assert np.concatenate(parts).tolist() == update.tolist()
        assert all(len(part) == batch for part in parts[:-1])


def test_rows_of_like_length_stand_together():
    tokens = lengths(5000)
    made = epoch_updates(tokens, 16, seed=0, epoch=0)
    padded = sum(int(tokens[update].max()) * len(update) for update in made)
    assert 1 - tokens.sum() / padded < 0.05
    unsorted = [tokens[start : start + 16] for start in range(0, 5000, 16)]
    assert 1 - tokens.sum() / sum(int(u.max()) * len(u) for u in unsorted) > 0.3


def test_long_and_short_batches_come_in_random_order():
    tokens = lengths(5000)
    means = [tokens[update].mean() for update in epoch_updates(tokens, 16, seed=0, epoch=0)]
    assert abs(np.corrcoef(means[:-1], means[1:])[0, 1]) < 0.2
