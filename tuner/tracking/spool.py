"""What is still to be sent to MLflow, on disk: one file of events for each process that tracks.

A spool belongs to the process that holds its lock; the kernel lets go of the lock when that
process dies, however it does. A process that ends well leaves no spool once all of it was sent.
"""

import errno
import json
import os
import re
import shutil
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from tuner.disk import UnwritableError, refusals_said
from tuner.tracking.events import Begun, Closed, Event, from_line, to_line

BATCH = 200
"""So many lines are read at a time."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Lines of a spool that were not sent yet.

    Attributes:
        events: In order.
        unreadable: Lines that are no event.
        end: Where the next batch begins, in bytes.
    """

    events: list[Event]
    unreadable: int
    end: int


class Spool:
    """One process's events: `NAME.jsonl`, and beside it the files that they speak of.

    `NAME.sent` says how far they were sent, `NAME.refused` holds those that MLflow will not take,
    `NAME.lock` is held by whoever writes or sends them.
    """

    def __init__(self, path: Path) -> None:
        """Names the files; see `new` and `leftovers`."""
        self.path = path
        self.refusals = path.with_suffix(".refused")
        self._cursor = path.with_suffix(".sent")
        self._files = path.with_suffix(".files")
        self._lock_file = path.with_suffix(".lock")
        self._lock = FileLock(self._lock_file, timeout=0, thread_local=False)
        self._end: int | None = None
        self._noted: tuple[str, int] | None = None
        self.fresh = False
        """Whether nobody but this process has sent any of it."""

    @property
    def name(self) -> str:
        """Unlike that of any other spool: time of its beginning, process and machine."""
        return self.path.stem

    @property
    def host(self) -> str:
        """The machine whose process wrote it."""
        return self.name.split("-", 2)[2]

    # -- owning -------------------------------------------------------------------------------

    def take(self) -> bool:
        """Makes the spool ours, unless a living process has it or it is gone."""
        try:
            self._lock.acquire()
        except Timeout:
            return False
        if self.path.exists():
            return True
        self.release()
        return False

    def release(self) -> None:
        """Lets the spool go; what was not sent stays for the next start."""
        self._lock.release()

    def discard(self) -> None:
        """Removes what was sent; refused events stay."""
        self.path.unlink(missing_ok=True)
        self._cursor.unlink(missing_ok=True)
        shutil.rmtree(self._files, ignore_errors=True)
        self.release()
        self._lock_file.unlink(missing_ok=True)
        with suppress(OSError):
            self.path.parent.rmdir()

    # -- writing ------------------------------------------------------------------------------

    def append(self, event: Event) -> None:
        """Adds an event behind the last whole line.

        Raises:
            TunerError: The disk takes no more; nothing of the event is left.
        """
        line = to_line(event)
        with self._writing(), self.path.open("ab", buffering=0) as file:
            if self._end is None:
                self._end = self.path.read_bytes().rfind(b"\n") + 1
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
                _link(file, kept)
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
            store: Where to; a store that got none of them yet gets all.
        """
        start = self._sent(store)
        with self.path.open("rb") as file:
            file.seek(start)
            lines = [line for _, line in zip(range(BATCH), file, strict=False)]
        if lines and not lines[-1].endswith(b"\n"):
            lines.pop()
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
        return self._noted[1] if self._noted[0] == store else 0

    def refuse(self, event: Event, why: str) -> None:
        """Keeps an event that MLflow will not take."""
        with self.refusals.open("ab") as file:
            file.write(json.dumps({"why": why}).encode() + b"\n" + to_line(event))

    def events(self) -> Iterator[Event]:
        """All events, sent ones too."""
        with self.path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n") and (event := from_line(line)) is not None:
                    yield event

    def begun(self) -> dict[str, Begun]:
        """The runs of this spool by their names in it."""
        return {event.run: event for event in self.events() if isinstance(event, Begun)}

    def closed(self) -> bool:
        """Whether its process wrote all that it had to."""
        return any(isinstance(event, Closed) for event in self.events())

    def left(self, store: str) -> int:
        """How many lines were not sent."""
        with suppress(OSError):
            return self.path.read_bytes()[self._sent(store) :].count(b"\n")
        return 0


def new_spool(folder: Path) -> Spool:
    """Makes an empty spool of this process.

    Raises:
        OSError: The folder can not be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    spool = Spool(folder / f"{time.time_ns()}-{os.getpid()}-{_host()}.jsonl")
    spool.path.touch(exist_ok=False)
    spool.take()
    spool.fresh = True
    return spool


def leftovers(folder: Path) -> list[Spool]:
    """The spools whose processes are gone, oldest first; they are ours from here on.

    A process of another machine can not be seen: its spool is taken when it was closed only.
    """
    found = []
    for path in sorted(folder.glob("*-*-*.jsonl")):
        spool = Spool(path)
        if spool.take():
            if spool.host == _host() or spool.closed():
                found.append(spool)
            else:
                spool.release()
    return found


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
