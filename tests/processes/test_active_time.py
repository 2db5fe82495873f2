import pytest

from tuner.processes.active_time import ActiveTime, step_of


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([0.2] * 10, 2.0),
        ([0.2, 3600.0, 0.2], 1.4),  # suspended for an hour
        ([30.0, 30.0], 2.0),  # suspended again and again
        ([0.0], 0.0),
    ],
)
def test_a_suspension_counts_as_one_step(steps, expected):
    now = 100.0
    active = ActiveTime(lambda: now, longest_step=1.0)
    for step in steps:
        now += step
        active()
    assert active() == pytest.approx(expected)


def test_one_suspension_uses_up_a_quarter_of_a_timeout_at_most():
    assert step_of(600.0, 5.0) == 5.0
    assert step_of(2.0, 5.0) == 0.5
    assert step_of(None, 5.0) == 5.0
