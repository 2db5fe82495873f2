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
        raise died(what, done.returncode, done.stderr)
    return found


def died(what: str, code: int, log: bytes) -> TunerError:
    """Return the error of a process that ended without its answer.

    Args:
        what: Name of its work.
        code: Its exit code.
        log: All of its log, of which the end is shown.
    """
    text = log.decode(errors="replace").strip()
    return TunerError(f"the {what} ended with {code}:\n{text[-_LOG_TAIL:]}")


def failure(error: InputError) -> dict[str, str]:
    """Return an error of the user as plain values, from which `InputError(**values)` makes it."""
    return {"problem": error.problem, "where": error.where, "remedy": error.remedy}


def refuse(output: BinaryIO, error: InputError) -> int:
    """Answer with an error of the user; return the exit code."""
    output.write(answer(json.dumps(failure(error)).encode()))
    return error.exit_code
