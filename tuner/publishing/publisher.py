"""The agent's side: starts the publishing process now and then, and once at the end."""

import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace

import psutil

from tuner.publishing.request import Request
from tuner.records import to_json

COMMAND = (sys.executable, "-m", "tuner.publishing")

REST = 100.0
"""So many times as long as a publication took nothing is published: it takes 1 % of a core."""

LOWEST_PRIORITY = 19


class Publisher:
    """Publishes what a study has become, at most one publication at a time."""

    def __init__(self, request: Request, command: Sequence[str] = COMMAND) -> None:
        """Starts the thread, which waits.

        Args:
            request: What is published while the sweep runs; its model is registered at the end.
            command: What starts the process.
        """
        self._request = request
        self._command = command
        self._changed = threading.Event()
        self._closing = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name="publishing", daemon=True)
        self._thread.start()

    @property
    def is_busy(self) -> bool:
        """Whether a process runs or may still be started."""
        return self._thread.is_alive() or self._process is not None

    def refresh(self) -> None:
        """Something has changed; returns at once."""
        self._changed.set()

    def finish(self) -> str:
        """Publishes once more; takes seconds.

        Returns:
            What could not be done, or nothing.
        """
        self._end_thread()
        if not (self._request.draw or self._request.log_model):
            return ""
        failure = self._publish(self._request)
        if not failure:
            return ""
        return (
            f"not everything is in MLflow: {failure}\n"
            f"it stands in {self._request.folder}; the same command sends it"
        )

    def close(self) -> None:
        """Ends what still goes on; a later start of the sweep publishes again."""
        if self._process is not None:
            self._process.kill()
        self._end_thread()

    def _end_thread(self) -> None:
        self._closing.set()
        self._changed.set()
        self._thread.join()

    def _run(self) -> None:
        quiet = replace(self._request, register=None)
        while True:
            self._changed.wait()
            self._changed.clear()
            if self._closing.is_set() or not (quiet.draw or quiet.log_model):
                return
            begun = time.monotonic()
            self._publish(quiet, priority=LOWEST_PRIORITY)  # What fails is tried again.
            self._closing.wait(REST * (time.monotonic() - begun))

    def _publish(self, request: Request, priority: int = 0) -> str:
        with subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            # Ctrl-C in the terminal is for the agent.
            start_new_session=True,
        ) as process:
            self._process = process
            try:
                if priority:
                    psutil.Process(process.pid).nice(priority)
                _, said = process.communicate(to_json(request).encode())
            except BaseException:
                process.kill()
                raise
            finally:
                self._process = None
        if process.returncode == 0:
            return ""
        lines = said.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"the process ended with {process.returncode}"
