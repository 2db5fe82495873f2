"""A real `mlflow server` on this machine, which can be killed, stopped and started again."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

START_SECONDS = 120.0


class Server:
    """One port, one store and one folder of artifacts for as often as it is started."""

    def __init__(self, folder: Path, store: Path | str, workers: int = 1) -> None:
        """Starts nothing.

        Args:
            folder: Its own.
            store: An empty SQLite store to begin with, since making one takes seconds; or the
                address of any store.
            workers: Processes that answer.
        """
        self.folder = folder
        self._workers = workers
        self._store = store if isinstance(store, str) else f"sqlite:///{folder}/server.db"
        if isinstance(store, Path):
            shutil.copy(store, folder / "server.db")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns once it answers."""
        command = [
            *(sys.executable, "-m", "mlflow", "server", "--workers", str(self._workers)),
            *("--host", "127.0.0.1", "--port", str(self.port)),
            *("--backend-store-uri", self._store),
            *("--artifacts-destination", str(self.folder / "artifacts")),
        ]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            )
        until = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < until, "the server does not start"
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(f"{self.uri}/health", timeout=1.0).close()  # noqa: S310
        except OSError:
            return False
        return True

    def signal(self, number: signal.Signals) -> None:
        """To it and its workers: SIGSTOP lets it accept connections and answer nothing."""
        assert self._process is not None
        os.killpg(self._process.pid, number)

    def kill(self) -> None:
        """As a machine that loses its power, if it runs."""
        if self._process is not None:
            self.signal(signal.SIGKILL)
            self._process.wait()
            self._process = None
