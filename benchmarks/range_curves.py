"""The curves of `range_test.py`: real updates with a rising learning rate."""

import json
import math
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, fields
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from default_trial import default_trial
from range_rules import rising

from tuner.data import PreparedData, prepare
from tuner.settings.settings import TrialSettings
from tuner.training import batches, device
from tuner.training.fused import make_step
from tuner.training.loop import micro_batch
from tuner.training.model import Classifier
from tuner.training.update import UpdateStep
from tuner.trial.budget import Budget

ROWS = 800
DATA = (f"data.train_examples={ROWS}", "data.validation_examples=400")
LARGEST_BATCH = 32
"""Examples in one pass; larger effective batches are accumulated, as in the recorded sweeps."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A curve to record.

    Attributes:
        updates: From the lowest learning rate to the highest, in equal factors.
        effective_batch: Examples in an update.
        seed: Decides head, order and dropout.
        optimizer: `adamw` or `sgd`.
        lowest: Learning rate of the first update.
        highest: Learning rate of the last.
    """

    updates: int
    effective_batch: int
    seed: int
    optimizer: str
    lowest: float
    highest: float


ENDS: Mapping[str, tuple[float, float]] = {"adamw": (3e-6, 1e-2), "sgd": (3e-4, 1.0)}
"""From a third of the lowest rate of the recorded sweeps to three times the highest."""

TESTS = (
    *((25, batch, 0) for batch in (8, 16, 32)),
    *((100, batch, 0) for batch in (8, 16, 32)),
    *((25, 16, seed) for seed in (1, 2)),
    *((200, 8, seed) for seed in (0, 1)),
)
"""Updates, effective batch and seed."""

WANTED = tuple(
    Wanted(
        updates=updates,
        effective_batch=batch,
        seed=seed,
        optimizer=optimizer,
        lowest=lowest,
        highest=highest,
    )
    for updates, batch, seed in TESTS
    for optimizer, (lowest, highest) in ENDS.items()
)


def settings_of(one: Wanted) -> TrialSettings:
    """Those of the recorded sweeps."""
    batch = min(one.effective_batch, LARGEST_BATCH)
    return default_trial(
        f"optimizer={one.optimizer}",
        *DATA,
        f"training.batch_size={batch}",
        f"training.accumulation_steps={one.effective_batch // batch}",
        f"training.epochs={one.updates * one.effective_batch / ROWS}",
        f"training.seed={one.seed}",
    )


@cache
def prepared() -> tuple[PreparedData, Classifier, UpdateStep]:
    """Data and model of all curves, once a process."""
    device.set_up(1)
    settings = default_trial(*DATA)
    data = prepare(settings.data, settings.model)
    classifier = Classifier(data.checkpoint, len(data.labels))
    return data, classifier, make_step(classifier, None)


def train(one: Wanted) -> dict[str, Any]:
    """The mean loss of each update in nats, before it, up to one that is not finite."""
    settings = settings_of(one)
    training = settings.training
    data, classifier, step = prepared()
    classifier.reset(training.seed, settings.model.dropout)
    step.reset(settings.optimizer)
    budget = Budget(
        train_examples=ROWS,
        effective_batch=one.effective_batch,
        epochs=training.epochs + 1,  # The last updates of epochs are smaller.
        evaluations=1,
    )
    plan = batches.updates(
        data.train.lengths, budget, training.seed, window=training.length_window
    )
    losses: list[float] = []
    examples = 0
    rates = rising(one.lowest, one.highest, one.updates)
    for update, (rate, rows) in enumerate(zip(rates, plan, strict=False), start=1):
        parts = batches.micro_batches(rows, training.batch_size)
        micro = [micro_batch(data, part, settings) for part in parts]
        step(micro, learning_rate=rate, update=update, clip_norm=training.clip_norm)
        (result,) = step.collect()
        examples += result.examples
        if not math.isfinite(result.loss_sum):
            break
        losses.append(float(f"{result.loss_sum / result.examples:.5g}"))
    return asdict(one) | {"examples": examples, "losses": losses}


def record(path: Path, workers: int) -> None:
    """Trains what is not in the file yet, and writes each curve down when it ends."""
    rows = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    done = {tuple(row[field.name] for field in fields(Wanted)) for row in rows}
    missing = [one for one in WANTED if tuple(asdict(one).values()) not in done]
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        for made in as_completed(pool.submit(train, one) for one in missing):
            rows.append(made.result())
            text = ",\n".join(json.dumps(row) for row in rows)
            path.write_text(f"[\n{text}\n]\n", encoding="utf-8")
            print(f"{len(rows)} of {len(WANTED)}", flush=True)
