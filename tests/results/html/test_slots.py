from datetime import timedelta

from tests.results.html.studies import NOON, ended, shown, unfinished
from tuner.results.html.slots import timeline
from tuner.study.reader import Phase

MINUTE = timedelta(minutes=1)


def laid_out(*trials, now=NOON + timedelta(hours=1)):
    bars = timeline(shown(*trials).trials, now)
    return {bar.trial.number: (bar.lane, bar.begin, bar.seconds) for bar in bars}


def test_trials_at_the_same_time_take_lanes_and_a_free_one_is_taken_again():
    found = laid_out(
        ended(0, begun=NOON, length=2 * MINUTE),
        ended(1, begun=NOON + MINUTE, length=3 * MINUTE),
        ended(2, begun=NOON + 2 * MINUTE, length=MINUTE),
    )
    assert found == {
        0: ("slot 0", 0, 120),
        1: ("slot 1", 60, 180),
        2: ("slot 0", 120, 60),
    }


def test_hosts_have_lanes_of_their_own():
    found = laid_out(ended(0, host="a", begun=NOON), ended(1, host="b", begun=NOON + 2 * MINUTE))
    assert [lane for lane, _, _ in found.values()] == ["a · slot 0", "b · slot 0"]


def test_a_pause_in_which_nothing_ran_is_left_out():
    found = laid_out(ended(0, begun=NOON), ended(1, begun=NOON + timedelta(hours=9)))
    assert found[1][1] == 60


def test_a_running_trial_reaches_to_now_and_a_waiting_one_is_not_laid_out():
    found = laid_out(
        unfinished(0), unfinished(1, Phase.WAITING), unfinished(2, begun=None), now=NOON + MINUTE
    )
    assert found == {0: ("slot 0", 0, 60)}
