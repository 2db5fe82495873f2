"""Reading a file that another process appends to."""

import io
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tuner.files.whole_lines import tail_text, whole_lines
from tuner.tracking.events import MetricsLogged
from tuner.tracking.spool import Spool, new_spool


class Growing(io.RawIOBase):
    """A file whose writer adds another part between any two reads."""

    def __init__(self, *parts):
        self._parts = list(parts)

    def readable(self):
        return True

    def readinto(self, buffer):
        part = self._parts.pop(0) if self._parts else b""
        buffer[: len(part)] = part
        return len(part)


@pytest.mark.parametrize(
    ("parts", "lines"),
    [
        ([b"one\n", b"two\n"], [b"one\n", b"two\n"]),
        ([b"one\ntw", b"", b"o\nthree\n"], [b"one\n"]),
        (["ä\n".encode()[:1], b"", "ä\n".encode()[1:]], []),
        ([b""], []),
    ],
)
def test_reading_stops_at_the_first_line_without_its_end(parts, lines):
    assert list(whole_lines(io.BufferedReader(Growing(*parts)))) == lines


@pytest.mark.parametrize(
    ("text", "most", "shown"),
    [("äöü", 3, "ü"), ("äöü", 4, "öü"), ("a€", 2, ""), ("€", 3, "€"), ("end", 2, "nd")],
)
def test_no_character_is_cut_in_two(text, most, shown):
    assert tail_text(text.encode(), most) == shown


WRITER = """
import sys
from pathlib import Path
from tuner.tracking.events import MetricsLogged
from tuner.tracking.spool import Spool

spool = Spool(Path(sys.argv[1]))
for number in range(int(sys.argv[2])):
    metrics = {f"metric_{each}": number / 7 for each in range(number % 90)}
    spool.append(MetricsLogged(at=number, run="r", step=number, metrics=metrics))
"""


def test_who_sends_a_spool_while_another_process_writes_it_misses_no_record(tmp_path):
    count = 20_000
    spool = new_spool(tmp_path, "", 0)
    reader = Spool(spool.path)
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(spool.path), str(count)],
        cwd=Path(__file__).parents[2],
    )
    steps, unreadable = [], 0
    deadline = time.monotonic() + 300.0
    while len(steps) < count and (writer.poll() is None or reader.left("")):
        assert time.monotonic() < deadline
        if batch := reader.pending(""):
            steps += [event.step for event in batch.events if isinstance(event, MetricsLogged)]
            unreadable += batch.unreadable
            reader.mark_sent(batch.end, "")
    assert writer.wait() == 0
    assert unreadable == 0
    assert steps == list(range(count))
    spool.release()


def test_a_spool_that_was_replaced_is_sent_from_its_beginning(tmp_path):
    spool = new_spool(tmp_path, "", 0)
    for step in range(5):
        spool.append(MetricsLogged(at=0, run="r", step=step, metrics={}))
    spool.mark_sent(spool.pending("").end, "")
    assert spool.pending("") is None
    lines = spool.path.read_bytes().splitlines(keepends=True)
    spool.path.write_bytes(b"".join(lines[:3]))
    assert [event.step for event in spool.pending("").events[1:]] == [0, 1]
    spool.release()


def test_a_log_that_is_kept_for_mlflow_stays_as_it_is(tmp_path):
    spool, log = new_spool(tmp_path / "spool", "", 0), tmp_path / "worker.log"
    log.write_text("first attempt\n")
    (kept,) = spool.attach("run", [log])
    with log.open("a") as again:
        again.write("second attempt\n")
    assert spool.attached(kept).read_text() == "first attempt\n"
    spool.release()
