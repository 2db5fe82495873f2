"""The FineTuner's side of `gpu.py`: rounds in turns with others, or one measurement as JSON."""

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import tensorflow as tf
from gpu_counts import covered, idle_share
from gpu_trace import PICOSECONDS, NoKernelsError, Span, computed
from gpu_trial import FEW_VALIDATION, read_data, settings_of
from turns import serve

from tuner.settings.settings import TrialSettings
from tuner.tasks import Baseline
from tuner.training import device, fine_tune
from tuner.training.fused import FusedStep
from tuner.training.update import UpdateStep
from tuner.trial.memory import ModelShape, estimate
from tuner.trial.records import Decision, Report

EVALUATIONS = 10
"""Evaluation points of a whole trial, as by default."""


class DivergenceDetector:
    """Times a trial: its updates, and all of it.

    Attributes:
        updates: Seconds from the first update to when the last was done, whatever lay between,
            evaluation points before the last included.
        whole: Seconds from the first update to the end of the last evaluation.
        last: The last report.
    """

    def __init__(self) -> None:
        self.updates = 0.0
        self.whole = 0.0
        self.last: Report | None = None
        self._started = 0.0

    def started(
        self,
        constant_guess: Baseline,  # noqa: ARG002
        labels: tuple[str, ...],  # noqa: ARG002
        resumed_at: int,  # noqa: ARG002
    ) -> None:
        """The first update begins."""
        self._started = time.perf_counter()

    def progress(self, share: float, examples_per_second: float) -> None:  # noqa: ARG002
        """Updates are done, on the device too: their figures have been read."""
        self.updates = time.perf_counter() - self._started

    def reported(self, report: Report) -> Decision:
        """An evaluation."""
        self.whole = time.perf_counter() - self._started
        self.last = report
        return Decision.CONTINUE

    def stop_requested(self) -> bool:
        """Never."""
        return False

    def should_checkpoint(self) -> bool:
        """Never."""
        return False


class Traced(DivergenceDetector):
    """Has the profiler trace the trial from its first update on."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def started(self, *args: Any) -> None:
        """The first update begins."""
        tf.test.experimental.sync_devices()  # Else what came before would stand in the trace.
        options = tf.profiler.experimental.ProfilerOptions(host_tracer_level=1)
        tf.profiler.experimental.start(str(self._folder), options)
        super().started(*args)

    def end(self) -> None:
        """Writes the trace."""
        tf.test.experimental.sync_devices()
        tf.profiler.experimental.stop()


def run(
    tuner: fine_tune.FineTuner,
    settings: TrialSettings,
    watch: DivergenceDetector,
    trace: Path | None = None,
) -> Report:
    """One trial; its last report.

    Raises:
        RuntimeError: It diverged.
    """
    diverged = tuner.run(settings, watch, profile=trace)
    if diverged or watch.last is None:
        raise RuntimeError(diverged or "the trial reported nothing")
    return watch.last


def measure(
    tuner: fine_tune.FineTuner, settings: TrialSettings, shape: ModelShape
) -> dict[str, Any]:
    """Memory beside its estimate, and idle shares where a trace can be had.

    Returns:
        `peak` and `estimate` in bytes; `idle`, within five updates, and `idle_whole`, of the whole
        trial with its evaluation points, from 0 to 1; or instead `why_not`.
    """
    report = run(tuner, settings, DivergenceDetector())
    found = {
        "peak": report.peak_memory_bytes,
        "estimate": estimate(shape, settings, on_host=False).total,
    }
    try:
        return found | {
            "idle": idle_in_updates(tuner, settings),
            "idle_whole": idle_in_whole(tuner, settings),
        }
    except NoKernelsError as error:
        return found | {"why_not": str(error)}


def idle_in_updates(tuner: fine_tune.FineTuner, settings: TrialSettings) -> float:
    """Share of the time between the first and the last kernel of a few updates, from 0 to 1."""
    traced = replace(settings, training=replace(settings.training, profile=True))
    with tempfile.TemporaryDirectory() as folder:
        run(tuner, traced, DivergenceDetector(), Path(folder) / "profile")
        return idle_share(spans(Path(folder)))


def idle_in_whole(tuner: fine_tune.FineTuner, settings: TrialSettings) -> float:
    """Share of a whole trial in which no kernel runs, from 0 to 1.

    The trace of one trial tells how long kernels ran; how long a trial takes is told by another,
    because the tracing itself makes the host slower.
    """
    with tempfile.TemporaryDirectory() as folder:
        traced = Traced(Path(folder))
        run(tuner, settings, traced)
        traced.end()
        busy = covered(spans(Path(folder))) / PICOSECONDS
    plain = DivergenceDetector()
    run(tuner, settings, plain)
    return 1.0 - busy / plain.whole


def spans(folder: Path) -> list[Span]:
    """Return the kernels of the trace in a folder."""
    return computed(folder, on_gpu=bool(tf.config.list_physical_devices("GPU")))


def main() -> None:
    """Serves rounds, or measures once."""
    parser = argparse.ArgumentParser()
    parser.add_argument("inputs", type=Path)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--plain", action="store_true", help="the update without XLA")
    parser.add_argument("--window", type=int, default=1024, help="training.length_window")
    parser.add_argument("--measure", type=int, help="once, as JSON; rows of an evaluation")
    given = parser.parse_args()
    device.set_up(given.threads)
    step: Any = (
        FusedStep if not given.plain else lambda classifier, task, _: UpdateStep(classifier, task)
    )
    fine_tune.make_step = step  # Also without a GPU, in a rehearsal.
    data = read_data(given.inputs, given.checkpoint, given.measure or FEW_VALIDATION)
    tuner = fine_tune.FineTuner(prepare_data=lambda *_: data)
    if given.measure:
        settings = settings_of(data, given.batch, EVALUATIONS, length_window=given.window)
        print(json.dumps(measure(tuner, settings, data.checkpoint.family.shape)))
        return
    settings = settings_of(data, given.batch, length_window=given.window)

    def run_round(number: int) -> float:  # noqa: ARG001 - the same updates, so that none compiles
        watch = DivergenceDetector()
        run(tuner, settings, watch)
        return watch.updates

    serve(run_round)


if __name__ == "__main__":
    main()
