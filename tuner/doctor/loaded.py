"""TensorFlow as a worker loads it: in a process of its own, which may crash or hang."""

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
"""A first import from a cold network disk takes a minute or two."""

_TAIL = 400
"""Characters of the last line that it printed."""


class Probe:
    """The process: begun early, asked late."""

    def __init__(self, command: Sequence[str] = PROBE) -> None:
        """Starts it.

        Args:
            command: Prints what it found as its last answer; see `tuner.processes.python_process`.
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
        """What it found, or the line that says why it did not.

        Args:
            timeout: Seconds until it is given up.
        """
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return self._failed(f"is not loaded within {timeout:.0f} s")
        if code < 0:
            return self._failed(f"ends its process by signal {-code}")
        if code > 0:
            return self._failed("can not be loaded")
        *_, found = answers(_bytes(self._output)) or [b""]
        try:
            return from_json(TensorFlow, found.decode())
        except (ValueError, BaseExceptionGroup):  # Its process ended, but not through its end.
            return self._failed("ends its process")

    def close(self) -> None:
        """Ends the process, if it still runs."""
        self._process.kill()
        self._process.wait()
        self._output.close()
        self._errors.close()

    def _failed(self, how: str) -> Line:
        said = _bytes(self._errors).decode(errors="replace")
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        last = lines[-1][-_TAIL:] if lines else "it printed nothing"
        again = install(
            *map(requirement, ("tensorflow", "keras")), options=("--force-reinstall", "--no-deps")
        )
        mend = f"install it again: {again}; {shlex.join(PROBE)} shows all that it says"
        return wrong("TensorFlow", f"{how}: {last}", mend)


def _bytes(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()
