"""Publisher in the agent: runs the publishing process at intervals, and once at the end."""

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

PAUSE_FACTOR = 100.0
"""Pause after a publication, as a multiple of its duration: it then takes 1 % of a core."""

LOWEST_PRIORITY = 19

MODEL_SECONDS = 3600.0
"""Seconds between two models that a running sweep sends; each replaces the previous one."""

TIMEOUT_SECONDS = 600.0
"""Time limit of a publication in seconds."""

TERMINATION_SECONDS = 5.0
"""Seconds that a terminated process has to clean up."""


class Publisher:
    """Publishes the state of a study, at most one publication at a time."""

    def __init__(
        self,
        request: Request,
        command: Sequence[str] = COMMAND,
        timeout: float = TIMEOUT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start the thread, which waits for `refresh`.

        Args:
            request: Publication at the end. While the sweep runs, only its plots are published
                and, each hour, its model, which is registered only at the end.
            command: Command of the process.
            timeout: Time limit of a publication in seconds.
            clock: Function that returns monotonic seconds; decides when a model is due.
        """
        self._clock = clock
        self._model_sent_at = clock()
        self._request = request
        self._command = command
        self._timeout = timeout
        self.registered = ""
        """Description of the registration, once `finish` has returned; empty if there is none."""
        self._changed = threading.Event()
        self._closing = threading.Event()
        self._starting = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._final_process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name="publishing", daemon=True)
        self._thread.start()

    @property
    def is_busy(self) -> bool:
        """True if a process runs or may still be started."""
        processes = self._process, self._final_process
        return self._thread.is_alive() or any(process is not None for process in processes)

    def refresh(self) -> None:
        """Note that something has changed; returns at once."""
        self._changed.set()

    def prepare(self) -> None:
        """Start the process of the last publication, which waits for `finish`.

        Its libraries take seconds to import, which an idle slot can spare.
        """
        with self._starting:
            if self._final_process is None and self._publishes and not self._closing.is_set():
                self._final_process = self._start_process()

    def finish(self) -> str:
        """Publish a last time, after cutting off a publication that is still running.

        Returns:
            Description of what failed; empty if nothing did.
        """
        self._end_refreshing()
        failure = self._publish_last() if self._publishes else ""
        if not failure:
            return self._unregistered()
        return (
            f"not everything is in MLflow: {failure}\n"
            f"it is kept in {self._request.folder}; the same command sends it"
        )

    def _unregistered(self) -> str:
        """Return a message if a model to register is not logged; else an empty text."""
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
        """End running processes; a later start of the sweep publishes again."""
        self._end_refreshing()
        if self._final_process is not None:
            _terminate_unused(self._final_process)
            self._final_process = None

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
                process = self._process = self._start_process()
            if process is not None:
                failure = self._run_process(process, request, LOWEST_PRIORITY)
                self._process = None
                if request.log_model and not failure:  # A failed upload is repeated.
                    self._model_sent_at = self._clock()
            self._closing.wait(PAUSE_FACTOR * (time.monotonic() - begun))

    def _interim(self) -> Request:
        """Return the publication of a running sweep."""
        is_due = self._clock() - self._model_sent_at >= MODEL_SECONDS
        log_model = self._request.log_model and is_due
        return replace(self._request, log_model=log_model, register=None)

    def _publish_last(self) -> str:
        process, self._final_process = self._final_process, None
        if process is not None and process.poll() is not None:
            _terminate_unused(process)  # Something else ended it while it waited.
            process = None
        process = process or self._start_process()
        if process is None:
            return "no process can be started"
        return self._run_process(process, self._request)

    def _start_process(self) -> "subprocess.Popen[bytes] | None":
        try:
            return subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                # Ctrl-C in the terminal is meant for the agent.
                start_new_session=True,
            )
        except OSError:
            return None

    def _run_process(
        self, process: "subprocess.Popen[bytes]", request: Request, priority: int = 0
    ) -> str:
        """Run one publication in a process; return why it failed, or an empty text."""
        with process:
            try:
                if priority:
                    with suppress(psutil.Error):  # The process has ended already.
                        psutil.Process(process.pid).nice(priority)
                output, errors = process.communicate(to_json(request).encode(), self._timeout)
            except subprocess.TimeoutExpired:
                return f"it took longer than {self._timeout:.0f} s"
            finally:
                _end(process)
        if request.register is not None:
            lines = output.decode(errors="replace").strip().splitlines()
            self.registered = lines[-1] if lines else ""
        if process.returncode == 0:
            return ""
        lines = errors.decode(errors="replace").strip().splitlines()
        return hidden(lines[-1]) if lines else f"the process ended with {process.returncode}"


def _terminate_unused(process: "subprocess.Popen[bytes]") -> None:
    """End a process that was given no request."""
    with process:
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a process that may still run, after time to clean up."""
    process.terminate()
    try:
        process.wait(TERMINATION_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
