import os
import signal
import subprocess
import sys
import threading

import pytest

from tuner.processes.stop_requests import STOPS, TERMINATING, StopRequests, handled, heeded

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


def test_handlers_are_set_in_the_main_thread_alone_and_return():
    heard = []

    def note(number, frame):
        heard.append(number)

    def aside():
        with handled([INT], note):
            set_aside.append(signal.getsignal(INT) is before)

    before, set_aside = signal.getsignal(INT), []
    with handled([INT, TERM], note):
        os.kill(os.getpid(), INT)
    thread = threading.Thread(target=aside)
    thread.start()
    thread.join()
    assert heard == [INT]
    assert set_aside == [True]
    assert signal.getsignal(INT) is before


def test_a_handler_that_python_did_not_set_is_no_obstacle():
    code = (
        "import faulthandler, signal\n"
        "from tuner.processes.stop_requests import handled\n"
        "faulthandler.register(signal.SIGUSR1)\n"
        "with handled([signal.SIGUSR1], print): pass\n"
        "print('done', signal.getsignal(signal.SIGUSR1))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("done")
