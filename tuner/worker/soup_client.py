"""Soups, built by a process of its own: this one loads no TensorFlow."""

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import IO, Any

from tuner.errors import InputError
from tuner.processes.python_process import answers, python_module
from tuner.soup import Soup, SoupProgress, SoupRequest
from tuner.trial.serialization import from_plain, to_json
from tuner.worker.request import died


def build_soup(
    request: SoupRequest,
    progress: Callable[[SoupProgress], None] = lambda _: None,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Soup:
    """Select the members of a soup, and write its model if it is accepted.

    Args:
        request: All that decides it.
        progress: Receives the number of models evaluated so far.
        environment: Variables that choose the process's devices.

    Raises:
        InputError: The settings, the data, the checkpoint or a metric are wrong.
        TunerError: The process died; the message has the end of its log.
    """
    with tempfile.TemporaryFile() as log, _started(log, environment) as process:
        try:
            for key, value in _conversation(process, request):
                if key == "soup":
                    return from_plain(Soup, value)
                if key == "problem":
                    raise InputError(**value)
                progress(from_plain(SoupProgress, value))
        except BaseException:
            process.kill()
            raise
        code = process.wait()
        log.seek(0)
        raise died("process of the soup", code, log.read())


def _started(log: IO[bytes], environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        python_module("tuner.worker.soup"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", **environment},
    )


def _conversation(
    process: "subprocess.Popen[bytes]", request: SoupRequest
) -> Iterator[tuple[str, Any]]:
    """Send the request, and yield key and value of each answer."""
    incoming, outgoing = process.stdin, process.stdout
    assert incoming is not None  # noqa: S101 - both are pipes
    assert outgoing is not None  # noqa: S101
    with suppress(BrokenPipeError):  # Its log says why it is gone.
        incoming.write(to_json(request).encode() + b"\n")
        incoming.flush()
    for line in outgoing:
        for text in answers(line):
            yield from json.loads(text).items()
