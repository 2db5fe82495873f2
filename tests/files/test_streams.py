"""Output whose reader goes away, from processes of their own."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WRITER = """
import sys
from rich.console import Console
from tuner.files.streams import OutputClosedError, outlive_readers
outlive_readers(lasting={lasting})
console = Console()
try:
    for number in range(20_000):
        console.print(f"line {{number}}")
    sys.stdout.flush()
except OutputClosedError as error:
    print(error, file=sys.stderr)
    sys.exit(1)
{last}
"""


def writer(*, lasting, stdout, last="", **more):
    code = WRITER.format(lasting=lasting, last=last)
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=stdout, stderr=subprocess.PIPE, cwd=ROOT, **more
    )


def read_one_line_and_leave(process):
    assert process.stdout.readline() == b"line 0\n"
    process.stdout.close()
    errors = process.stderr.read().decode()
    process.stderr.close()
    return process.wait(60), errors.splitlines()


def test_a_lasting_command_goes_on_without_a_reader_and_says_so_once(tmp_path):
    last = f"open({str(tmp_path / 'end')!r}, 'w')"
    code, errors = read_one_line_and_leave(writer(lasting=True, stdout=subprocess.PIPE, last=last))
    assert (code, len(errors)) == (0, 1)
    assert "nobody reads standard output" in errors[0]
    assert (tmp_path / "end").exists()


def test_a_command_whose_output_is_its_result_ends_with_one_line():
    code, errors = read_one_line_and_leave(writer(lasting=False, stdout=subprocess.PIPE))
    assert (code, len(errors)) == (1, 1)


@pytest.mark.parametrize("closed", ["1>&-", "1>&- 2>&-", "0<&- 1>&- 2>&-"])
def test_closed_descriptors_are_no_files_of_ours(closed, tmp_path):
    probe = (
        "import os\n"
        f"found = os.open({str(tmp_path / 'file')!r}, os.O_CREAT | os.O_WRONLY)\n"
        "os.write(found, str(found).encode())\n"
    )
    code = WRITER.format(lasting=True, last=probe)
    words = [sys.executable, "-c", code]
    shell = ["sh", "-c", f'"$@" {closed}', "sh", *words]
    assert subprocess.run(shell, cwd=ROOT, check=False, timeout=60).returncode == 0
    assert int((tmp_path / "file").read_text()) > 2


def test_a_vanished_terminal_ends_nothing():
    leader, follower = pty.openpty()
    process = writer(lasting=True, stdout=follower, start_new_session=True)
    os.close(follower)
    assert os.read(leader, 4) == b"line"
    os.close(leader)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors


def test_a_pipe_that_somebody_made_non_blocking_loses_nothing():
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    process = writer(lasting=True, stdout=writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as output:
        assert len(output.read().splitlines()) == 20_000
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, b"")
