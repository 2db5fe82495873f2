"""The file itself, without TensorFlow: whole or not there, and never damaged unseen."""

import resource
import signal
import subprocess
import sys
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
from safetensors import safe_open

from tuner.training import state_file
from tuner.training.state_file import StateError, StateFile


class Variable:
    """Members of a TensorFlow variable that a state needs."""

    def __init__(self, value):
        self.value = value
        self.shape = value.shape
        self.dtype = SimpleNamespace(as_numpy_dtype=value.dtype.type)

    def numpy(self):
        return self.value

    def assign(self, value):
        self.value = value


def variables(fill=0.0):
    return {
        "a": Variable(np.arange(6, dtype=np.float32).reshape(2, 3) + fill),
        "count": Variable(np.array(7, np.int64)),
        "b": Variable(np.full(5, fill, np.float32)),
    }


@pytest.fixture
def file(tmp_path):
    return StateFile(tmp_path / "state.safetensors")


def test_what_is_written_comes_back(file):
    assert file.read() is None
    file.write('{"é": 1}', variables(0.5))
    assert file.read() == '{"é": 1}'
    found = variables()
    file.restore(found)
    for name, variable in variables(0.5).items():
        np.testing.assert_array_equal(found[name].value, variable.value)
        assert found[name].value.dtype == variable.value.dtype


def test_it_is_a_safetensors_file(file):
    file.write("record", variables())
    with safe_open(str(file.path), framework="np") as stored:
        assert set(stored.keys()) == {"a", "b", "count"}
        assert stored.metadata()["state"] == "record"


def test_every_flipped_bit_is_noticed(file):
    file.write('{"record": [1, 2]}', variables(1.5))
    whole = file.path.read_bytes()
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        file.path.write_bytes(damaged)
        with pytest.raises(StateError):
            file.read()


def test_every_truncation_is_noticed(file):
    file.write('{"record": [1, 2]}', variables(1.5))
    whole = file.path.read_bytes()
    for length in range(len(whole)):
        file.path.write_bytes(whole[:length])
        with pytest.raises(StateError):
            file.read()
    file.path.write_bytes(whole + b"\0")
    with pytest.raises(StateError):
        file.read()


@pytest.mark.parametrize(
    "header", [b"[]", b"{}", b"null", b'{"__metadata__": 3}', b'{"__metadata__": {"state": 1}}']
)
def test_what_is_no_state_is_said_to_be_none(file, header):
    file.path.write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(StateError):
        file.read()
    file.path.unlink()
    file.path.mkdir()
    with pytest.raises(StateError):
        file.read()


def test_nothing_is_taken_from_a_state_with_other_tensors(file):
    file.write("", variables(2.0))
    for wrong in (
        {**variables(), "more": Variable(np.zeros(1, np.float32))},
        {**variables(), "b": Variable(np.zeros(4, np.float32))},
        {**variables(), "b": Variable(np.zeros(5, np.int32))},
        {name: v for name, v in variables().items() if name != "b"},
    ):
        with pytest.raises(StateError, match="another model or optimizer"):
            file.restore(wrong)
        np.testing.assert_array_equal(wrong["a"].value, variables()["a"].value)


@contextmanager
def largest_file(size):
    """As on a disk with that much room: writing more fails in the middle."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_write_that_fails_leaves_the_old_state_and_nothing_else(file, tmp_path):
    file.write("old", variables())
    with largest_file(4096), pytest.raises(OSError, match="too large"):
        file.write("new", {"a": Variable(np.zeros(100_000, np.float32))})
    assert file.read() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["state.safetensors"]


def test_a_disk_is_not_filled_to_its_brim(file, tmp_path, monkeypatch):
    monkeypatch.setattr(state_file, "SPARE_BYTES", 1 << 60)
    with pytest.raises(OSError, match=r"MB are free and 0 MB needed"):
        file.write("new", variables())
    assert list(tmp_path.iterdir()) == []


WRITER = """
import sys
from pathlib import Path
import numpy as np
from tests.training.test_state_file import Variable
from tuner.training.state_file import StateFile
file = StateFile(Path(sys.argv[1]))
number = 0
while True:
    number += 1
    file.write(str(number), {"a": Variable(np.full(2_000_000, number, np.float32))})
    print(number, flush=True)
"""


def test_killed_at_any_moment_a_whole_state_is_left(file, tmp_path):
    seen, moments = set(), np.random.default_rng(0)
    for _ in range(20):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(file.path)], stdout=subprocess.PIPE
        )
        with process:
            said = int(process.stdout.readline())
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(moments.uniform(0.0, 0.1))
            process.send_signal(signal.SIGKILL)
            said = max([said, *map(int, process.stdout.read().split())])
        number = int(file.read())
        assert said <= number <= said + 1
        found = {"a": Variable(np.zeros(2_000_000, np.float32))}
        file.restore(found)
        assert set(np.unique(found["a"].value)) == {number}
        seen.add((tmp_path / ".state.safetensors.partial").exists())
    assert True in seen  # some were killed in the middle of a write
    file.remove()
    assert list(tmp_path.iterdir()) == []
