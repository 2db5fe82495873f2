import itertools

import pytest

from benchmarks.gpu_counts import (
    at_once,
    busy_window,
    covered,
    idle_share,
    pauses,
    trials_within,
    update_flops,
    updates_lasting,
)
from tuner.trial.memory import ModelShape


def shape(**sizes):
    values = {"hidden": 4, "intermediate": 8, "layers": 1, "heads": 2, "vocabulary": 10}
    return ModelShape(**values | {"embedding": 4, "parameters": 1000, **sizes})


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


def test_a_round_lasts_as_long_as_is_asked():
    assert updates_lasting(5.0, 10**12, 20e12) == 100
    assert updates_lasting(5.0, 10**12, 1e12) == 50
    assert updates_lasting(5.0, 10**9, 20e12) == 400


def test_time_in_which_nothing_was_computed():
    assert idle_share([(0, 10)]) == 0.0
    assert idle_share([(6, 10), (0, 4), (1, 3)]) == pytest.approx(0.2)
    assert idle_share([(0, 5), (2, 4), (3, 8)]) == 0.0


def test_time_that_kernels_share_counts_once():
    assert covered([(6, 10), (0, 4), (1, 3), (3, 5)]) == 9
    assert covered([]) == 0


def in_a_row(begin, *seconds):
    """Trials of one slot, each handed out as the one before ends."""
    ends = list(itertools.accumulate(seconds, initial=begin))
    return list(itertools.pairwise(ends))


def test_one_slot_counts_from_the_second_trial_to_the_begin_of_the_last():
    held = [(0, 50), (51, 60), (61, 70), (71, 80), (81, 85)]
    window = busy_window(held, 1)
    assert window == (51, 81)
    assert trials_within(held, window) == 3


def test_what_runs_beside_a_first_trial_or_an_empty_slot_is_left_out():
    # The first slot is ready early and alone for 30 s, and the second still compiles until 80.
    early = in_a_row(0, 30, 10, 10, 10, 20, 20, 20, 20, 20)
    late = in_a_row(30, 50, 20, 20, 20, 10)
    assert busy_window([*late, *early], 2) == (100, 140)
    assert trials_within([*late, *early], (100, 140)) == 4


def test_trials_cut_by_the_window_count_with_their_share():
    assert trials_within([(0, 10), (8, 12), (20, 40)], (5, 10)) == pytest.approx(0.5 + 0.5)


def test_too_few_trials_have_no_window():
    with pytest.raises(ValueError, match="never did 2 trials"):
        busy_window([(0, 10), (10, 20)], 2)
    with pytest.raises(ValueError, match="3 trials are too few for 2 slots"):
        busy_window([(0, 10), (1, 11), (12, 20)], 2)


def test_how_many_compute_at_once():
    one_after_another = [(0, 10), (10, 20)]
    together = [(0, 20), (-5, 30)]
    assert at_once(one_after_another, (0, 20)) == 1
    assert at_once(together, (0, 20)) == 2


def test_pauses_between_trials():
    assert pauses([(1.0, 10.0), (11.0, 20.0), (21.5, 30.0)]) == [1.0, 1.5]
