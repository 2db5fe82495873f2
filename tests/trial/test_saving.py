import pytest

from tuner.trial.saving import SAVING_SHARE, expected_cost, worth_saving


@pytest.mark.parametrize(
    ("elapsed", "share", "since", "cost", "wanted"),
    [
        (60.0, 0.1, 60.0, 1.0, True),  # of ten minutes
        (30.0, 0.5, 30.0, 0.1, False),  # of one minute
        (90.0, 0.5, 90.0, 0.1, False),  # of three, the limit itself
        (91.0, 0.5, 91.0, 0.1, True),
        (600.0, 0.5, 49.0, 1.0, False),  # a second every 49 is over 2 %
        (600.0, 0.5, 50.0, 1.0, True),
        (600.0, 0.9, 5.0, 0.01, True),
    ],
)
def test_auto_saves_what_takes_minutes_and_not_too_often(elapsed, share, since, cost, wanted):
    given = {"elapsed": elapsed, "share": share, "since": since, "cost": cost}
    assert worth_saving("auto", **given) is wanted
    assert worth_saving("always", **given)
    assert not worth_saving("never", **given)


@pytest.mark.parametrize("cost", [0.01, 1.0, 30.0])
def test_saving_keeps_within_its_share_of_a_long_trial(cost):
    now = saved = spent = 0.0
    for point in range(1, 1001):
        now += 20.0
        if worth_saving("auto", elapsed=now, share=point / 1000, since=now - saved, cost=cost):
            now += cost
            spent += cost
            saved = now
    assert 0.5 * min(cost / 20.0, SAVING_SHARE) < spent / now <= SAVING_SHARE


def test_the_first_save_is_expected_to_be_slow_and_later_ones_as_the_last():
    assert expected_cost(400_000_000, None) == 2.0
    assert expected_cost(400_000_000, 0.25) == 0.25
