import signal

import pytest

from tuner.processes.stop_requests import STOPS, TERMINATING, StopRequests, heeded

INT, TERM, HUP, QUIT = signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT


@pytest.mark.parametrize(
    ("signals", "at_once"),
    [
        ([INT], False),
        ([TERM], False),
        ([HUP], False),
        ([INT, INT], True),
        ([TERM, INT], True),
        ([QUIT], True),
        ([HUP, HUP, HUP], False),  # A shell and the kernel both say that the terminal is gone.
        ([TERM, HUP], False),  # systemd sends both when a session ends.
        ([HUP, TERM], False),
        ([HUP, HUP, TERM], False),
        ([HUP, TERM, TERM], True),
        ([TERM, HUP, TERM], True),
    ],
)
def test_a_second_request_hurries_and_a_hangup_never_does(signals, at_once):
    requests = StopRequests()
    assert not requests.requested
    for number in signals:
        requests.note(number)
    assert requests.requested
    assert requests.at_once is at_once


def test_nohup_keeps_a_hangup_ignored():
    before = signal.signal(HUP, signal.SIG_IGN)
    try:
        assert heeded(*TERMINATING) == [TERM]
    finally:
        signal.signal(HUP, before)
    assert heeded(*STOPS) == list(STOPS)
