"""The FineTuner's side of `gpu.py`: rounds in turns with others, or one measurement as JSON."""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import tensorflow as tf
from gpu_counts import idle_share
from gpu_trial import read_data, settings_of
from tensorflow.tsl.profiler.protobuf import xplane_pb2
from turns import serve

from tuner.core.memory import ModelShape, estimate
from tuner.core.settings import TrialSettings
from tuner.core.trial import Answer, ConstantGuess, Report
from tuner.training import device, fine_tune
from tuner.training.fused import FusedStep
from tuner.training.update import UpdateStep

PRODUCTS = 20
"""Matrix products that are timed together."""


class Reports:
    """Keeps what a trial reports."""

    def __init__(self) -> None:
        self.all: list[Report] = []

    def started(
        self,
        constant_guess: ConstantGuess,
        labels: tuple[str, ...],
        resumed_at: int,
    ) -> None:
        """The first update begins."""

    def progress(self, share: float, examples_per_second: float) -> None:
        """Updates are done."""

    def reported(self, report: Report) -> Answer:
        """An evaluation."""
        self.all.append(report)
        return Answer.CONTINUE

    def stop_requested(self) -> bool:
        """Never."""
        return False

    def to_be_continued(self) -> bool:
        """Never."""
        return False


def run(tuner: fine_tune.FineTuner, settings: TrialSettings, trace: Path | None = None) -> Report:
    """One trial; its last report.

    Raises:
        RuntimeError: It diverged.
    """
    reports = Reports()
    if diverged := tuner.run(settings, reports, profile=trace):
        raise RuntimeError(diverged)
    return reports.all[-1]


def computed(folder: Path) -> Iterator[tuple[float, float]]:
    """Begin and end of all that the GPU computed in a trace; without one, the CPU."""
    (path,) = folder.rglob("*.xplane.pb")
    space = xplane_pb2.XSpace()
    space.ParseFromString(path.read_bytes())
    gpus = [plane for plane in space.planes if plane.name.startswith("/device:GPU")]
    for plane in gpus or space.planes:
        for line in plane.lines:
            if line.name.startswith("Stream") or not gpus:
                for event in line.events:
                    begin = line.timestamp_ns * 1000 + event.offset_ps
                    yield begin, begin + event.duration_ps


def matrix_rate(side: int) -> float:
    """Floating-point operations a second in products of bfloat16 matrices."""
    one = tf.cast(tf.random.stateless_normal((side, side), (0, 0)), tf.bfloat16)

    @tf.function(jit_compile=True)  # type: ignore[untyped-decorator]
    def chain(left: tf.Tensor) -> tf.Tensor:
        for _ in range(PRODUCTS):
            left = tf.matmul(left, one) / side**0.5
        return left

    taken = []
    for _ in range(4):
        started = time.perf_counter()
        chain(one).numpy()
        taken.append(time.perf_counter() - started)
    return PRODUCTS * 2 * side**3 / min(taken[1:])


def measure(
    tuner: fine_tune.FineTuner, settings: TrialSettings, shape: ModelShape
) -> dict[str, float]:
    """Idle share within a trace, and the peak of memory beside its estimate, in bytes."""
    report = run(tuner, settings)
    with tempfile.TemporaryDirectory() as folder:
        traced = replace(settings, training=replace(settings.training, profile=True))
        run(tuner, traced, Path(folder) / "profile")
        idle = idle_share(computed(Path(folder)))
    return {
        "idle": idle,
        "peak": report.peak_memory_bytes,
        "estimate": estimate(shape, settings, on_host=False).total,
    }


def main() -> None:
    """Serves rounds, or measures once."""
    parser = argparse.ArgumentParser()
    parser.add_argument("inputs", type=Path)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--plain", action="store_true", help="the update without XLA")
    parser.add_argument("--window", type=int, default=1024, help="training.length_window")
    parser.add_argument("--measure", action="store_true", help="once, as JSON")
    parser.add_argument("--matrix", type=int, help="side of a product whose rate is printed")
    given = parser.parse_args()
    device.set_up(given.threads)
    if given.matrix:
        print(matrix_rate(given.matrix))
        return
    step: Any = FusedStep if not given.plain else lambda classifier, _: UpdateStep(classifier)
    fine_tune.make_step = step  # Also without a GPU, in a rehearsal.
    data = read_data(given.inputs, given.checkpoint)
    tuner = fine_tune.FineTuner(prepare_data=lambda *_: data)
    settings = settings_of(data, given.batch, length_window=given.window)
    if given.measure:
        print(json.dumps(measure(tuner, settings, data.checkpoint.shape)))
        return

    def run_round(number: int) -> float:
        training = replace(settings.training, seed=number)
        return run(tuner, replace(settings, training=training)).seconds_training

    serve(run_round)


if __name__ == "__main__":
    main()
