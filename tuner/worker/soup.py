"""Run as a process: `python -m tuner.worker.soup` builds the soup that it is asked for.

The first line of standard input is a `SoupRequest` as JSON; the end of the stream means that the
agent is gone, and the process ends. Its answers are JSON objects with one key: `progress` with a
`SoupProgress` after each model that was evaluated, and last `soup` with a `Soup`; on wrong input
`problem`, and the exit code is 2. See `tuner.processes.python_process`.
"""

import json
import sys
import threading
from typing import Any

from tuner.errors import InputError
from tuner.processes.crash_report import guarded
from tuner.processes.python_process import answer, claim_stdout
from tuner.soup import SoupRequest
from tuner.training import device
from tuner.training.soup import build
from tuner.trial.serialization import from_json, to_plain
from tuner.worker.channel import end_process
from tuner.worker.request import failure


def main() -> int:
    """Build one soup; return the exit code."""
    with claim_stdout() as output:

        def send(key: str, value: Any) -> None:
            output.write(answer(json.dumps({key: value}).encode()))
            output.flush()

        request = from_json(SoupRequest, sys.stdin.buffer.readline())
        threading.Thread(target=_end_with_agent, daemon=True).start()
        device.set_up(request.threads)
        try:
            soup = build(request, lambda progress: send("progress", to_plain(progress)))
        except InputError as error:
            send("problem", failure(error))
            return error.exit_code
        send("soup", to_plain(soup))
    return 0


def _end_with_agent() -> None:
    """End this process when standard input ends."""
    sys.stdin.buffer.read()
    end_process()


if __name__ == "__main__":
    sys.exit(guarded(main))
