"""A worker without TensorFlow: `python -m tests.worker.fake` speaks the real protocol.

Its curves are a pure function of the settings: the score approaches a plateau that is best at a
learning rate of 1e-4, and the larger the learning rate the faster it is. `model.checkpoint` may
ask for trouble: `crash` (the process dies by SIGKILL in the middle; `crash:FILE` only while there
is no such file), `silent:FILE` (it says nothing for ten minutes, once), `fail` (an exception),
`fail-somehow` (a different one each time), `missing` (an input error), `memory:N` (out of memory
with a batch above N), `device:N` (the GPU named N fails at once, others take a second). A
learning rate above 0.1 diverges after the first point. `model.checkpoint=slow:0.5` takes half a
second per evaluation point; `gate:FILE` waits in the middle until there is such a file; `quick`
is at its end by the second; `noisy:0.01` adds noise of this deviation, which the seed decides.
`large:N` saves weights of N bytes, `killed_saving` dies by SIGKILL while it saves them, `unsaved`
raises an error there that is no OSError; `save-after:FILE` does so while there is no such file.

Its state is the last point reported, saved as `training.save_state` says; `auto` saves only where
that is asked for.
"""

import json
import math
import os
import random
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from safetensors import SafetensorError

from tuner.errors import InputError
from tuner.files.atomic import write_whole
from tuner.metrics import Metric, MetricRecord, load, measure
from tuner.processes.python_process import claim_stdout
from tuner.processes.stop_requests import TERMINATING, heeded
from tuner.settings.settings import TrialSettings
from tuner.tasks import Baseline
from tuner.tasks.confusion import confusion_error
from tuner.trial.records import Decision, FixedRows, Report
from tuner.worker.channel import StreamChannel, end_by_signal, end_process
from tuner.worker.life import Worker
from tuner.worker.protocol import Ready

BEST_LEARNING_RATE = 1e-4
EXAMPLES = 1000
VALIDATION_EXAMPLES = 400
UPDATES_A_POINT = 4


@dataclass(frozen=True)
class FakeFineTuner:
    """Runs trials in milliseconds."""

    pause: float = 0.0
    trained: list[TrialSettings] = field(default_factory=list)
    metrics: dict[MetricRecord, Metric] = field(default_factory=dict)
    costs: dict[str, float] = field(default_factory=dict)

    def prepare(self, settings):
        if settings.model.checkpoint == "missing":
            raise InputError("there is no checkpoint 'missing'", where="model.checkpoint")

    def save_model(self, folder):
        """Two files, both of which say which trial they are of."""
        folder.mkdir(parents=True)
        kind, _, size = self.trained[-1].model.checkpoint.partition(":")
        trial = self.trial
        (folder / "config.json").write_text(json.dumps({"trial": trial}))
        weights = b"a model" if kind != "large" else trial.encode().ljust(int(size))
        (folder / "model.safetensors").write_bytes(weights)
        if kind == "killed_saving":
            os.kill(os.getpid(), signal.SIGKILL)
        if kind == "unsaved" or (kind == "save-after" and not Path(size).exists()):
            raise SafetensorError("I/O error: No space left on device (os error 28)")

    def save_member(self, path):
        """A file that says which trial it is of."""
        path.write_text(self.trial)

    @property
    def trial(self):
        settings = self.trained[-1]
        return f"{learning_rate(settings)} {settings.training.seed}"

    def run(self, settings, listener, state=None, profile=None, metrics=(), times_inference=False):
        self.trained[:] = [settings]
        self.metrics.clear()
        self.metrics.update({record: load(record) for record in metrics})
        self.costs.clear()
        self.costs.update({"inference_ms": 4.0} if times_inference else {})
        kept = Kept(state, settings.training.save_state)
        diverged = self.train(settings, listener, kept)
        kept.leave(listener)
        return diverged

    def train(self, settings, listener, kept):
        checkpoint = settings.model.checkpoint
        self.prepare(settings)
        fail(settings)
        pause = float(checkpoint.partition(":")[2]) if checkpoint.startswith("slow:") else 0.0
        points = settings.training.evaluations
        guess = Baseline(score=0.5, loss=math.log(2))
        listener.started(guess, ("bad", "good"), kept.point)
        for point in range(kept.point + 1, points + 1):
            for part in range(1, UPDATES_A_POINT + 1):
                time.sleep(pause / UPDATES_A_POINT)
                listener.progress((point - 1 + part / UPDATES_A_POINT) / points, 100.0)
                if listener.stop_requested():
                    return ""
            if point > points / 2:
                fall_over(checkpoint)
                if not passes(checkpoint, listener):
                    return ""
            if learning_rate(settings) > 0.1 and point > 1:
                return "train_loss is nan at update 7"
            found = measured(report(settings, point, **self.costs), self.metrics)
            answer = listener.reported(found)
            kept.reached(point, last=answer is not Decision.CONTINUE or point == points)
            if answer is Decision.FINISH_EARLY:
                made = measured(report(settings, point, **self.costs), self.metrics)
                found = confusion(accuracy(settings, point), made.validation_examples)
                listener.reported(replace(made, final=True, confusion=found))
            kept.ended = point == points or answer is Decision.FINISH_EARLY
            if answer is not Decision.CONTINUE:
                return ""
        return ""


class Kept:
    """The point that a trial has reached, in a file."""

    def __init__(self, path, setting):
        self.path = None if setting == "never" else path
        self.setting = setting
        self.point = int(path.read_text()) if self.path and path.exists() else 0
        self.ended = False

    def reached(self, point, *, last):
        self.point = point
        if self.setting == "always" and not last:
            self.save()

    def leave(self, listener):
        if self.ended or not listener.should_checkpoint():
            if self.path:
                self.path.unlink(missing_ok=True)
        else:
            self.save()

    def save(self):
        if self.path:
            write_whole(self.path, str(self.point))


def fail(settings):
    """Raises what the checkpoint asks for."""
    kind, _, value = settings.model.checkpoint.partition(":")
    if kind == "fail":
        raise RuntimeError("this checkpoint always fails")
    if kind == "fail-somehow":
        raise random.choice((RuntimeError, KeyError, TypeError))(f"{object()} in {os.getpid()}")  # noqa: S311
    if kind == "memory":
        take(settings, int(value or -1))
    if kind == "device":
        if value == os.environ["CUDA_VISIBLE_DEVICES"]:
            raise RuntimeError("CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access")
        time.sleep(1.0)


def take(settings, largest):
    """Runs out of memory unless the batch, or one with activations computed again, is so small."""
    training = settings.training
    needed = training.batch_size - (training.rematerialize and training.batch_size == 1)
    if needed > largest:
        raise MemoryError(f"no memory left for a batch of {training.batch_size}")


def fall_over(checkpoint):
    """Dies by SIGKILL or falls silent where the checkpoint says so."""
    kind, _, marker = checkpoint.partition(":")
    if kind == "crash" and (not marker or first_time(marker)):
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "silent" and first_time(marker):
        time.sleep(600)


def passes(checkpoint, listener):
    """Waits at the gate where the checkpoint says so; whether it opened before a stop."""
    kind, _, gate = checkpoint.partition(":")
    while kind == "gate" and not Path(gate).exists():
        if listener.stop_requested():
            return False
        time.sleep(0.05)
    return True


def first_time(marker):
    """Create a file; return True if it did not exist."""
    try:
        os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def learning_rate(settings):
    return float(settings.optimizer.learning_rate)


def accuracy(settings: TrialSettings, point: int) -> float:
    """The score at one point: 0.9 at the end with the best learning rate, 0.5 far from it."""
    decades = math.log10(learning_rate(settings) / BEST_LEARNING_RATE)
    plateau = 0.5 + 0.4 * math.exp(-(decades**2))
    share = point / settings.training.evaluations
    if settings.model.checkpoint == "quick" and point > 1:
        share = 1.0
    risen = (1.0 - math.exp(-4.0 * share)) / (1.0 - math.exp(-4.0))
    return 0.5 + (plateau - 0.5) * risen + noise(settings)


def noise(settings: TrialSettings) -> float:
    """Part of the score that follows from the seed, if the checkpoint asks for it."""
    kind, _, deviation = settings.model.checkpoint.partition(":")
    if kind != "noisy":
        return 0.0
    drawn = random.Random(f"{settings.training.seed} {learning_rate(settings)}")  # noqa: S311
    return drawn.gauss(0.0, float(deviation))


def speed(settings):
    """Examples a second in updates."""
    return 1e5 * max(1.0, 7.0 + math.log10(learning_rate(settings)))


def measured(found: Report, metrics: Mapping[MetricRecord, Metric]) -> Report:
    """A report with users' metrics of predictions that are right as often as it says."""
    if not metrics:
        return found
    import numpy as np

    rows = found.validation_examples
    right = np.arange(rows) < round(rows * found.metrics["val_accuracy"])
    shares = np.where(right[:, None] == [False, True], 0.9, 0.1)
    values = {
        f"val_{record.name}": measure(record, metric, np.ones(rows, int), shares)
        for record, metric in metrics.items()
    }
    return replace(
        found,
        metrics={**found.metrics, **{name: value for name, (value, _) in values.items()}},
        errors={**found.errors, **{name: error for name, (_, error) in values.items()}},
    )


def report(settings: TrialSettings, point: int, **costs: float) -> Report:
    score = accuracy(settings, point)
    points = settings.training.evaluations
    total = round(EXAMPLES * settings.training.epochs)
    seen = round(total * point / points)
    rows = settings.training.interim_examples or VALIDATION_EXAMPLES
    return Report(
        point=point,
        points=points,
        final=point == points,
        examples_seen=seen,
        total_examples=total,
        updates=max(1, seen // settings.effective_batch_size),
        skipped_updates=0,
        train_loss=math.log(2) * 2.0 * (1.0 - score),
        train_loss_std=0.05,
        train_loss_max=math.log(2) * 2.0 * (1.0 - score) + 0.1,
        learning_rate=learning_rate(settings),
        grad_norm=1.0,
        weight_change=0.01 * point,
        val_loss=math.log(2) * 2.1 * (1.0 - score),
        metrics={"val_accuracy": score, "val_macro_f1": score, "val_mcc": 2.0 * score - 1.0},
        majority_share=0.5,
        validation_examples=rows,
        fixed=FixedRows(
            examples=rows,
            loss=math.log(2) * 2.1 * (1.0 - score),
            loss_error=0.4 / math.sqrt(rows),
            score=score,
            association=(2.0 * score - 1.0) * math.sqrt(rows),
            error_within_strata=0.4 / math.sqrt(rows),
            majority_share=0.5,
        ),
        examples_per_second=100.0,
        padding_fraction=0.05,
        peak_memory_bytes=1_000_000,
        seconds_training=total / settings.training.evaluations / speed(settings),
        seconds_evaluating=0.001,
        errors={
            f"val_{name}": confusion_error(confusion(score, rows), name)
            for name in ("accuracy", "macro_f1", "mcc")
        },
        confusion=confusion(score, rows) if point == points else None,
        model_mb=50.0,
        **costs,
    )


def confusion(score: float, rows: int) -> list[list[int]]:
    """Two labels of like frequency, each found with the share `score`."""
    half = rows // 2
    right = round(half * score)
    return [[right, half - right], [half - right, right]]


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel = StreamChannel(sys.stdin.buffer, claim_stdout(), on_end=end_process)
    ready = Ready(device="fake", versions={"fake": "1"})
    worker = Worker(channel, lambda: (FakeFineTuner(), ready), on_terminate=end_by_signal)
    for number in heeded(*TERMINATING):
        signal.signal(number, lambda *_: worker.terminate())
    worker.serve()


if __name__ == "__main__":
    main()
