"""One fine-tune from its settings to its reports, in a process that serves many.

What costs time is kept between trials: tokenised data, models and traced graphs. What a trial
leaves behind is not: weights, slots, counters and random state are put back before each.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from tuner.core import schedule
from tuner.core.budget import Budget
from tuner.core.settings import DataSettings, ModelSettings, TrialSettings
from tuner.core.trial import ConstantGuess, Report
from tuner.data import PreparedData, prepare
from tuner.training import batches, device
from tuner.training.checks import check
from tuner.training.evaluate import Evaluation, Evaluator
from tuner.training.measured import Measured
from tuner.training.model import Classifier
from tuner.training.update import MicroBatch, UpdateResult, UpdateStep

KEPT_MODELS = 2
"""Models kept in memory for the trials to come; the least recently used one goes."""


class Listener(Protocol):
    """Whom a fine-tune tells how it goes, and asks whether to go on."""

    def started(self, constant_guess: ConstantGuess) -> None:
        """The first update begins."""

    def progress(self, share: float, examples_per_second: float) -> None:
        """After every update: share of the budget's examples, and speed of this update."""

    def reported(self, report: Report) -> bool:
        """An evaluation point; False ends the trial."""

    def stop_requested(self) -> bool:
        """Asked after every update; True ends the trial."""


@dataclass(frozen=True, kw_only=True)
class _Model:
    """A model and its graphs, kept between trials."""

    classifier: Classifier
    step: UpdateStep
    evaluator: Evaluator


class FineTuner:
    """Runs trials one after another; each as if it were the first."""

    def __init__(
        self,
        prepare_data: Callable[[DataSettings, ModelSettings], PreparedData] = prepare,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._prepare_data = prepare_data
        self._clock = clock
        self._models: dict[tuple[str, str, int], _Model] = {}
        self._data: tuple[DataSettings, ModelSettings, PreparedData] | None = None

    def prepare(self, settings: TrialSettings) -> None:
        """Builds, tokenises and traces ahead what a trial with these settings needs.

        Raises:
            InputError: The settings, the data or the checkpoint are wrong.
        """
        check(settings)
        data = self._data_for(settings)
        model = self._model_for(settings, data)
        model.classifier.reset(settings.training.seed, settings.model.dropout)
        model.step.reset(settings.optimizer)
        rows = np.arange(min(2, len(data.train.labels)))
        model.step(
            [_micro_batch(data, rows, settings)], learning_rate=0.0, update=1, clip_norm=None
        )
        model.evaluator.logits(data.validation, rows[: len(data.validation.labels)], len(rows))

    def run(self, settings: TrialSettings, listener: Listener) -> bool:
        """Runs one trial from its beginning.

        Args:
            settings: All that decides it.
            listener: Told of every update and evaluation point; may end the trial.

        Returns:
            Whether it diverged: the loss or a gradient became NaN or Inf, and it ended there.

        Raises:
            InputError: The settings, the data or the checkpoint are wrong.
        """
        check(settings)
        data = self._data_for(settings)
        model = self._model_for(settings, data)
        model.classifier.reset(settings.training.seed, settings.model.dropout)
        model.step.reset(settings.optimizer)
        device.reset_peak_memory()
        return _Trial(settings, data, model, self._clock).run(listener)

    def _data_for(self, settings: TrialSettings) -> PreparedData:
        model = replace(settings.model, dropout=0.0)  # Dropout changes no token.
        if self._data is None or self._data[:2] != (settings.data, model):
            self._data = None
            self._data = (settings.data, model, self._prepare_data(settings.data, model))
        return self._data[2]

    def _model_for(self, settings: TrialSettings, data: PreparedData) -> _Model:
        precision = settings.training.precision
        key = (data.checkpoint.fingerprint, precision, len(data.labels))
        model = self._models.pop(key, None)
        if model is None:
            while len(self._models) >= KEPT_MODELS:
                self._models.pop(next(iter(self._models)))
            classifier = Classifier(data.checkpoint, len(data.labels), precision)
            model = _Model(
                classifier=classifier,
                step=UpdateStep(classifier),
                evaluator=Evaluator(classifier),
            )
        self._models[key] = model
        return model


class _Trial:
    """The state of one trial while it runs."""

    def __init__(
        self,
        settings: TrialSettings,
        data: PreparedData,
        model: _Model,
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
        self._since = Measured()
        self._skipped = 0

    def run(self, listener: Listener) -> bool:
        """Makes all updates; returns whether the trial diverged."""
        budget, seed = self._budget, self._settings.training.seed
        listener.started(self._data.constant_guess)
        plan = batches.updates(self._data.train.lengths, budget, seed)
        for number, rows in enumerate(plan, start=1):
            started = self._clock()
            result, rate = self._update(number, rows)
            seconds = self._clock() - started
            if not result.finite:
                return True
            listener.progress(
                budget.examples_after(number) / budget.total_examples, len(rows) / seconds
            )
            self._since.add(result, len(rows), seconds)
            points = budget.points_due(number)
            if points:
                finite, go_on = self._report(points, number, rate, listener)
                if not finite or not go_on:
                    return not finite
            if listener.stop_requested():
                return False
        return False

    def _update(self, number: int, rows: np.ndarray) -> tuple[UpdateResult, float]:
        settings, training = self._settings, self._settings.training
        made = number - self._skipped
        rate = schedule.learning_rate(
            settings.schedule,
            float(settings.optimizer["learning_rate"]),
            made,
            self._budget.total_updates,
        )
        parts = batches.micro_batches(rows, training.batch_size)
        micro = [_micro_batch(self._data, part, settings) for part in parts]
        self._since.add_tokens(micro)
        result = self._model.step(
            micro, learning_rate=rate, update=made, clip_norm=training.clip_norm
        )
        self._skipped += result.skipped
        return result, rate

    def _report(
        self, points: list[int], number: int, rate: float, listener: Listener
    ) -> tuple[bool, bool]:
        """Evaluates once and reports each due point; returns (loss finite, go on)."""
        started = self._clock()
        evaluation = self._evaluate(last=points[-1] == self._budget.evaluations)
        seconds = self._clock() - started
        if not math.isfinite(evaluation.loss):
            return False, False
        for point in points:
            report = self._since.report(
                evaluation,
                point=point,
                points=self._budget.evaluations,
                examples_seen=self._budget.examples_after(number),
                total_examples=self._budget.total_examples,
                updates=number - self._skipped,
                learning_rate=rate,
                seconds_evaluating=seconds,
            )
            if not listener.reported(report):
                return True, False
        self._since = Measured()
        return True, True

    def _evaluate(self, *, last: bool) -> Evaluation:
        training, split = self._settings.training, self._data.validation
        if last or training.interim_examples is None:
            rows = np.arange(len(split.labels))
        else:
            rows = self._data.interim_rows(training.interim_examples)
        return self._model.evaluator.evaluate(split, rows, training.evaluation_batch_size)


def _micro_batch(data: PreparedData, rows: np.ndarray, settings: TrialSettings) -> MicroBatch:
    # Tensor cores want multiples of 8; without them every padded token is waste.
    multiple = 1 if settings.training.precision == "float32" else 8
    ids, types, lengths = data.train.pad(rows, multiple)
    return MicroBatch(
        ids=ids, types=types, lengths=lengths.astype(np.int32), labels=data.train.labels[rows]
    )
