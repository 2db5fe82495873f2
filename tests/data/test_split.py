from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.data.split import Purpose, grouped_order, stratified_order, validation_rows

LABELS = st.lists(st.integers(0, 5), min_size=2, max_size=200).map(np.array)
SEEDS = st.integers(0, 2**32)


@given(LABELS, SEEDS, st.booleans())
def test_is_an_order_of_all_rows_and_repeats(labels, seed, keep):
    order = stratified_order(labels, seed, Purpose.TRAIN, keep_one_back=keep)
    again = stratified_order(labels, seed, Purpose.TRAIN, keep_one_back=keep)
    assert sorted(order) == list(range(len(labels)))
    assert order.tolist() == again.tolist()


@given(LABELS, SEEDS, st.floats(0.0, 1.0))
def test_every_beginning_is_stratified(labels, seed, share):
    count = round(share * len(labels))
    head = Counter(labels[stratified_order(labels, seed, Purpose.TRAIN)[:count]].tolist())
    classes = Counter(labels.tolist())
    if count >= len(classes):
        assert head.keys() == classes.keys()
    spread = len(classes)  # each label may have its one row more than its share
    for label, total in classes.items():
        assert abs(head[label] - total * count / len(labels)) <= spread


def test_large_beginnings_have_the_shares_of_the_whole():
    labels = np.repeat([0, 1, 2], [8000, 1500, 500])
    head = labels[stratified_order(labels, 3, Purpose.TRAIN)[:1000]]
    assert np.abs(np.bincount(head) - [800, 150, 50]).max() <= 1


@given(LABELS, SEEDS, st.floats(0.01, 0.99))
def test_a_held_out_share_leaves_every_label_to_training(labels, seed, fraction):
    classes = set(labels.tolist())
    if len(labels) <= len(classes):
        return
    count = validation_rows(len(labels), len(classes), fraction)
    order = stratified_order(labels, seed, Purpose.SPLIT, keep_one_back=True)
    assert 1 <= count < len(labels)
    assert set(labels[order[count:]].tolist()) == classes


def test_seed_and_purpose_decide():
    labels = np.arange(1000) % 2
    orders = [
        stratified_order(labels, seed, purpose).tolist() for seed in (0, 1) for purpose in Purpose
    ]
    assert len({tuple(order) for order in orders}) == len(orders)


def test_names_and_numbers_are_ordered_alike():
    names = np.array(["b", "a", "b", "a", "a"] * 20)
    numbers = np.where(names == "a", 0, 1)
    by_name = stratified_order(names.tolist(), 0, Purpose.TRAIN)
    assert by_name.tolist() == stratified_order(numbers, 0, Purpose.TRAIN).tolist()


def test_a_cut_between_groups():
    groups = [*"aaabbcccccdd"]
    for count in range(1, 12):
        for seed in range(5):
            order, cut = grouped_order(groups, seed, Purpose.SPLIT, count)
            assert sorted(order) == list(range(12))
            first = {groups[row] for row in order[:cut]}
            assert first.isdisjoint(groups[row] for row in order[cut:])
            assert 0 < cut < 12
    orders = {tuple(grouped_order(groups, seed, Purpose.SPLIT, 3)[0]) for seed in range(20)}
    assert len(orders) > 10


@pytest.mark.parametrize(
    ("sizes", "count", "cut"),
    [
        ((900, 50, 50), 100, {100}),
        ((900, 50, 40), 10, {40}),
        ((5, 5), 9, {5}),
        ((1,) * 50, 7, {7}),
        ((30, 30, 30), 45, {30, 60}),
    ],
)
def test_a_group_is_taken_only_if_it_brings_the_count_nearer(sizes, count, cut):
    groups = np.repeat(np.arange(len(sizes)), sizes)
    cuts = {grouped_order(groups, seed, Purpose.SPLIT, count)[1] for seed in range(20)}
    assert cuts <= cut
