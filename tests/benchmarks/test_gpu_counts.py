import pytest

from benchmarks.gpu_counts import idle_share, pauses, trials_per_hour, update_flops
from tuner.core.memory import ModelShape


def shape(**sizes):
    values = {"hidden": 4, "intermediate": 8, "layers": 1, "heads": 2, "vocabulary": 10}
    values |= {"positions": 16, "embedding": 4, **sizes}
    return ModelShape(own_layers=values["layers"], **values)


def test_operations_counted_by_hand():
    # One token: 4 products of 4x4, 4x8 and 8x4 (128 multiplications), attention to itself 2 x 4;
    # pooler 4x4, head 4x2; each multiplication with an addition, the backward pass twice as many.
    assert update_flops(shape(), 1, 1, 2) == 6 * (128 + 8 + 16 + 8)
    assert update_flops(shape(), 5, 1, 2) == 5 * update_flops(shape(), 1, 1, 2)
    # A second layer, and embeddings of another width.
    assert update_flops(shape(layers=2), 1, 1, 2) - update_flops(shape(), 1, 1, 2) == 6 * 136
    narrow = update_flops(shape(embedding=3), 1, 1, 2)
    assert narrow - update_flops(shape(), 1, 1, 2) == 6 * 3 * 4


def test_bert_base_is_near_six_operations_for_each_weight_of_its_layers():
    base = shape(hidden=768, intermediate=3072, layers=12, heads=12)
    layers = 12 * (4 * 768**2 + 2 * 768 * 3072)
    assert update_flops(base, 64, 128, 2) == pytest.approx(6 * layers * 64 * 128, rel=0.04)


def test_time_in_which_nothing_was_computed():
    assert idle_share([(0, 10)]) == 0.0
    assert idle_share([(6, 10), (0, 4), (1, 3)]) == 0.2
    assert idle_share([(0, 5), (2, 4), (3, 8)]) == 0.0


def test_trials_an_hour_without_the_first_of_each_slot():
    assert trials_per_hour([10.0, 20.0, 30.0], 1) == 360
    assert trials_per_hour([30.0, 11.0, 10.0, 31.0], 2) == pytest.approx(3600 * 2 / 20)


def test_pauses_between_trials():
    assert pauses([1.0, 11.0, 21.5], [10.0, 20.0, 30.0]) == [1.0, 1.5]
