"""Share of padding in Rotten Tomatoes, from the lengths of its rows."""

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tuner.config import compose_sweep
from tuner.data import prepare
from tuner.tasks import Classification
from tuner.training.batches import WINDOW_ROWS, epoch_updates


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    arguments = ["sweep=lr_search", "data.train_examples=null", "data.validation_examples=null"]
    return compose_sweep(arguments, Path(tmp_path_factory.mktemp("empty"))).base


@pytest.fixture(scope="module")
def lengths(settings, tmp_path_factory):
    """Tokens of every training row, with the default model and length."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "TUNER_CACHE", str(tmp_path_factory.mktemp("cache")))
        prepared = prepare(settings.data, settings.model, Classification())
        assert len(prepared.train) + len(prepared.validation) == 8530
        return np.array(prepared.train.lengths)


def padding(lengths, updates):
    """Share of the tokens that go through the model and are none of the text."""
    return 1 - lengths.sum() / sum(len(rows) * lengths[rows].max() for rows in updates)


def test_the_default_groups_by_length(settings):
    assert settings.model.max_length == 128
    assert settings.training.length_window == WINDOW_ROWS


@pytest.mark.parametrize(("batch", "most"), [(8, 0.02), (16, 0.03), (32, 0.06)])
def test_padding_takes_few_of_the_tokens(lengths, batch, most):
    for epoch in range(3):
        grouped = epoch_updates(lengths, batch, seed=0, epoch=epoch)
        assert padding(lengths, grouped) < most
        plain = epoch_updates(lengths, batch, seed=0, epoch=epoch, window=1)
        assert padding(lengths, plain) > 0.35
    assert 1 - lengths.mean() / 128 > 0.75


def test_every_epoch_has_batches_and_an_order_of_its_own(lengths):
    epochs = [epoch_updates(lengths, 16, seed=0, epoch=epoch) for epoch in range(4)]
    batches = [frozenset(rows.tolist()) for updates in epochs for rows in updates]
    assert len(set(batches)) == len(batches)
    orders = [np.argsort(np.concatenate(updates)) for updates in epochs]
    for first, second in pairwise(orders):
        assert abs(np.corrcoef(first, second)[0, 1]) < 0.05


def test_batches_form_within_windows_of_random_rows(lengths):
    updates = epoch_updates(lengths, 16, seed=0, epoch=0)
    size = WINDOW_ROWS // 16
    windows = [updates[start : start + size] for start in range(0, len(updates) - size, size)]
    assert len(windows) == 7
    for window in windows:
        rows = np.concatenate(window)
        # As a random sample of all rows: short and long ones in every stretch of the epoch.
        error = lengths.std() / np.sqrt(len(rows))
        assert abs(lengths[rows].mean() - lengths.mean()) < 4 * error
        # Sorted within it: ranges of lengths meet at their ends alone.
        ranges = sorted((lengths[batch].min(), lengths[batch].max()) for batch in window)
        assert all(low[1] <= high[0] for low, high in pairwise(ranges))
    means = [lengths[batch].mean() for batch in updates]
    assert abs(np.corrcoef(means[:-1], means[1:])[0, 1]) < 0.2


def test_a_window_of_one_row_leaves_the_shuffled_order(lengths):
    updates = epoch_updates(lengths, 16, seed=0, epoch=0, window=1)
    order = np.random.default_rng([0, 0, 0]).permutation(len(lengths))
    for number, rows in enumerate(updates):
        assert set(rows.tolist()) == set(order[16 * number : 16 * (number + 1)].tolist())
