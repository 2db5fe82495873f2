"""What is still to be sent to MLflow, on disk: one file of events for each process that tracks.

A spool belongs to the process that holds its lock; the kernel lets go of the lock when that
process dies, however it does. A process that ends well leaves no spool once all of it was sent.

Locks may not reach other machines, so there the file's time of change is the sign of life: whoever
has a spool touches it, whoever lets go of it sets it to 1970. The file system's own clock counts.
"""

import errno
import json
import os
import re
import shutil
import socket
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
from tuner.tracking.events import Event, Opened, RunStarted, from_line, to_line

SPOOL = "spool"
"""The folder of a study's spools."""

BATCH = 200
"""So many lines are read at a time."""

TOUCH_SECONDS = 30.0
GONE_SECONDS = 900.0
"""Without a touch for so long, a spool's process is gone; machines cache times for a minute."""

_MOST_TRIES = 100
"""Attempts at making a spool while other processes remove its folder, or take it."""

_TAKER = "@"
"""Between a spool's name and the machine that took it over from the one that wrote it."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Lines of a spool that were not sent yet."""

    events: list[Event]
    """In order."""
    unreadable: int
    """Lines that are no event."""
    end: int
    """Where the next batch begins, in bytes."""


class Spool:
    """One process's events: `NAME.jsonl`, and beside it the files that they speak of.

    `NAME.sent` says how far they were sent, `NAME.refused` holds those that MLflow will not take,
    `NAME.lock` is held by whoever writes or sends them.
    """

    def __init__(self, path: Path) -> None:
        """Names the files; see `new_spool` and `leftovers`."""
        self.path = path
        self.name, _, taker = path.stem.partition(_TAKER)
        """Unlike that of any other spool: time of its beginning, process and machine."""
        self.host = taker or self.name.split("-", 2)[2]
        """The machine whose process has it or had it last."""
        self.refusals = self._beside(".refused")
        self._cursor = self._beside(".sent")
        self._files = self._beside(".files")
        self._lock_file = self._beside(".lock")
        self._lock = FileLock(self._lock_file, timeout=0, thread_local=False)
        self._released = threading.Event()
        self._toucher = threading.Thread(target=self._touch, name="spool", daemon=True)
        self._appending = threading.Lock()
        self._end: int | None = None
        self._noted: tuple[str, int] | None = None
        self.fresh = False
        """Whether nobody but this process has sent any of it."""

    def _beside(self, suffix: str) -> Path:
        return self.path.with_name(self.name + suffix)

    # -- owning -------------------------------------------------------------------------------

    def take(self) -> bool:
        """Make the spool ours, unless a living process has it or it cannot be had."""
        try:
            if self.host != _host() and not self._is_silent():
                return False
            self.acquire()
        except OSError:  # Somebody has the lock, has taken it, has sent it, or owns the folder.
            return False
        return True

    def acquire(self) -> None:
        """Make the spool ours, whatever its last sign of life.

        Raises:
            Timeout: Another process has it.
            FileNotFoundError: Another process took it over, or has sent it all.
            OSError: The file system gives no lock.
        """
        try:
            self._lock.acquire()
            self._move(_host())
        except OSError:
            self._lock.release()
            raise
        self._toucher.start()

    def release(self) -> None:
        """Lets the spool go; what was not sent stays for whoever takes it next."""
        self._let_go()
        with suppress(OSError):
            os.utime(self.path, (0, 0))
        self._lock.release()

    def discard(self) -> None:
        """Removes what was sent; refused events stay."""
        self._let_go()
        self.path.unlink(missing_ok=True)
        self._cursor.unlink(missing_ok=True)
        shutil.rmtree(self._files, ignore_errors=True)
        self._lock.release()
        self._lock_file.unlink(missing_ok=True)
        with suppress(OSError):
            self.path.parent.rmdir()

    def _move(self, host: str) -> None:
        """Names the machine that has it; of several that try it one succeeds.

        Raises:
            FileNotFoundError: Another one was faster, or has sent it all.
        """
        os.utime(self.path)
        if host != self.host:
            moved = self._beside(f"{_TAKER}{host}.jsonl")
            self.path.rename(moved)
            self.path, self.host = moved, host

    def _is_silent(self) -> bool:
        """Whether nobody has it, or its process has not touched it for long."""
        with tempfile.NamedTemporaryFile(dir=self.path.parent) as now:
            passed = Path(now.name).stat().st_mtime - self.path.stat().st_mtime
        return passed > GONE_SECONDS

    def _touch(self) -> None:
        while not self._released.wait(TOUCH_SECONDS):
            with suppress(OSError):
                os.utime(self.path)

    def _let_go(self) -> None:
        self._released.set()
        if self._toucher.is_alive():
            self._toucher.join()

    # -- writing ------------------------------------------------------------------------------

    def append(self, event: Event) -> None:
        """Adds an event behind the last whole line.

        Raises:
            TunerError: The disk takes no more; nothing of the event is left.
        """
        line = to_line(event)
        with self._appending, self._writing(), self.path.open("ab", buffering=0) as file:
            if self._end is None:
                self._end = self.path.read_bytes().rfind(b"\n") + 1
            self._end = min(self._end, file.tell())  # Taken over from us while we were held up.
            if file.tell() != self._end:
                file.truncate(self._end)
            if file.write(line) != len(line):
                raise OSError(errno.ENOSPC, "no space left on the device")
            self._end += len(line)

    def attach(self, run: str, files: Iterable[Path]) -> tuple[str, ...]:
        """Keeps files as they are now, since another attempt may write them anew.

        Args:
            run: That they belong to.
            files: Files, and folders for all that is in them; those that are not there count for
                none.

        Returns:
            The names that `attached` finds them by: the run's, then the path in the run.
        """
        names = []
        with self._writing():
            for name, file in _inside(files):
                kept = self._files / run / name
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.unlink(missing_ok=True)
                # Another attempt goes on writing the log; a folder's files are made anew.
                (_link if "/" in name else shutil.copyfile)(file, kept)
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
        """The file that `attach` kept; gone where it was sent."""
        return self._files / name

    # -- sending ------------------------------------------------------------------------------

    def pending(self, store: str) -> Batch | None:
        """The next events to send; None where all were.

        Args:
            store: Where to (see `Connection.place`); a store that got none of them yet gets all.
        """
        with self.path.open("rb") as file:
            start = _begin_of_line(file, self._sent(store))
            lines = list(islice(whole_lines(file), BATCH))
        if not lines:
            return None
        found = [from_line(line) for line in lines]
        events = [event for event in found if event is not None]
        end = start + sum(map(len, lines))
        return Batch(events=events, unreadable=len(found) - len(events), end=end)

    def note_sent(self, end: int, store: str) -> None:
        """Notes that everything before `end` was sent: the new note is on disk, or the old one."""
        self._noted = (store, end)
        beside = self._cursor.with_suffix(".sent-new")
        # A note that the disk does not take costs sending a few events twice.
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
        """Keeps an event that MLflow will not take."""
        with self.refusals.open("ab") as file:
            file.write(json.dumps({"why": why}).encode() + b"\n" + to_line(event))

    def events(self) -> Iterator[Event]:
        """All events, sent ones too."""
        with self.path.open("rb") as file:
            for line in whole_lines(file):
                if (event := from_line(line)) is not None:
                    yield event

    def begun(self) -> dict[str, RunStarted]:
        """The runs of this spool by their names in it."""
        return {event.run: event for event in self.events() if isinstance(event, RunStarted)}

    @property
    def is_unsent(self) -> bool:
        """Whether nobody has sent any of it yet, as far as the disk knows."""
        return not self._cursor.exists()

    @property
    def store(self) -> str:
        """MLflow's tracking URI, for which it is meant; empty: nobody said."""
        return self._opened.store if self._opened else ""

    @property
    def study_id(self) -> str | None:
        """Id of the study whose runs these are; None: written by a version without ids."""
        return self._opened.study_id if self._opened else None

    @cached_property
    def _opened(self) -> Opened | None:
        first = next(self.events(), None)
        return first if isinstance(first, Opened) else None

    def left(self, store: str) -> int:
        """How many lines were not sent."""
        with suppress(OSError):
            return self.path.read_bytes()[self._sent(store) :].count(b"\n")
        return 0


def new_spool(folder: Path, store: str, now: int, study_id: str | None = None) -> Spool:
    """Makes a spool of this process.

    Args:
        folder: Where; made if it is missing.
        store: MLflow's tracking URI, for which it is meant; empty: whoever sends it says.
        now: Milliseconds since the epoch.
        study_id: Id of the study; None: there is no study.

    Raises:
        OSError: The folder cannot be written, or its file system gives no lock.
    """
    spool = None
    for _ in range(_MOST_TRIES):
        if (spool := _made(folder)) is not None:
            break
    if spool is None:
        raise FileNotFoundError(errno.ENOENT, "other processes remove it again and again", folder)
    spool.fresh = True
    spool.append(Opened(at=now, store=store, study_id=study_id))
    return spool


def _made(folder: Path) -> Spool | None:
    """Make an empty spool of ours; None where another process was faster.

    One that ends removes the folder while it is empty, and one that starts takes up what nobody
    has locked yet.
    """
    folder.mkdir(parents=True, exist_ok=True)
    spool = Spool(folder / f"{time.time_ns()}-{os.getpid()}-{_host()}.jsonl")
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
    """The spools whose processes are gone, oldest first; they are ours from here on."""
    return [spool for spool in spools(folder) if spool.take()]


def spools(folder: Path) -> list[Spool]:
    """All spools of a study, oldest first, whoever has them."""
    return [Spool(path) for path in sorted(folder.glob("*-*-*.jsonl"))]


def _is_same_place(noted: str, store: str) -> bool:
    """Whether a note is of this store, as far as both tell its experiment.

    Notes of earlier versions have the address alone, as has a store that was not reached yet.
    """
    return noted == store or noted.startswith(f"{store} ") or store.startswith(f"{noted} ")


def _begin_of_line(file: BinaryIO, noted: int) -> int:
    """Goes to where reading continues: the noted place, or the beginning.

    A spool that was replaced or cut off has no line beginning at that place. To send all of it
    again leaves MLflow as it is.

    Args:
        file: The spool.
        noted: Bytes of it that were sent.

    Returns:
        The place in bytes.
    """
    if noted > 0:
        file.seek(noted - 1)
        if file.read(1) == b"\n":
            return noted
        file.seek(0)
    return 0


def _inside(files: Iterable[Path]) -> Iterator[tuple[str, Path]]:
    """The files that there are, those in folders too, with their paths from there on."""
    for path in files:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                yield file.relative_to(path.parent).as_posix(), file


def _link(file: Path, kept: Path) -> None:
    """A second name costs no space; not every file system has it."""
    try:
        os.link(file, kept)
    except OSError:
        shutil.copyfile(file, kept)


def _host() -> str:
    """The machine's name as a part of a file name."""
    return re.sub(r"[^\w.-]", "_", socket.gethostname())
