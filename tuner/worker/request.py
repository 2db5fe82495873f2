"""Requests to a process of ours that loads TensorFlow, so that this one does not."""

import json
import os
import subprocess
from typing import BinaryIO

from tuner.errors import InputError, TunerError
from tuner.processes.python_process import answer, answers, python_module

_LOG_TAIL = 2000


def ask(module: str, *arguments: str, what: str, request: bytes = b"") -> list[bytes]:
    """Run a module as a process, and return its answers.

    Args:
        module: Module that answers, and ends by `refuse` on wrong input.
        *arguments: Its command line.
        what: Name of the work, for messages.
        request: Its standard input.

    Raises:
        InputError: The process refused its input.
        TunerError: It died; the message has the end of its log.
    """
    done = subprocess.run(
        python_module(module, *arguments),
        input=request,
        capture_output=True,
        check=False,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2"},
    )
    found = answers(done.stdout)
    if done.returncode == InputError.exit_code:
        raise InputError(**json.loads(found[-1]))
    if done.returncode:
        log = done.stderr.decode(errors="replace").strip()
        raise TunerError(f"the {what} ended with {done.returncode}:\n{log[-_LOG_TAIL:]}")
    return found


def refuse(output: BinaryIO, error: InputError) -> int:
    """Answer with an error of the user; return the exit code."""
    failure = {"problem": error.problem, "where": error.where, "remedy": error.remedy}
    output.write(answer(json.dumps(failure).encode()))
    return error.exit_code
