"""Terminal output while a sweep runs."""

import io
import re
from datetime import datetime, timedelta, timezone

import pytest
from rich.console import Console

from tests.records import outcome, spec
from tuner.results.tables import figure
from tuner.results.terminal import Terminal
from tuner.trial.records import TrialState


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def shown():
    return io.StringIO()


def test_when_the_sweep_will_end_is_said_with_each_trial(clock, shown):
    terminal = Terminal("val_accuracy", Console(file=shown), clock)
    terminal.begin("mine", 4, [0, 1], earlier=[outcome(0)])
    terminal.trial_started(0, spec(number=1))
    terminal.trial_started(1, spec(number=2))
    clock.now = 600.0
    terminal.progressed(1, 0.5, 40.0)
    # Trial 2 is at its half, so that it needs as long again; trial 3 begins now and takes as
    # long as trial 1 did.
    terminal.trial_finished(0, outcome(number=1, seconds=600.0))
    assert re.search(
        r"^2 of 4 trials, 10 min elapsed, about 10 min left, until .*\d\d:\d\d$",
        shown.getvalue(),
        re.MULTILINE,
    )


def test_a_time_limit_comes_first(clock, shown):
    terminal = Terminal("val_accuracy", Console(file=shown), clock)
    terminal.begin("mine", 9, [0], timeout=700.0)
    terminal.trial_started(0, spec(number=0))
    clock.now = 600.0
    terminal.trial_finished(0, outcome(number=0, seconds=600.0))
    assert (
        "1 of 9 trials, 10 min elapsed, no trial starts after 2 min from now\n" in shown.getvalue()
    )


def test_the_end_is_not_foretold_once_nothing_is_left(clock, shown):
    terminal = Terminal("val_accuracy", Console(file=shown), clock)
    terminal.begin("mine", 1, [0])
    terminal.trial_started(0, spec(number=0))
    terminal.trial_finished(0, outcome(number=0, seconds=5.0))
    assert "1 of 1 trials, 0 s elapsed\n" in shown.getvalue()


def test_trials_that_are_not_counted_say_nothing_of_the_time(clock, shown):
    terminal = Terminal("val_accuracy", Console(file=shown), clock)
    terminal.begin("mine", 2, [0])
    terminal.trial_started(0, spec(number=0))
    terminal.trial_finished(0, outcome(number=0, state=TrialState.FAILED, seconds=5.0))
    assert "left" not in shown.getvalue()


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.00012345678, "0.0001235"), (5, "5"), (True, "true"), (None, "null"), ("sgd", "sgd")],
)
def test_values_as_people_read_them(value, text):
    assert figure(value) == text


NOON = datetime(2026, 1, 2, 12, 0, 0, tzinfo=timezone(timedelta(hours=2)))
STAMP = "2026-01-02T12:00:00+02:00 "


def tell(terminal):
    """A sweep of one trial, a warning and a result."""
    terminal.begin("mine", 1, [0])
    terminal.notice("first\nsecond")
    terminal.trial_started(0, spec(number=0))
    terminal.progressed(0, 0.5, 10.0)
    terminal.reported(0, 0.5)
    terminal.trial_finished(0, outcome(number=0))
    terminal.end()
    terminal.warn("mind this")
    terminal.result("val_accuracy 0.5")


def test_every_line_of_progress_in_a_log_has_its_time(clock, shown):
    tell(Terminal("val_accuracy", Console(file=shown), clock, now=lambda: NOON))
    *progress, result = shown.getvalue().splitlines()
    assert len(progress) >= 6
    assert all(line.startswith(STAMP) and len(line) > len(STAMP) for line in progress)
    assert result == "val_accuracy 0.5"


def test_quiet_leaves_warnings_and_the_result(clock, shown):
    tell(Terminal("val_accuracy", Console(file=shown), clock, quiet=True))
    assert shown.getvalue().splitlines() == ["mind this", "val_accuracy 0.5"]


def test_repeats_are_as_quiet_as_their_search(clock, shown):
    terminal = Terminal("val_accuracy", Console(file=shown), clock, quiet=True, now=lambda: NOON)
    tell(terminal.of("repeat", []))
    assert shown.getvalue().splitlines() == [f"{STAMP}mind this", "val_accuracy 0.5"]


def test_a_quiet_terminal_has_no_live_lines(clock, shown):
    console = Console(file=shown, force_terminal=True, force_interactive=True, width=80)
    tell(Terminal("val_accuracy", console, clock, quiet=True))
    assert "slot" not in shown.getvalue()


def test_notices_and_warnings_are_logged_also_if_they_are_not_shown(clock, shown, caplog):
    caplog.set_level("INFO", "tuner")
    tell(Terminal("val_accuracy", Console(file=shown), clock, quiet=True))
    assert caplog.messages == ["first\nsecond", "warning: mind this"]
