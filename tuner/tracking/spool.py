"""Events that are still to be sent to MLflow: one file for each process that tracks.

A spool belongs to the process that holds its lock; the kernel releases the lock when that process
dies. A process that ends normally leaves no spool once everything is sent.

Locks may not work between machines, so there a file's modification time is the heartbeat: the
owner of a spool touches it, and whoever releases it sets the time to 1970. All times come from the
file system's clock.
"""

import errno
import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout

from tuner.files.disk import UnwritableError, refusals_said
from tuner.files.whole_lines import whole_lines
from tuner.processes.host import host_name
from tuner.tracking.events import Event, Opened, RunStarted, from_line, to_line

SPOOL = "spool"
"""Name of the folder of a study's spools."""

BATCH = 200
"""Number of lines that are read at a time."""

TOUCH_SECONDS = 30.0
GONE_SECONDS = 900.0
"""Seconds without a touch after which a process counts as gone; machines cache times for a minute.
"""

_MOST_TRIES = 100
"""Tries to make a spool while other processes remove its folder or take the spool."""

_TAKER = "@"
"""Separator of a spool's name and the machine that took it over."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Unsent lines of a spool."""

    events: list[Event]
    """Events in order."""
    unreadable: int
    """Number of lines that are no event."""
    end: int
    """Position of the next batch, in bytes."""


class Spool:
    """Events of one process in `NAME.jsonl`, and the files that they refer to.

    `NAME.sent` holds the position up to which they were sent, `NAME.refused` the events that
    MLflow refused. `NAME.lock` is held by the process that writes or sends them.
    """

    def __init__(self, path: Path) -> None:
        """Name the files; see `new_spool` and `leftovers`."""
        self.path = path
        self.name, _, taker = path.stem.partition(_TAKER)
        """Unique name: time of creation, process and machine."""
        self.host = taker or self.name.split("-", 2)[2]
        """Machine whose process has it, or had it last."""
        self.refusals = self._sibling(".refused")
        self._cursor = self._sibling(".sent")
        self._files = self._sibling(".files")
        self._lock_file = self._sibling(".lock")
        self._lock = FileLock(self._lock_file, timeout=0, thread_local=False)
        self._released = threading.Event()
        self._touch_thread = threading.Thread(target=self._touch, name="spool", daemon=True)
        self._appending = threading.Lock()
        self._end: int | None = None
        self._noted: tuple[str, int] | None = None
        self.fresh = False
        """True if no other process can have sent any of it."""

    def _sibling(self, suffix: str) -> Path:
        return self.path.with_name(self.name + suffix)

    # -- owning -------------------------------------------------------------------------------

    def take(self) -> bool:
        """Take the spool, unless a living process has it; return True on success."""
        try:
            if self.host != host_name() and not self._is_silent():
                return False
            self.acquire()
        except OSError:  # Another process has locked, taken or sent it, or owns the folder.
            return False
        return True

    def acquire(self) -> None:
        """Take the spool, however recent its last heartbeat is.

        Raises:
            Timeout: Another process has it.
            FileNotFoundError: Another process took it over, or has sent it all.
            OSError: The file system gives no lock.
        """
        try:
            self._lock.acquire()
            self._move(host_name())
        except OSError:
            self._lock.release()
            raise
        self._touch_thread.start()

    def release(self) -> None:
        """Release the spool; its unsent events stay for the next process that takes it."""
        self._stop_touching()
        with suppress(OSError):
            os.utime(self.path, (0, 0))
        self._lock.release()

    def discard(self) -> None:
        """Remove a sent spool; refused events stay."""
        self._stop_touching()
        self.path.unlink(missing_ok=True)
        self._cursor.unlink(missing_ok=True)
        shutil.rmtree(self._files, ignore_errors=True)
        self._lock.release()
        self._lock_file.unlink(missing_ok=True)
        with suppress(OSError):
            self.path.parent.rmdir()

    def _move(self, host: str) -> None:
        """Write this machine into the file name; only one process can succeed.

        Raises:
            FileNotFoundError: Another process has taken it, or has sent all of it.
        """
        os.utime(self.path)
        if host != self.host:
            moved = self._sibling(f"{_TAKER}{host}.jsonl")
            self.path.rename(moved)
            self.path, self.host = moved, host

    def _is_silent(self) -> bool:
        """Return True if no process has it, or its process has not touched it for too long."""
        with tempfile.NamedTemporaryFile(dir=self.path.parent) as now:
            passed = Path(now.name).stat().st_mtime - self.path.stat().st_mtime
        return passed > GONE_SECONDS

    def _touch(self) -> None:
        while not self._released.wait(TOUCH_SECONDS):
            with suppress(OSError):
                os.utime(self.path)

    def _stop_touching(self) -> None:
        self._released.set()
        if self._touch_thread.is_alive():
            self._touch_thread.join()

    # -- writing ------------------------------------------------------------------------------

    def append(self, event: Event) -> None:
        """Append an event behind the last whole line.

        Raises:
            TunerError: The disk is full; nothing of the event is left.
        """
        line = to_line(event)
        with self._appending, self._writing(), self.path.open("ab", buffering=0) as file:
            if self._end is None:
                self._end = self.path.read_bytes().rfind(b"\n") + 1
            self._end = min(self._end, file.tell())  # Another process has taken it over meanwhile.
            if file.tell() != self._end:
                file.truncate(self._end)
            if file.write(line) != len(line):
                raise OSError(errno.ENOSPC, "no space left on the device")
            self._end += len(line)

    def attach(self, run: str, files: Iterable[Path]) -> tuple[str, ...]:
        """Keep files in their present state, since another attempt may overwrite them.

        Args:
            run: Run that they belong to.
            files: Files, and folders for all files in them; missing ones are ignored.

        Returns:
            Names for `attached`: the run's name, then the path in the run.
        """
        names = []
        with self._writing():
            for name, file in _files_in(files):
                kept = self._files / run / name
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.unlink(missing_ok=True)
                # Another attempt appends to the log, but makes a folder's files anew.
                (_link_or_copy if "/" in name else shutil.copyfile)(file, kept)
                names.append(f"{run}/{name}")
        return tuple(names)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with refusals_said(str(self.path)):
                yield
        except OSError as error:
            raise UnwritableError(str(self.path), error.strerror or str(error)) from error

    def attached(self, name: str) -> Path:
        """Return the path of a file that `attach` kept; it is missing once it was sent."""
        return self._files / name

    # -- sending ------------------------------------------------------------------------------

    def pending(self, store: str) -> Batch | None:
        """Return the next events to send; None if there are none.

        Args:
            store: Store to send to (see `Connection.place`); a new store gets all events.
        """
        with self.path.open("rb") as file:
            start = _seek_unsent(file, self._sent(store))
            lines = list(islice(whole_lines(file), BATCH))
        if not lines:
            return None
        found = [from_line(line) for line in lines]
        events = [event for event in found if event is not None]
        end = start + sum(map(len, lines))
        return Batch(events=events, unreadable=len(found) - len(events), end=end)

    def mark_sent(self, end: int, store: str) -> None:
        """Note atomically that everything before `end` was sent."""
        self._noted = (store, end)
        beside = self._cursor.with_suffix(".sent-new")
        # If the disk is full, a few events are sent twice.
        with suppress(OSError):
            beside.write_text(json.dumps(self._noted), encoding="utf-8")
            beside.replace(self._cursor)

    def _sent(self, store: str) -> int:
        if self._noted is None:
            self._noted = ("", 0)
            with suppress(OSError, ValueError, TypeError):
                noted_store, end = json.loads(self._cursor.read_bytes())
                self._noted = (str(noted_store), int(end))
        return self._noted[1] if _is_same_place(self._noted[0], store) else 0

    def refuse(self, event: Event, why: str) -> None:
        """Keep an event that MLflow refused."""
        with self.refusals.open("ab") as file:
            file.write(json.dumps({"why": why}).encode() + b"\n" + to_line(event))

    def events(self) -> Iterator[Event]:
        """Yield all events, including sent ones."""
        with self.path.open("rb") as file:
            for line in whole_lines(file):
                if (event := from_line(line)) is not None:
                    yield event

    def begun(self) -> dict[str, RunStarted]:
        """Return the runs of this spool by name."""
        return {event.run: event for event in self.events() if isinstance(event, RunStarted)}

    @property
    def is_unsent(self) -> bool:
        """True if no process has noted that any of it was sent."""
        return not self._cursor.exists()

    @property
    def store(self) -> str:
        """MLflow's tracking URI that it is meant for; empty if the user named none."""
        return self._opened.store if self._opened else ""

    @property
    def study_id(self) -> str | None:
        """Id of the study of these runs; None if a version without ids wrote them."""
        return self._opened.study_id if self._opened else None

    @cached_property
    def _opened(self) -> Opened | None:
        first = next(self.events(), None)
        return first if isinstance(first, Opened) else None

    def left(self, store: str) -> int:
        """Return the number of unsent lines."""
        with suppress(OSError):
            return self.path.read_bytes()[self._sent(store) :].count(b"\n")
        return 0


def new_spool(folder: Path, store: str, now: int, study_id: str | None = None) -> Spool:
    """Make a spool for this process.

    Args:
        folder: Folder of the spools; made if it is missing.
        store: MLflow's tracking URI that it is meant for; empty if the user named none.
        now: Time in milliseconds since the epoch.
        study_id: Id of the study; None without a study.

    Raises:
        OSError: The folder cannot be written, or its file system gives no lock.
    """
    spool = None
    for _ in range(_MOST_TRIES):
        if (spool := _made(folder)) is not None:
            break
    if spool is None:
        raise FileNotFoundError(errno.ENOENT, "other processes keep removing the folder", folder)
    spool.fresh = True
    spool.append(Opened(at=now, store=store, study_id=study_id))
    return spool


def _made(folder: Path) -> Spool | None:
    """Make an empty spool of ours; return None if another process interfered.

    A process that ends removes the folder while it is empty, and one that starts takes spools
    that are not locked yet.
    """
    folder.mkdir(parents=True, exist_ok=True)
    spool = Spool(folder / f"{time.time_ns()}-{os.getpid()}-{host_name()}.jsonl")
    try:
        spool.path.touch(exist_ok=False)
        spool.acquire()
    except (FileNotFoundError, Timeout):
        return None
    except OSError:
        spool.discard()
        raise
    return spool


def leftovers(folder: Path) -> list[Spool]:
    """Take the spools whose processes are gone; return them, oldest first."""
    return [spool for spool in spools(folder) if spool.take()]


def spools(folder: Path) -> list[Spool]:
    """Return all spools of a study, oldest first, whoever owns them."""
    return [Spool(path) for path in sorted(folder.glob("*-*-*.jsonl"))]


def _is_same_place(noted: str, store: str) -> bool:
    """Return True if a noted store may be this one.

    Notes of earlier versions, and stores that were never reached, have only the address.
    """
    return noted == store or noted.startswith(f"{store} ") or store.startswith(f"{noted} ")


def _seek_unsent(file: BinaryIO, noted: int) -> int:
    """Move to the position where reading continues: the noted one, or the start.

    A spool that was replaced or truncated has no line that begins at the noted position; sending
    all of it again leaves MLflow unchanged.

    Args:
        file: File of the spool.
        noted: Number of bytes that were sent.

    Returns:
        Position in bytes.
    """
    if noted > 0:
        file.seek(noted - 1)
        if file.read(1) == b"\n":
            return noted
        file.seek(0)
    return 0


def _files_in(files: Iterable[Path]) -> Iterator[tuple[str, Path]]:
    """Yield the existing files, including those in folders, with their relative paths."""
    for path in files:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                yield file.relative_to(path.parent).as_posix(), file


def _link_or_copy(file: Path, kept: Path) -> None:
    """Link a file, which needs no space; copy it if the file system has no links."""
    try:
        os.link(file, kept)
    except OSError:
        shutil.copyfile(file, kept)
