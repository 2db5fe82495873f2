"""The loop of one trial: update after update, evaluation points, reports."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np

from tuner.core import schedule
from tuner.core.budget import Budget, interim_rows
from tuner.core.convergence import Watch
from tuner.core.settings import TrialSettings
from tuner.core.trial import Answer, ConstantGuess, Report
from tuner.data import PreparedData
from tuner.training import batches
from tuner.training.averaging import Average
from tuner.training.evaluate import Evaluation, Evaluator
from tuner.training.imbalance import BalancedRows
from tuner.training.measured import Measured
from tuner.training.micro_batch import MicroBatch
from tuner.training.model import Classifier
from tuner.training.update import UpdateStep


class Listener(Protocol):
    """Whom a fine-tune tells how it goes, and asks whether to go on."""

    def started(self, constant_guess: ConstantGuess, labels: tuple[str, ...]) -> None:
        """The first update begins; label names in the order of their numbers."""

    def progress(self, share: float, examples_per_second: float) -> None:
        """Share of the budget's examples, and speed; told when updates are looked at."""

    def reported(self, report: Report) -> Answer:
        """An evaluation point, and what is to follow it."""

    def stop_requested(self) -> bool:
        """Asked after every update; True ends the trial."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model and its graphs, kept between trials."""

    classifier: Classifier
    step: UpdateStep
    average: Average
    evaluator: Evaluator


class Loop:
    """The state of one trial while it runs."""

    def __init__(
        self,
        settings: TrialSettings,
        data: PreparedData,
        model: Model,
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._data = data
        self._model = model
        self._clock = clock
        self._budget = Budget(
            train_examples=len(data.train.labels),
            effective_batch=settings.effective_batch_size,
            epochs=settings.training.epochs,
            evaluations=settings.training.evaluations,
        )
        self._fixed = data.interim_rows(self._interim_count())
        limits = settings.convergence
        factor = limits.diverged_factor if limits.stop_diverged else math.inf
        self._watch = Watch(data.constant_guess.loss, factor)
        self._since = Measured()
        self._skipped = 0
        self._begun: float | None = None
        self._diverged = ""

    def run(self, listener: Listener) -> str:
        """Makes all updates; returns why the trial diverged, empty when it did not."""
        budget, seed = self._budget, self._settings.training.seed
        listener.started(self._data.constant_guess, self._data.labels)
        train = self._data.train
        balanced = self._settings.training.oversample == "balanced"
        pool = BalancedRows(train.labels, seed).epoch if balanced else None
        window = self._settings.training.length_window
        plan = batches.updates(train.lengths, budget, seed, pool, window=window)
        for number, rows in enumerate(plan, start=1):
            rate, skipped = self._update(number, rows), self._skipped
            points = budget.points_due(number)
            if (points or self._model.step.due) and not self._look(number, listener):
                break
            if self._skipped == skipped:
                self._model.average.update(number - skipped)
            if points and not self._report(points, number, rate, listener):
                break
            if listener.stop_requested():
                break
        return self._diverged

    def _interim_count(self) -> int:
        """Rows that every evaluation point has."""
        training, rows = self._settings.training, len(self._data.validation.labels)
        if training.interim_examples is not None:
            return min(training.interim_examples, rows)
        return interim_rows(self._budget, rows, training.evaluation_share)

    def _update(self, number: int, rows: np.ndarray) -> float:
        """Makes one update; returns its learning rate."""
        settings, training = self._settings, self._settings.training
        if self._begun is None:
            self._begun = self._clock()
        made = number - self._skipped
        rate = schedule.learning_rate(
            settings.schedule,
            float(settings.optimizer["learning_rate"]),
            made,
            self._budget.total_updates,
        )
        parts = batches.micro_batches(rows, training.batch_size)
        micro = [micro_batch(self._data, part, settings) for part in parts]
        self._model.step(micro, learning_rate=rate, update=made, clip_norm=training.clip_norm)
        return rate

    def _look(self, number: int, listener: Listener) -> bool:
        """Reads the figures since the last look; returns whether training can go on."""
        results = self._model.step.collect()
        now = self._clock()
        seconds = now - (now if self._begun is None else self._begun)
        self._begun = None
        self._diverged = self._watch.see(
            [result.loss_sum / result.examples for result in results],
            [None if result.skipped else result.grad_norm for result in results],
            number,
        )
        if self._diverged:
            return False
        self._skipped += sum(result.skipped for result in results)
        self._since.add(results, seconds)
        listener.progress(
            self._budget.examples_after(number) / self._budget.total_examples,
            sum(result.examples for result in results) / seconds,
        )
        return True

    def _report(self, points: list[int], number: int, rate: float, listener: Listener) -> bool:
        """Evaluates once and reports each due point; returns whether to go on."""
        facts: dict[str, Any] = {
            "points": self._budget.evaluations,
            "examples_seen": self._budget.examples_after(number),
            "total_examples": self._budget.total_examples,
            "updates": number - self._skipped,
            "skipped_updates": self._skipped,
            "learning_rate": rate,
            "weight_change": self._model.classifier.weight_change(),
        }
        final = points[-1] == self._budget.evaluations
        measured = self._measure(final=final, **facts)
        for point in points:
            report = measured(point=point, final=point == self._budget.evaluations)
            for name in ("val_loss", "weight_change"):
                if not math.isfinite(getattr(report, name)):
                    self._diverged = f"{name} is {getattr(report, name)} at point {point}"
                    return False
            answer = listener.reported(report)
            if answer is Answer.CONCLUDE and not final:
                listener.reported(self._measure(final=True, **facts)(point=point, final=True))
            if answer is not Answer.CONTINUE:
                return False
        self._since = Measured()
        return True

    def _measure(self, *, final: bool, **facts: Any) -> Callable[..., Report]:
        """Evaluates, and makes reports of it once point and finality are known."""
        started = self._clock()
        evaluation, fixed = self._evaluate(final=final)
        facts["seconds_evaluating"] = self._clock() - started
        return partial(self._since.report, evaluation, fixed, **facts)

    def _evaluate(self, *, final: bool) -> tuple[Evaluation, Evaluation]:
        """Scores of the weights, or of their average, which stays in their place at the end."""
        training, split = self._settings.training, self._data.validation
        rows = np.arange(len(split.labels)) if final else self._fixed
        self._model.average.exchange()
        made = self._model.evaluator.evaluate(
            split, rows, self._fixed, training.evaluation_batch_size
        )
        if not final:
            self._model.average.exchange()
        return made


def micro_batch(data: PreparedData, rows: np.ndarray, settings: TrialSettings) -> MicroBatch:
    """Some training rows, padded together."""
    # Tensor cores want multiples of 8; without them every padded token is waste.
    multiple = 1 if settings.training.precision == "float32" else 8
    ids, types, lengths = data.train.pad(rows, multiple)
    return MicroBatch(
        ids=ids, types=types, lengths=lengths.astype(np.int32), labels=data.train.labels[rows]
    )
