"""The file of a journal: one record per line, only appended to, under a lock among machines."""

import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from optuna.storages.journal import BaseJournalBackend

from tuner.errors import InputError
from tuner.files.whole_lines import whole_lines
from tuner.study.link_lock import LinkLock
from tuner.study.lost import StudyLostError

_CHUNK = 65536


class JournalFile(BaseJournalBackend):
    """Records of Optuna's journal storage.

    A line counts once its end is written. If a writer is killed in the middle of a line, readers
    ignore the part and the next writer cuts it off: the killed one never learnt of a success.
    """

    def __init__(self, path: Path, lock: LinkLock | None = None) -> None:
        """Name the file.

        Args:
            path: File of the journal.
            lock: Lock that is held for every append; None to read only.
        """
        self.path = path
        self._lock = lock
        self._read = 0
        self._offset = 0
        self._inode: int | None = None
        self._writer: int | None = None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock; nobody else appends meanwhile.

        The thread that holds it may enter again, as Optuna does for every record that it writes.
        """
        if self._writer == threading.get_ident():
            yield
            return
        if self._lock is None:
            raise PermissionError(f"{self.path} is open for reading only")
        with self._lock:
            self._writer = threading.get_ident()
            try:
                yield
            finally:
                self._writer = None

    def check_lock(self) -> None:
        """Raise LockLostError unless the lock is still ours."""
        if self._lock is not None:
            self._lock.check()

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """Yield the records from a number on, counted from 0.

        Raises:
            InputError: A line is no record.
            StudyLostError: Another file has replaced the journal.
        """
        if log_number_from < self._read:
            self._read = self._offset = 0
        with self.path.open("rb") as file:
            self._check_same(file)
            file.seek(self._offset)
            for line in whole_lines(file):
                record = self._parsed(line)
                self._read += 1
                self._offset += len(line)
                if self._read > log_number_from:
                    yield record

    def _check_same(self, file: BinaryIO) -> None:
        """Refuse a file that does not continue what was read."""
        inode = os.fstat(file.fileno()).st_ino
        is_same = self._inode in (None, inode) and _is_begin_of_line(file, self._offset)
        if not is_same:
            raise StudyLostError(
                "the study's journal was replaced or truncated while the study was running",
                str(self.path),
                "put the former journal back, then run the same command; without it the command "
                "continues from what the file holds now",
            )
        self._inode = inode

    def _parsed(self, line: bytes) -> dict[str, Any]:
        try:
            record: Any = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        if isinstance(record, dict) and isinstance(record.get("op_code"), int):
            return record
        raise InputError(
            "a line of the study's journal is no record: another program wrote it, or the disk "
            "lost a part",
            where=f"{self.path}:{self._read + 1}",
            remedy="remove the line while no agent runs; its content is lost. If the file belongs "
            "to another program: storage.url=journal:///FILE of its own",
        )

    def append_logs(self, logs: Sequence[Mapping[str, Any]]) -> None:
        """Append records.

        Raises:
            LockLostError: Others broke the lock meanwhile; nothing is written.
            TimeoutError: Others held the lock all the time.
        """
        text = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        with self.locked(), self.path.open("r+b", buffering=0) as file:
            end = end_of_whole_lines(file)
            file.truncate(end)
            file.seek(end)
            self.check_lock()
            left = memoryview(text.encode())
            while left:
                left = left[file.write(left) :]
            os.fsync(file.fileno())


def _is_begin_of_line(file: BinaryIO, offset: int) -> bool:
    """Return True if a line ends before this position; a torn line is cut off after it."""
    if offset == 0:
        return True
    file.seek(offset - 1)
    return file.read(1) == b"\n"


def end_of_whole_lines(file: BinaryIO) -> int:
    """Return the number of bytes up to the end of the last whole line."""
    end = file.seek(0, os.SEEK_END)
    while end > 0:
        begin = max(0, end - _CHUNK)
        file.seek(begin)
        found = file.read(end - begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        end = begin
    return 0
