import sys

import pytest

from benchmarks.turns import Peer, in_turns

SERVES = """
import sys
sys.path.insert(0, sys.argv[1])
from turns import serve
serve(lambda number: print('noise') or number * 2.0)
"""


@pytest.fixture
def started(pytestconfig):
    """Starts peers that run a program, and ends them."""
    peers = []

    def start(name, program):
        folder = str(pytestconfig.rootpath / "benchmarks")
        peers.append(Peer(name, [sys.executable, "-c", program, folder], 1))
        return peers[-1]

    yield start
    for peer in peers:
        peer.close()


def test_rounds_after_the_first_count(started):
    assert in_turns([started("ours", SERVES)], 3) == {"ours": [2.0, 4.0, 6.0]}


def test_a_peer_that_can_not_start_is_left_out(started, capsys):
    ours, theirs = started("ours", SERVES), started("theirs", "raise SystemExit(1)")
    assert in_turns([ours, theirs], 1) == {"ours": [2.0]}
    assert "left out: theirs ended" in capsys.readouterr().err


def test_without_the_first_there_is_nothing_to_compare_with(started):
    with pytest.raises(RuntimeError, match="ours ended"):
        in_turns([started("ours", "raise SystemExit(1)"), started("theirs", SERVES)], 1)
