"""Repeats that are handed out, over a real study."""

import pytest

from tests.goals import goals
from tests.records import outcome, settings
from tuner.confirmation import CONFIRMS, SEED, repeats
from tuner.execution.repeats import Repeats
from tuner.orchestration.confirm import SPACE
from tuner.study import Definition, InitialPoints, Study
from tuner.trial.records import TrialState

RATE = "optimizer.learning_rate"


class Bench:
    """Trials 4, 2 and 7, each to be trained again with three seeds."""

    def __init__(self, folder):
        points = repeats([outcome(number) for number in (4, 2, 7)], 0, 3)
        self.study = Study(
            name="s.confirm",
            url=f"sqlite:///{folder}/study.db",
            definition=Definition(space=SPACE, base=settings(), goals=goals(("val_accuracy",))),
            sampler=None,
            pruner={"name": "none"},
            defaults=points[0],
            first=InitialPoints(always=points[1:]),
        )
        self.notices = []
        self.source = self.follow(4, 2, 7)

    def follow(self, *numbers):
        leaders = [outcome(n, value=0.9, parameters={RATE: n / 1000}) for n in numbers]
        return Repeats(self.study, leaders, "maximize", self.notices.append)

    def run(self, value):
        """Takes a repeat and ends it; returns the trial and the seed."""
        asked = self.source.claim(0)
        self.end(asked, value)
        return asked.parameters[CONFIRMS], asked.parameters[SEED]

    def end(self, asked, value):
        self.source.finish(outcome(asked.number, value=value, parameters=asked.parameters))


@pytest.fixture
def bench(tmp_path):
    found = Bench(tmp_path)
    yield found
    found.study.close()


def test_all_configurations_advance_together_and_nothing_follows(bench):
    order = [bench.run(0.8 + 0.01 * (n % 4)) for n in range(9)]
    assert order == [(t, seed) for seed in (1, 2, 3) for t in (4, 2, 7)]
    assert bench.source.claim(0) is None
    assert not bench.source.may_claim(0)
    assert bench.notices == []


def test_a_repeat_has_the_parameters_of_its_trial(bench):
    assert bench.source.claim(0).parameters == {CONFIRMS: 4, RATE: 0.004, SEED: 1}


def test_what_can_no_longer_win_ends_at_its_next_point(bench):
    for value in (0.9, 0.9, 0.5):
        bench.run(value)
    running = [bench.source.claim(0) for _ in range(3)]  # With seed 2, in three slots.
    last = [bench.source.claim(0) for _ in range(3)]
    assert not any(bench.source.should_prune(asked.number) for asked in last)
    for asked, value in zip(running, (0.901, 0.9, 0.501), strict=True):
        bench.end(asked, value)
    assert [bench.source.should_prune(asked.number) for asked in last] == [False, False, True]
    (notice,) = bench.notices
    assert notice.startswith("trial 7 can no longer win and is repeated no more: ")
    assert "it is behind trial 4 by 0.4000, by at least 0.3966 with 99 % confidence" in notice


def test_what_can_no_longer_win_is_not_begun(bench):
    for value in (0.9, 0.9, 0.5, 0.901, 0.9, 0.501):
        bench.run(value)
    assert [bench.run(0.9), bench.run(0.9)] == [(4, 3), (2, 3)]
    assert bench.source.claim(0) is None
    left_out = bench.study.outcomes()[-1]
    assert (left_out.state, left_out.stopped_by) == (TrialState.PRUNED, "pruner")
    assert not bench.source.may_claim(0)


def test_who_led_before_the_search_went_on_is_repeated_no_more(bench):
    bench.source = bench.follow(2, 9)
    assert bench.run(0.9) == (2, 1)
