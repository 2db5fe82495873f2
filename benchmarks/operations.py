"""Time of an update by TensorFlow operation, on one thread.

    python benchmarks/operations.py

Profiles updates of the default configuration and prints each kind's share of the time in
operations, and what padding a batch costs on the host.
"""

import argparse
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import tensorflow as tf
from default_trial import one_epoch
from peer_ours import Stopwatch
from tensorflow.tsl.profiler.protobuf import xplane_pb2

from tuner.data import prepare
from tuner.settings.settings import TrialSettings
from tuner.tasks import Classification
from tuner.training import device
from tuner.training.batches import epoch_updates
from tuner.training.fine_tune import FineTuner

SHOWN = 0.01
"""Kinds with a smaller share are summed up as others."""


def operations(folder: str) -> Counter[str]:
    """Seconds in each kind of operation, from a profile."""
    (path,) = Path(folder).rglob("*.xplane.pb")
    space = xplane_pb2.XSpace()
    space.ParseFromString(path.read_bytes())
    seconds: Counter[str] = Counter()
    for plane in space.planes:
        for line in plane.lines if plane.name == "/host:CPU" else ():
            for event in line.events:
                name, _, kind = plane.event_metadata[event.metadata_id].name.rpartition(":")
                if name and " " not in kind and not name.endswith(":"):
                    seconds[kind.removeprefix("_Mkl")] += event.duration_ps / 1e12
    return seconds


def show(seconds: Counter[str], wall: float) -> None:
    """Prints the table."""
    total = sum(seconds.values())
    print(f"in operations: {total / wall:.0%} of the time of the updates\n")
    print("| operation | share |\n|---|---|")
    others = total
    for kind, taken in seconds.most_common():
        if taken / total >= SHOWN:
            print(f"| {kind} | {taken / total:.1%} |")
            others -= taken
    print(f"| others | {others / total:.1%} |")


def padding_seconds(settings: TrialSettings) -> float:
    """Seconds that padding one batch takes, the median of an epoch."""
    train = prepare(settings.data, settings.model, Classification()).train
    taken = []
    for rows in epoch_updates(
        np.array(train.lengths), settings.training.batch_size, seed=0, epoch=0
    ):
        started = time.perf_counter()
        train.pad(rows)
        taken.append(time.perf_counter() - started)
    return float(np.median(taken))


def main() -> None:
    """Profiles one epoch after another that traced."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rows", type=int, default=480)
    given = parser.parse_args()
    device.set_up(1)
    settings = one_epoch(given.rows)
    # Evaluation has a share in the profile; one row keeps it out.
    settings = replace(settings, data=replace(settings.data, validation_examples=1))
    tuner, watch = FineTuner(), Stopwatch()
    tuner.run(settings, watch)
    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        tuner.run(settings, watch)
        tf.profiler.experimental.stop()
        show(operations(folder), watch.seconds)
    updates = -(-given.rows // settings.training.batch_size)
    share = padding_seconds(settings) * updates / watch.seconds
    print(f"\npadding a batch: {padding_seconds(settings) * 1e6:.0f} µs, {share:.3%} of an update")


if __name__ == "__main__":
    main()
