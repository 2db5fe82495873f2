"""A process of `without_gpu.py`: two trials on the stand-in; what the second took, as JSON."""

import argparse
import ctypes
import json
from pathlib import Path
from typing import Any

import tensorflow as tf
from gpu_ours import EVALUATIONS, DivergenceDetector, run
from gpu_trial import read_data, settings_of

from tuner.training import device, fine_tune
from tuner.trial.memory import estimate


class Loaded(DivergenceDetector):
    """Asks the stand-in how long it ran kernels, from the first update to the last report.

    Attributes:
        busy: Seconds.
    """

    def __init__(self) -> None:
        super().__init__()
        self.busy = 0.0
        self._seconds = ctypes.CDLL("libcuda.so.1").stand_in_busy_seconds
        self._seconds.restype = ctypes.c_double
        self._before = 0.0

    def started(self, *args: Any) -> None:
        """The first update begins."""
        tf.test.experimental.sync_devices()  # Else what came before would count.
        self._before = self._seconds()
        super().started(*args)

    def reported(self, report: Any) -> Any:
        """An evaluation."""
        self.busy = self._seconds() - self._before
        return super().reported(report)


def main() -> None:
    """Runs the trials."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("inputs", type=Path)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--validation", type=int, required=True, help="rows of an evaluation")
    parser.add_argument("--threads", type=int, required=True)
    given = parser.parse_args()
    device.set_up(given.threads)
    data = read_data(given.inputs, given.checkpoint, given.validation)
    tuner = fine_tune.FineTuner(prepare_data=lambda *_: data)
    settings = settings_of(data, given.batch, EVALUATIONS)
    run(tuner, settings, DivergenceDetector())  # It compiles.
    watch = Loaded()
    report = run(tuner, settings, watch)
    found = {
        "peak": report.peak_memory_bytes,
        "estimate": estimate(data.checkpoint.family.shape, settings, on_host=False).total,
        "waits": 1.0 - watch.busy / watch.whole,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
