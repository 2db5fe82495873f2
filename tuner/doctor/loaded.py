"""TensorFlow loaded in a separate process, which may crash or hang."""

import os
import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from typing import IO

from tuner.doctor.gpus import TensorFlow
from tuner.doctor.line import Line, wrong
from tuner.installation.distribution import requirement
from tuner.installation.remedies import install
from tuner.processes.python_process import answers, python_module
from tuner.trial.serialization import from_json

PROBE = python_module("tuner.training.probe")

PROBE_SECONDS = 180.0
"""Timeout: a first import from a cold network disk takes a minute or two."""

_TAIL = 400
"""Maximal length of the quoted last line that the process printed."""


class Probe:
    """Process that loads TensorFlow while other checks run."""

    def __init__(self, command: Sequence[str] = PROBE) -> None:
        """Start the process.

        Args:
            command: Command that prints its findings last; see `tuner.processes.python_process`.
        """
        self._output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  (closed in `close`)
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._errors,
            env={"TF_CPP_MIN_LOG_LEVEL": "2", **os.environ},
        )

    def result(self, timeout: float = PROBE_SECONDS) -> TensorFlow | Line:
        """Return the findings, or the line that says why there are none.

        Args:
            timeout: Seconds to wait before giving up.
        """
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return self._failed(f"is not loaded within {timeout:.0f} s")
        if code < 0:
            return self._failed(f"ends its process by signal {-code}")
        if code > 0:
            return self._failed("cannot be loaded")
        *_, found = answers(_bytes(self._output)) or [b""]
        try:
            return from_json(TensorFlow, found.decode())
        except (ValueError, BaseExceptionGroup):  # The process ended before its answer.
            return self._failed("ends its process")

    def close(self) -> None:
        """End the process if it still runs."""
        self._process.kill()
        self._process.wait()
        self._output.close()
        self._errors.close()

    def _failed(self, how: str) -> Line:
        printed = _bytes(self._errors).decode(errors="replace")
        lines = [line.strip() for line in printed.splitlines() if line.strip()]
        last = lines[-1][-_TAIL:] if lines else "it printed nothing"
        again = install(
            *map(requirement, ("tensorflow", "keras")), options=("--force-reinstall", "--no-deps")
        )
        remedy = f"install it again: {again}; {shlex.join(PROBE)} shows all that it says"
        return wrong("TensorFlow", f"{how}: {last}", remedy)


def _bytes(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()
