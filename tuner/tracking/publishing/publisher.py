"""The agent's side: starts the publishing process now and then, and once at the end."""

import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

import psutil

from tuner.processes.python_process import python_module
from tuner.secrets import hidden
from tuner.tracking.publishing.request import Request
from tuner.trial.serialization import to_json

COMMAND = python_module("tuner.tracking.publishing")

REST = 100.0
"""So many times as long as a publication took nothing is published: it takes 1 % of a core."""

LOWEST_PRIORITY = 19

MODEL_SECONDS = 3600.0
"""Between two models that a running sweep sends; each takes the place of the one before it."""

LONGEST = 600.0
"""Seconds that a publication may take."""

LEAVING = 5.0
"""Seconds that one has to tidy up when it is ended."""


class Publisher:
    """Publishes what a study has become, at most one publication at a time."""

    def __init__(
        self,
        request: Request,
        command: Sequence[str] = COMMAND,
        longest: float = LONGEST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Starts the thread, which waits.

        Args:
            request: What is published at the end. While the sweep runs its plots are, and each
                hour its model, which is registered at the end alone.
            command: What starts the process.
            longest: Seconds that a publication may take.
            clock: Seconds, monotonic; says when a model is due.
        """
        self._clock = clock
        self._model_sent_at = clock()
        self._request = request
        self._command = command
        self._longest = longest
        self.registered = ""
        """What the model was registered as, once `finish` has returned; empty: it was not."""
        self._changed = threading.Event()
        self._closing = threading.Event()
        self._starting = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._last: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name="publishing", daemon=True)
        self._thread.start()

    @property
    def is_busy(self) -> bool:
        """Whether a process runs or may still be started."""
        processes = self._process, self._last
        return self._thread.is_alive() or any(process is not None for process in processes)

    def refresh(self) -> None:
        """Something has changed; returns at once."""
        self._changed.set()

    def prepare(self) -> None:
        """The end is near: the last publication's process starts, and waits for `finish`.

        Its libraries take seconds to import; a slot that has no trial any more has them to spare.
        """
        with self._starting:
            if self._last is None and self._publishes and not self._closing.is_set():
                self._last = self._started()

    def finish(self) -> str:
        """Publishes once more, for all and in seconds; what goes on meanwhile is cut off.

        Returns:
            What could not be done, or nothing.
        """
        self._end_refreshing()
        failure = self._publish_last() if self._publishes else ""
        if not failure:
            return self._unregistered()
        return (
            f"not everything is in MLflow: {failure}\n"
            f"it stands in {self._request.folder}; the same command sends it"
        )

    def _unregistered(self) -> str:
        """Why a model that was to be registered is not logged either."""
        request = self._request
        if request.register is None or request.log_model:
            return ""
        return (
            f"'{request.register}' was not registered: no model is sent to MLflow\n"
            "  where: tracking.register\n"
            "  try:   the same command with tracking.log_model=true and a tracking store that can "
            "be written"
        )

    def close(self) -> None:
        """Ends what still goes on; a later start of the sweep publishes again."""
        self._end_refreshing()
        if self._last is not None:
            _leave(self._last)
            self._last = None

    @property
    def _publishes(self) -> bool:
        return self._request.draw or self._request.log_model

    def _end_refreshing(self) -> None:
        with self._starting:
            self._closing.set()
            if self._process is not None:
                self._process.terminate()
        self._changed.set()
        self._thread.join()

    def _run(self) -> None:
        while self._publishes:
            self._changed.wait()
            self._changed.clear()
            begun = time.monotonic()
            request = self._interim()
            with self._starting:
                if self._closing.is_set():
                    return
                if not (request.draw or request.log_model):
                    continue
                process = self._process = self._started()
            if process is not None:
                failure = self._finished(process, request, LOWEST_PRIORITY)
                self._process = None
                if request.log_model and not failure:  # What fails is tried again.
                    self._model_sent_at = self._clock()
            self._closing.wait(REST * (time.monotonic() - begun))

    def _interim(self) -> Request:
        """What is published now, while the sweep runs."""
        is_due = self._clock() - self._model_sent_at >= MODEL_SECONDS
        log_model = self._request.log_model and is_due
        return replace(self._request, log_model=log_model, register=None)

    def _publish_last(self) -> str:
        process, self._last = self._last, None
        if process is not None and process.poll() is not None:
            _leave(process)  # Somebody ended it while it waited.
            process = None
        process = process or self._started()
        if process is None:
            return "no process can be started"
        return self._finished(process, self._request)

    def _started(self) -> "subprocess.Popen[bytes] | None":
        try:
            return subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                # Ctrl-C in the terminal is for the agent.
                start_new_session=True,
            )
        except OSError:
            return None

    def _finished(
        self, process: "subprocess.Popen[bytes]", request: Request, priority: int = 0
    ) -> str:
        """Has one process do it; returns why it did not."""
        with process:
            try:
                if priority:
                    with suppress(psutil.Error):  # It has ended already.
                        psutil.Process(process.pid).nice(priority)
                told, said = process.communicate(to_json(request).encode(), self._longest)
            except subprocess.TimeoutExpired:
                return f"it took longer than {self._longest:.0f} s"
            finally:
                _end(process)
        if request.register is not None:
            lines = told.decode(errors="replace").strip().splitlines()
            self.registered = lines[-1] if lines else ""
        if process.returncode == 0:
            return ""
        lines = said.decode(errors="replace").strip().splitlines()
        return hidden(lines[-1]) if lines else f"the process ended with {process.returncode}"


def _leave(process: "subprocess.Popen[bytes]") -> None:
    """Ends a process that was given nothing to do."""
    with process:
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ends a process that still runs, and lets it tidy up."""
    process.terminate()
    try:
        process.wait(LEAVING)
    except subprocess.TimeoutExpired:
        process.kill()
