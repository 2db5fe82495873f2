"""`python -m tuner.worker --threads N`: the process bound to one slot; see protocol.py."""

import argparse
import os
import signal
import sys

from tuner.processes.crash_report import guarded
from tuner.processes.python_process import claim_stdout
from tuner.processes.stop_requests import TERMINATING, heeded
from tuner.worker.channel import StreamChannel, end_by_signal, end_process
from tuner.worker.fine_tuner import make_fine_tuner
from tuner.worker.life import Worker
from tuner.worker.log import show_own_messages


def main() -> int:
    """Serve until the agent ends."""
    parser = argparse.ArgumentParser(prog="python -m tuner.worker", description=__doc__)
    parser.add_argument("--threads", type=int, default=None, help="CPU threads to compute with")
    parser.add_argument("--gpu-bytes", type=int, default=None, help="of the GPU's memory")
    given = parser.parse_args()
    threads: int | None = given.threads
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the agent to handle.
    # Warnings tell of memory that ran out; see core.failure.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    if threads:
        os.environ["OMP_NUM_THREADS"] = str(threads)
    channel = StreamChannel(sys.stdin.buffer, claim_stdout(), on_end=end_process)
    worker = Worker(
        channel, lambda: make_fine_tuner(threads, given.gpu_bytes), on_terminate=end_by_signal
    )
    for number in heeded(*TERMINATING):
        signal.signal(number, lambda *_: worker.terminate())
    show_own_messages()
    worker.serve()
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main))
