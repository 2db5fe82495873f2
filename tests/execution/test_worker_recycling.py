"""Workers stay for as long as they do no harm."""

from tuner.execution.worker_recycling import GROWTH, WorkerRecycling

GIGABYTE = 10**9


def told(recycling, *memory, slot=0):
    return [recycling.after_trial(slot, each) for each in memory]


def test_a_worker_stays_for_ever_while_its_memory_does():
    assert told(WorkerRecycling(None), *[2 * GIGABYTE] * 200) == [""] * 200


def test_it_goes_after_so_many_trials_and_the_next_one_counts_anew():
    recycling = WorkerRecycling(2)
    assert told(recycling, 0, 0) == ["", "it has run 2 trials"]
    recycling.renewed(0)
    assert told(recycling, 0, 0) == ["", "it has run 2 trials"]


def test_slots_are_counted_apart():
    recycling = WorkerRecycling(2)
    assert told(recycling, 0) == told(recycling, 0, slot=1) == [""]


def test_what_the_first_trials_take_is_what_later_ones_are_measured_by():
    grown = int(GROWTH * 3 * GIGABYTE) + 1
    assert told(WorkerRecycling(None), GIGABYTE, 3 * GIGABYTE, 2 * GIGABYTE, grown - 1, grown) == [
        "", "", "", "", "its memory grew from 3.0 to 6.0 GB",
    ]  # fmt: skip


def test_a_memory_that_nobody_knows_says_nothing():
    assert told(WorkerRecycling(None), 0, 0, 0, GIGABYTE) == [""] * 4
