import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock

from tuner.errors import InputError
from tuner.study.heartbeat_files import HeartbeatFiles
from tuner.study.journal_file import JournalFile
from tuner.study.link_lock import LONGEST_HOLD, LinkLock, LockLostError
from tuner.study.lost import StudyLostError
from tuner.study.owner import identity
from tuner.study.storage_retry import StorageRetry

RECORDS = [{"op_code": 0, "worker_id": "w", "study_name": f"s{n}", "directions": [2]}
           for n in range(3)]  # fmt: skip


class Clock:
    """Time that passes by waiting alone."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def me():
    return identity()


def journal(folder, me):
    path = folder / "study.journal"
    path.touch()
    return JournalFile(path, LinkLock(folder / "study.journal.lock", me))


def append(file, records):
    with file.locked():
        file.append_logs(records)


def names(path):
    """Records that Optuna itself reads."""
    storage = JournalStorage(JournalFileBackend(str(path)))
    return [study.study_name for study in storage.get_all_studies()]


def test_a_line_torn_anywhere_is_read_by_nobody_and_cut_off_by_the_next_writer(tmp_path, me):
    whole = "".join(json.dumps(record) + "\n" for record in RECORDS[:2]).encode()
    last = len(whole.splitlines(keepends=True)[0])
    reader = JournalFile(tmp_path / "study.journal")
    for length in range(last, len(whole)):
        file = journal(tmp_path, me)
        file.path.write_bytes(whole[:length])
        assert list(reader.read_logs(0)) == RECORDS[:1]
        append(file, RECORDS[2:])
        assert list(file.read_logs(0)) == [RECORDS[0], RECORDS[2]]
        assert names(file.path) == ["s0", "s2"]


def test_a_file_of_nothing_but_a_torn_line_begins_again(tmp_path, me):
    file = journal(tmp_path, me)
    file.path.write_bytes(b"{" + b" " * 200_000)
    append(file, RECORDS)
    assert list(file.read_logs(1)) == RECORDS[1:]


def test_a_reader_goes_on_where_it_was(tmp_path, me):
    file, reader = journal(tmp_path, me), JournalFile(tmp_path / "study.journal")
    append(file, RECORDS[:1])
    assert list(reader.read_logs(0)) == RECORDS[:1]
    append(file, RECORDS[1:])
    assert list(reader.read_logs(1)) == RECORDS[1:]
    assert list(reader.read_logs(3)) == []
    assert list(reader.read_logs(0)) == RECORDS


def test_a_line_that_is_no_record_is_named(tmp_path, me):
    file = journal(tmp_path, me)
    append(file, RECORDS[:1])
    file.path.write_bytes(file.path.read_bytes() + b"\0\0\0\n")
    with pytest.raises(InputError, match=r"no record(.|\n)*study\.journal:2"):
        list(file.read_logs(0))


HOLD = """
import json, os, sys
from tuner.study.owner import identity
os.symlink(json.dumps(identity() | {"held": 1}), sys.argv[1])
"""


def test_the_lock_of_a_process_that_ended_is_taken_away_at_once(tmp_path, me):
    path = tmp_path / "lock"
    subprocess.run([sys.executable, "-c", HOLD, str(path)], check=True)
    clock = Clock()
    with LinkLock(path, me, clock, clock.sleep) as lock:
        assert lock is None
        assert clock.now < 1.0
    assert list(tmp_path.iterdir()) == []


def test_a_lock_from_elsewhere_is_waited_for_and_taken_away_when_it_never_changes(tmp_path, me):
    path = tmp_path / "lock"
    path.symlink_to(json.dumps(me | {"machine": "another", "pid": 1}))
    clock = Clock()
    lock = LinkLock(path, me, clock, clock.sleep)

    def hold():
        with lock:
            lock.check()

    with pytest.raises(TimeoutError, match="another"):
        hold()
    StorageRetry(120.0, "here", clock, clock.sleep)(hold)
    assert LONGEST_HOLD < clock.now < 2 * LONGEST_HOLD


def test_a_lock_that_changes_hands_is_never_taken_away(tmp_path, me):
    path, clock = tmp_path / "lock", Clock()
    lock = LinkLock(path, me, clock, clock.sleep)
    for turn in range(8):
        path.unlink(missing_ok=True)
        path.symlink_to(json.dumps(me | {"machine": "another", "held": turn}))
        with pytest.raises(TimeoutError), lock:
            pass
    assert clock.now > 2 * LONGEST_HOLD


def test_who_lost_the_lock_writes_nothing_and_leaves_the_next_holders_alone(tmp_path, me):
    file = journal(tmp_path, me)
    lock = tmp_path / "study.journal.lock"
    with file.locked():
        lock.unlink()
        lock.symlink_to("of another")
        with pytest.raises(LockLostError):
            file.append_logs(RECORDS)
    assert lock.readlink() == Path("of another")
    assert file.path.read_bytes() == b""


def test_optunas_own_lock_and_ours_keep_each_other_out(tmp_path, me):
    clock = Clock()
    path = tmp_path / "study.journal"
    theirs = JournalFileSymlinkLock(str(path))
    theirs.acquire()
    with pytest.raises(TimeoutError), LinkLock(Path(f"{path}.lock"), me, clock, clock.sleep):
        pass
    theirs.release()
    with LinkLock(Path(f"{path}.lock"), me):
        assert Path(f"{path}.lock").is_symlink()


def test_heartbeats_are_compared_by_the_times_of_files(tmp_path):
    folder = tmp_path / "agents"
    one, other = HeartbeatFiles(folder, "one"), HeartbeatFiles(folder, "other")
    given = one.touch()
    assert 0 <= other.silences(["one"])["one"] < 60
    os.utime(folder / "one", (given - 60, given - 60))
    assert other.silences(["one"])["one"] >= 60
    one.remove()
    assert folder.exists()
    other.remove()
    assert not folder.exists()


def test_the_silence_of_an_agent_without_a_heartbeat_begins_when_it_is_first_seen(tmp_path):
    owned = HeartbeatFiles(tmp_path / "agents", "ours")
    assert owned.silences(["theirs"]) == {"theirs": 0.0}
    seen = (tmp_path / "agents" / "theirs").stat().st_mtime
    os.utime(tmp_path / "agents" / "theirs", (seen - 60, seen - 60))
    assert owned.silences(["theirs"])["theirs"] >= 60


def test_a_replaced_journal_is_refused_by_every_later_call(tmp_path):
    path = tmp_path / "study.journal"
    path.write_text('{"op_code":1}\n{"op_code":2}\n')
    journal = JournalFile(path)
    assert len(list(journal.read_logs(0))) == 2
    other = tmp_path / "other"
    other.write_text('{"op_code":7}\n{"op_code":8}\n{"op_code":9}\n')
    other.replace(path)
    for _ in range(2):
        with pytest.raises(StudyLostError):
            list(journal.read_logs(2))
