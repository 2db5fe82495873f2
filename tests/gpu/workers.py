"""Real workers, and what takes a GPU's memory away from them."""

import subprocess
import sys
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path

from tuner.core.settings import TrialSettings
from tuner.core.trial import Report, TrialError, TrialSpec
from tuner.launchers.devices import cut_slots, usable_cores
from tuner.launchers.launcher import Exited
from tuner.launchers.local import LocalLauncher
from tuner.worker.protocol import Continue, Failed, Finished, Ready, Reported, Run

HOG = """
import sys
import tensorflow as tf
for gpu in tf.config.list_physical_devices("GPU"):
    tf.config.experimental.set_memory_growth(gpu, True)
taken, left = [], int(sys.argv[1])
with tf.device("GPU:0"):
    for size in (2**30, 2**26):
        try:
            while left >= size:
                taken.append(tf.fill([size // 4], 1.0))
                left -= size
        except tf.errors.ResourceExhaustedError:
            pass
    tf.test.experimental.sync_devices()
print("ready", flush=True)
sys.stdin.read()
"""


class Workers:
    """Workers that are ready, one for each slot."""

    def __init__(self, gpus: Sequence[str], folder: Path) -> None:
        self._folder = folder
        self._launcher = LocalLauncher(cut_slots(None, gpus, usable_cores(), 2**50))
        self._number = 0
        self.devices: dict[int, str] = {}
        for slot in self._launcher.slots:
            self._launcher.start(slot)
        while len(self.devices) < len(self._launcher.slots):
            for event in self._launcher.poll(1.0):
                assert isinstance(event.message, Ready), event.message
                self.devices[event.slot] = event.message.device

    def run(self, settings: TrialSettings) -> list[Report] | TrialError:
        """One trial in the first slot: its reports, or why it failed."""
        self._number += 1
        folder = self._folder / f"trial-{self._number}"
        spec = TrialSpec(number=self._number, parameters={}, settings=settings, folder=str(folder))
        self._launcher.send(0, Run(spec=spec))
        reports = []
        while True:
            for event in self._launcher.poll(1.0):
                match event.message:
                    case Reported(report=report):
                        reports.append(report)
                        self._launcher.send(event.slot, Continue())
                    case Failed(error=error):
                        return error
                    case Finished(diverged=diverged):
                        assert not diverged
                        return reports
                    case Exited(log=log):
                        raise AssertionError(log)

    def close(self) -> None:
        self._launcher.close(10.0)


@contextmanager
def taken(size: int):
    """So many bytes of the first GPU, or all that there are, belong to somebody else meanwhile."""
    with subprocess.Popen(
        [sys.executable, "-c", HOG, str(size)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as hog:
        try:
            assert hog.stdout.readline() == b"ready\n"
            yield
        finally:
            hog.stdin.close()
