"""The file of a study's database, watched and held open while the study runs."""

import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Self

from sqlalchemy.engine import URL

from tuner.files.file_watch import FileWatch
from tuner.files.whole_database import SIDE_FILES
from tuner.study.lost import StudyLostError


class DatabaseFile:
    """One SQLite file.

    SQLite keeps writing to a file that somebody has removed, and loses all of it with the last
    connection. Our own connection can still read the file then.
    """

    def __init__(self, path: Path) -> None:
        """Hold the file open.

        Raises:
            sqlite3.Error: The file is no database.
        """
        self._path = path
        self._watch = FileWatch(path)
        self._lock = threading.Lock()
        self._was_saved = False
        self._connection = sqlite3.connect(path, check_same_thread=False)
        self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()

    @classmethod
    def of(cls, url: URL) -> Self | None:
        """Hold the file of an address open; return None if it names none, as for one in memory."""
        path = Path(url.database or "")
        return cls(path) if "uri" not in url.query and path.is_file() else None

    def check(self) -> None:
        """Raise StudyLostError unless the file is still there; write it again if it is gone."""
        if self._watch.is_same:
            return
        with self._lock:
            self._was_saved = self._was_saved or (self._watch.is_gone and self.save())
        if self._was_saved:
            what, remedy = "removed", "run the same command; what the study held was written again"
        elif self._watch.is_gone:
            what, remedy = "removed with its folder", "put the folder back"
        else:
            what = "replaced by another file"
            remedy = "put the former file back; without it the same command continues from what "
            remedy += "the file holds now"
        raise StudyLostError(
            f"the study's file was {what} while the study was running", str(self._path), remedy
        )

    def save(self) -> bool:
        """Write the database under its name again, unless there is a file of that name.

        Returns:
            True if it was written; False if its folder is gone, too.
        """
        beside = self._path.with_name(f"{self._path.name}.saved-{os.getpid()}")
        try:
            beside.unlink(missing_ok=True)
            with closing(sqlite3.connect(beside)) as target:
                self._connection.backup(target)
            for suffix in SIDE_FILES:  # They belong to the removed file; SQLite would replay them.
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
            os.link(beside, self._path)
        except (OSError, sqlite3.Error):
            return False
        finally:
            beside.unlink(missing_ok=True)
        return True

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
