import socket
import time
from dataclasses import replace

import pytest

from tests.records import outcome, settings
from tests.studies import BRIEF, RATE, on_both
from tuner.errors import InputError
from tuner.search.space import SearchSpace
from tuner.study import differences


@on_both
def test_a_study_made_of_something_else_is_refused_with_the_difference(open_study):
    open_study()
    with pytest.raises(InputError) as caught:
        open_study(base=settings(epochs=9.0))
    assert "training.epochs: 3.0 → 9.0" in caught.value.problem
    assert caught.value.remedy.startswith("training.epochs=3.0 as before")
    assert "study=s-2" in caught.value.remedy
    assert "training.evaluation_batch_size" in caught.value.remedy
    with pytest.raises(InputError, match="space"):
        open_study(space=SearchSpace([RATE]))


def test_where_its_test_rows_are_makes_no_other_study(open_study):
    base = settings()
    open_study(base=base)
    open_study(base=replace(base, data=replace(base.data, test="test.csv")))


def test_whether_the_rules_of_a_search_hold_outside_it_makes_no_other_study(open_study):
    base = settings()
    open_study(base=base)
    always = replace(base.convergence, stop_single_runs=True)
    open_study(base=replace(base, convergence=always))


def test_differences_name_every_leaf():
    assert differences({"a": {"b": 1}, "c": 2}, {"a": {"b": 3}, "d": 4}) == [
        "a.b: 1 → 3",
        "c: 2 → None",
        "d: None → 4",
    ]


@on_both
def test_another_version_does_not_join_an_agent_that_runs_the_study(
    open_study, monkeypatch, machines
):
    running = open_study()
    asked = running.claim(None)
    monkeypatch.setattr("tuner.__version__", "9.9")
    with pytest.raises(InputError) as caught:
        open_study()
    assert "→ 9.9" in str(caught.value)
    assert socket.gethostname() in str(caught.value)
    running.finish(outcome(asked.number, value=0.8, parameters=asked.parameters))
    assert "→ 9.9" in open_study().notice


@on_both
def test_of_an_agent_that_was_killed_elsewhere_nothing_keeps_another_version_out(
    open_study, monkeypatch, machines
):
    killed = open_study(storage=BRIEF)
    killed.claim(None)
    killed._leases.stop()
    monkeypatch.setattr("tuner.__version__", "9.9")
    time.sleep(BRIEF.heartbeat_timeout + 0.3)
    assert "→ 9.9" in open_study(storage=BRIEF).notice


def test_another_version_of_the_code_is_warned_of(open_study, monkeypatch):
    assert open_study().notice == ""
    monkeypatch.setattr("tuner.__version__", "9.9")
    assert "tuner: " in open_study().notice
    assert "→ 9.9" in open_study().notice
