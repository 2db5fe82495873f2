"""Agents on one journal, each a process of its own that believes to be on its own machine."""

import pytest

from benchmarks.agents import measure
from tuner.study.journal import journal_url


@pytest.mark.parametrize(
    ("agents", "trials", "kill"), [(3, 30, 1), pytest.param(8, 2000, 3, marks=pytest.mark.slow)]
)
def test_the_total_holds_though_agents_are_killed(tmp_path, agents, trials, kill):
    url = journal_url(tmp_path / "study.journal")
    assert measure(url, agents=agents, slots=2, trials=trials, kill=kill) == []
