"""The fine-tuner of a process: importing it takes seconds."""

import os
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

from tuner.worker.protocol import Ready

if TYPE_CHECKING:
    from tuner.worker.life import FineTuner


def make_fine_tuner(threads: int | None, gpu_bytes: int | None) -> "tuple[FineTuner, Ready]":
    """Import TensorFlow and Keras, and set up the device.

    Args:
        threads: CPU threads to compute with; None leaves the choice to TensorFlow.
        gpu_bytes: Memory to take of each GPU; None: as it is needed.
    """
    from tuner.training import device  # noqa: PLC0415 - takes seconds; after the set-up in main
    from tuner.training.fine_tune import FineTuner  # noqa: PLC0415

    device.set_up(threads, gpu_bytes)
    return FineTuner(), Ready(device=device.describe(), versions=device.versions())


@cache
def shared_fine_tuner(threads: int | None) -> "tuple[FineTuner, Ready]":
    """Return the one fine-tuner of a process that does other things, too.

    Where TensorFlow computes already, its set-up stays as it is.

    Args:
        threads: CPU threads to compute with; the first call decides.
    """
    # Set before the import, after which TensorFlow does not read it.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    from tuner.training import device  # noqa: PLC0415
    from tuner.training.fine_tune import FineTuner  # noqa: PLC0415

    with suppress(RuntimeError):
        device.set_up(threads)
    return FineTuner(), Ready(device=device.describe(), versions=device.versions())
