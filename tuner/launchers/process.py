"""One worker as a process of this machine, with its pipes and its log."""

import os
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, cast

import psutil

from tuner.devices.kills import oom_kills
from tuner.devices.slots import Slot
from tuner.errors import TunerError
from tuner.files.whole_lines import tail_text
from tuner.launchers.launcher import WorkerExited
from tuner.processes.python_process import MARK, python_module
from tuner.worker.protocol import FromWorker, ToWorker, decode_from_worker, encode

WORKER = python_module("tuner.worker")
CHUNK = 1 << 16
LOG_TAIL = 4000


class WorkerProcess:
    """The worker of a slot."""

    def __init__(self, slot: Slot, command: Sequence[str], gpu_bytes: int | None) -> None:
        """Start the process.

        Args:
            slot: Its slot.
            command: Command that starts a worker; `--threads N` and `--gpu-bytes N` are appended.
            gpu_bytes: Bytes of its GPU that it may use; None: all of them.
        """
        limit = ["--gpu-bytes", str(gpu_bytes)] if gpu_bytes is not None else []
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  (lives as long as the process)
        self._unread = b""
        self._oom_kills = oom_kills()
        self.process = subprocess.Popen(
            [*command, "--threads", str(slot.threads), *limit],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, **slot.environment},
            bufsize=0,
            # Ctrl-C in the terminal is for the agent, which stops its workers.
            start_new_session=True,
        )

    @property
    def output(self) -> IO[bytes]:
        """Readable when it has sent a message, or has ended."""
        return cast("IO[bytes]", self.process.stdout)

    @property
    def _input(self) -> IO[bytes]:
        return cast("IO[bytes]", self.process.stdin)

    def send(self, message: ToWorker) -> None:
        """Send a message; nothing happens if the worker is gone."""
        with suppress(BrokenPipeError):  # it is gone: its end of stream shows that
            self._input.write(encode(message))

    def hear(self) -> list[FromWorker] | None:
        """Wait until it sends something.

        Returns:
            The messages that are complete by now; None: it has ended, see `reap`.
        """
        chunk = os.read(self.output.fileno(), CHUNK)
        if not chunk:
            return None
        *lines, self._unread = (self._unread + chunk).split(b"\n")
        for line in lines:
            if MARK not in line:  # Printed by something else that starts with every Python.
                self._log.write(line + b"\n")
        self._log.flush()
        return [_decoded(line) for line in lines if MARK in line]

    def memory(self) -> int:
        """Bytes of host memory that it holds; 0 where it is gone."""
        with suppress(psutil.Error):
            return int(psutil.Process(self.process.pid).memory_info().rss)
        return 0

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()

    def leave(self) -> None:
        """Close its input, at which it ends."""
        self._input.close()

    def wait(self, timeout: float) -> None:
        """Wait for its end, and end it by force after `timeout` seconds."""
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()

    def reap(self) -> WorkerExited:
        """Wait for its end, close pipes and log, and return its exit."""
        code = self.process.wait()
        log = self._log_tail()
        for stream in (self._input, self.output, self._log):
            stream.close()
        return WorkerExited(code=code, log=log, oom_kills=oom_kills() - self._oom_kills)

    def _log_tail(self) -> str:
        # One byte more shows whether the text begins before it.
        self._log.seek(max(0, self._log.seek(0, os.SEEK_END) - LOG_TAIL - 1))
        return tail_text(self._log.read(), LOG_TAIL)


def _decoded(line: bytes) -> FromWorker:
    """Read a line of a worker.

    Raises:
        TunerError: It is no message of this version.
    """
    try:
        return decode_from_worker(line)
    except (ValueError, BaseExceptionGroup) as error:
        raise TunerError(
            "a worker sent what this process cannot read: the code was changed while it ran\n"
            "  where: the installation, or the checkout, of tuner\n"
            "  try:   the same command again; every finished trial is kept"
        ) from error
