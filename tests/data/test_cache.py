"""Entries that the cache of prepared data removes, and files that it never opens."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tiny_checkpoints import write_reviews
from tuner.data import cache as cache_module
from tuner.data import prepare
from tuner.data.cache import Entry, evicted
from tuner.settings.settings import DataSettings
from tuner.tasks import Classification


def entry(name, size, used):
    return Entry(folder=Path(name), size=size, used=used)


def names(entries, most):
    return [found.folder.name for found in evicted(entries, most)]


def test_those_used_longest_ago_make_room():
    entries = [entry("new", 4, 9.0), entry("old", 4, 1.0), entry("middle", 4, 5.0)]
    assert names(entries, 12) == []
    assert names(entries, 11) == ["old"]
    assert names(entries, 4) == ["old", "middle"]


def test_the_last_used_stays_however_large_it_is():
    assert names([entry("only", 100, 0.0)], 1) == []
    assert names([], 1) == []


@given(st.lists(st.tuples(st.integers(0, 100), st.floats(0, 9)), max_size=20), st.integers(0, 500))
def test_what_stays_fits_and_no_more_goes_than_must(figures, most):
    entries = [entry(str(i), size, used) for i, (size, used) in enumerate(figures)]
    gone = evicted(entries, most)
    left = [one for one in entries if one not in gone]
    assert sum(one.size for one in left) <= most or len(left) == 1
    if gone:
        assert sum(one.size for one in left) + gone[-1].size > most
        assert max(one.used for one in gone) <= min(one.used for one in left)


@pytest.fixture
def data(tmp_path):
    return DataSettings(format="csv", train=str(write_reviews(tmp_path / "train.csv", 60, seed=1)))


def entries(cache):
    return sorted((cache / "prepared").iterdir())


def test_a_full_cache_keeps_what_was_used_last(data, model, cache, monkeypatch):
    prepare(data, model, Classification())
    (first,) = entries(cache)
    prepare(data, replace(model, max_length=16), Classification())
    (second,) = set(entries(cache)) - {first}
    for folder in (first, second):
        os.utime(folder / "meta.json", (0, 0))
    prepare(data, model, Classification())  # A hit counts as use.
    monkeypatch.setattr(cache_module, "MOST_BYTES", 2 * folder_size(first))
    mapped = prepare(data, replace(model, max_length=8), Classification())
    assert second not in entries(cache)
    assert first in entries(cache)
    cache_module._remove(cache_module.entry_folder(max(entries(cache)).name))
    assert len(mapped.train.pad([0])[0]) == 1


def folder_size(folder):
    return sum(file.stat().st_size for file in folder.iterdir())


class Boom:
    """An object whose unpickling would be seen."""

    def __reduce__(self):
        return os.mkdir, ("unpickled",)


def test_an_array_of_pickled_objects_is_never_loaded(data, model, cache, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    prepare(data, model, Classification())
    (folder,) = entries(cache)
    labels = np.load(folder / "train.labels.npy")
    np.save(folder / "train.labels.npy", np.array([Boom()] * len(labels), dtype=object))
    assert np.array_equal(prepare(data, model, Classification()).train.labels, labels)
    assert not (tmp_path / "unpickled").exists()
