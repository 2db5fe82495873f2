"""The loop of one trial: update after update, evaluation points, reports."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from tuner.data import PreparedData
from tuner.devices.gpu_usage import GpuUsage
from tuner.diagnosis import DivergenceDetector
from tuner.diagnosis.divergence_detector import WINDOW
from tuner.settings.settings import TrialSettings
from tuner.tasks import Baseline, Evaluation, LossOptions
from tuner.tasks.label_weights import class_weights, trained_guess
from tuner.training import batches
from tuner.training.averaging import Average
from tuner.training.evaluate import Evaluator
from tuner.training.inference import inference_ms
from tuner.training.measured import Measured
from tuner.training.micro_batch import MicroBatch
from tuner.training.model import Classifier
from tuner.training.oversampling import BalancedRows
from tuner.training.profile import traced
from tuner.training.state import Checkpointer, Position
from tuner.training.update import UpdateStep
from tuner.trial.budget import Budget, interim_rows
from tuner.trial.certificate import EARLY_UPDATES
from tuner.trial.records import Decision, Report


class TrialMonitor(Protocol):
    """Receives progress and reports of a running trial; decides whether it continues."""

    def started(self, constant_guess: Baseline, labels: tuple[str, ...], resumed_at: int) -> None:
        """The first update begins; see `protocol.Started`."""

    def progress(self, share: float, examples_per_second: float) -> None:
        """Share of the budget's examples, and speed; told when updates are looked at."""

    def reported(self, report: Report) -> Decision:
        """An evaluation point, and what is to follow it."""

    def stop_requested(self) -> bool:
        """Asked after every update; True ends the trial."""

    def should_checkpoint(self) -> bool:
        """Return True if another attempt is to resume a trial that was stopped."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model and its graphs, kept between trials."""

    classifier: Classifier
    step: UpdateStep
    average: Average
    evaluator: Evaluator

    @property
    def variables(self) -> dict[str, Any]:
        """All that a trial changes, by name, for saving."""
        names = [each.name for each in self.classifier.parameters]
        groups = {
            "weights": zip(names, self.classifier.values, strict=True),
            "slots": self.step.slots.items(),
            # None where nothing is averaged.
            "average": zip(names, self.average.values, strict=False),
            "dropout": [("seed", self.classifier.dropout.seed)],
        }
        return {f"{group}.{name}": v for group, named in groups.items() for name, v in named}


class Loop:
    """The state of one trial while it runs."""

    def __init__(
        self,
        settings: TrialSettings,
        data: PreparedData,
        model: Model,
        clock: Callable[[], float],
        keeper: Checkpointer | None = None,
        profile: Path | None = None,
        usage: Callable[[], GpuUsage] = GpuUsage,
        *,
        times_inference: bool = False,
    ) -> None:
        self._settings = settings
        self._data = data
        self._model = model
        self._clock = clock
        self._keeper = keeper
        self._profile = profile
        self._usage = usage
        self._times_inference = times_inference
        self._budget = Budget(
            train_examples=data.train.rows,
            effective_batch=settings.effective_batch_size,
            epochs=settings.training.epochs,
            evaluations=settings.training.evaluations,
        )
        self._fixed = data.interim_rows(self._interim_count())
        limits = settings.convergence
        factor = limits.diverged_factor if limits.stop_diverged else math.inf
        self._guess = self._trained_guess()
        untrained = self._guess.untrained_over(WINDOW * settings.effective_batch_size)
        self._watch = DivergenceDetector(untrained, factor)
        self._at = Position()
        self._started = clock()
        self._begun: float | None = None
        self._diverged = ""
        self._finished = False

    @cached_property
    def _inference_ms(self) -> float | None:
        """Time of one example, which no update changes; None where nobody asks for it."""
        if not self._times_inference:
            return None
        return inference_ms(self._model.evaluator, self._data.validation, self._clock)

    def run(self, listener: TrialMonitor) -> str:
        """Make all updates; return why the trial diverged, empty if it did not."""
        self._go_on()
        listener.started(self._guess, self._data.labels, self._at.point)
        updates = islice(enumerate(self._plan(), start=1), self._at.update, None)
        with traced(updates, self._profile) as to_make:
            self._train(to_make, listener)
        self._leave(listener)
        return self._diverged

    def _go_on(self) -> None:
        """Restore the state that an earlier attempt saved."""
        saved = self._keeper.load() if self._keeper is not None else None
        if saved is not None:
            self._at, step = saved
            self._model.step.go_on(step)
            self._watch.restore(self._at.losses)
            self._started = self._clock() - self._at.seconds

    def _train(self, updates: Iterator[tuple[int, np.ndarray]], listener: TrialMonitor) -> None:
        at = self._at
        # An earlier attempt may have been stopped after an update and before its evaluation.
        if at.update and not self._report(listener):
            return
        for number, rows in updates:
            at.update, skipped = number, at.skipped
            self._update(rows)
            marks = number in EARLY_UPDATES or self._budget.point_due(number) is not None
            if (marks or self._model.step.due) and not self._look(listener):
                return
            if marks:
                at.measured.mark(number, self._model.classifier.weight_hash())
            if self._model.average.values and at.skipped == skipped:
                self._model.step.start_all()
                self._model.average.update(number - skipped)
            if listener.stop_requested() or not self._report(listener):
                return

    def _leave(self, listener: TrialMonitor) -> None:
        """Save a state if another attempt is to resume, and remove it otherwise."""
        if self._keeper is None:
            return
        ended = self._finished or self._diverged or not listener.should_checkpoint()
        if ended or (self._begun is not None and not self._look(listener)):
            self._keeper.remove()
        else:
            self._save(self._keeper)

    def _save(self, keeper: Checkpointer) -> None:
        at = replace(self._at, seconds=self._clock() - self._started, losses=self._watch.losses)
        keeper.save(at, self._model.step.state)

    def _plan(self) -> Iterator[np.ndarray]:
        """The rows of each update of the whole trial."""
        train, training = self._data.train, self._settings.training
        balanced = training.oversample == "balanced"
        pool = BalancedRows(train.labels, training.seed).epoch if balanced else None
        return batches.updates(
            train.row_lengths, self._budget, training.seed, pool, window=training.length_window
        )

    def _trained_guess(self) -> Baseline:
        """The constant guess, with what a model that learns nothing ends at in this trial."""
        data, training = self._data, self._settings.training
        if not data.task.weighs_labels:
            fixed = data.validation.truth(self._fixed)
            found = data.task.baseline(data.train.labels, fixed, len(data.labels))
            return replace(data.constant_guess, trained_loss=found.loss)
        options = loss_options(self._settings, data)
        return trained_guess(
            data.constant_guess,
            data.train.labels,
            data.validation.labels[self._fixed],
            np.array(options.label_weights or np.ones(len(data.labels))),
            smoothing=training.label_smoothing,
            oversample=training.oversample,
        )

    def _interim_count(self) -> int:
        """Rows that every evaluation point has."""
        training, validation = self._settings.training, self._data.validation
        examples = len(validation)
        if training.interim_examples is not None:
            return min(training.interim_examples, examples)
        share, each = training.evaluation_share, validation.rows_each
        return interim_rows(self._budget, examples, share, each)

    def _update(self, rows: np.ndarray) -> None:
        """Make one update."""
        settings, training = self._settings, self._settings.training
        if self._begun is None:
            self._begun = self._clock()
        made = self._at.update - self._at.skipped
        rate = settings.schedule.learning_rate(
            settings.optimizer.learning_rate, made, self._budget.total_updates
        )
        parts = batches.micro_batches(rows, training.batch_size)
        micro = [micro_batch(self._data, part, settings) for part in parts]
        self._model.step(micro, learning_rate=rate, update=made, clip_norm=training.clip_norm)
        self._at.learning_rate = rate

    def _look(self, listener: TrialMonitor) -> bool:
        """Read the figures since the last time; return True if training can continue."""
        at, results = self._at, self._model.step.collect()
        now = self._clock()
        seconds = now - (now if self._begun is None else self._begun)
        self._begun = None
        self._diverged = self._watch.update(
            [result.loss_sum / result.targets for result in results],
            [None if result.skipped else result.grad_norm for result in results],
            at.update,
        )
        if self._diverged:
            return False
        at.skipped += sum(result.skipped for result in results)
        at.measured.add(results, seconds)
        listener.progress(
            self._share,
            sum(result.examples for result in results) / seconds,
        )
        return True

    @property
    def _share(self) -> float:
        """Share of the budget's examples."""
        return self._budget.examples_after(self._at.update) / self._budget.total_examples

    def _report(self, listener: TrialMonitor) -> bool:
        """Evaluate and report if a point is due; return True to continue."""
        at = self._at
        point = self._budget.point_due(at.update)
        if point is None or point <= at.point:
            return True
        facts = self._facts()
        final = point == self._budget.evaluations
        report = self._measure(final=final, **facts)(point=point, final=final)
        for name in ("val_loss", "weight_change"):
            if not math.isfinite(getattr(report, name)):
                self._diverged = f"{name} is {getattr(report, name)} at point {point}"
                return False
        answer = listener.reported(report)
        at.point, self._finished = point, report.final
        if answer is Decision.FINISH_EARLY and not final:
            listener.reported(self._measure(final=True, **facts)(point=point, final=True))
            self._finished = True
            return False
        at.measured = Measured()  # Before a stop, too, whose state another attempt goes on from.
        if answer.ends:
            return False
        keeper, seconds = self._keeper, self._clock() - self._started
        if keeper is not None and not self._finished and keeper.due(seconds, self._share):
            self._save(keeper)
        return True

    def _facts(self) -> dict[str, Any]:
        """Return the fields of a report about the trial as a whole."""
        at = self._at
        return {
            "points": self._budget.evaluations,
            "examples_seen": self._budget.examples_after(at.update),
            "total_examples": self._budget.total_examples,
            "updates": at.update - at.skipped,
            "skipped_updates": at.skipped,
            "learning_rate": at.learning_rate,
            "weight_change": self._model.classifier.weight_change(),
            "model_mb": self._model.classifier.saved_bytes / 1e6,
            "inference_ms": self._inference_ms,
        }

    def _measure(self, *, final: bool, **facts: Any) -> Callable[..., Report]:
        """Evaluate, and return a function from point and finality to the report."""
        started = self._clock()
        evaluation, fixed = self._evaluate(final=final)
        facts["seconds_evaluating"] = self._clock() - started
        usage = self._usage()
        facts["gpu_utilization"] = usage.utilization
        facts["gpu_memory_bytes"] = usage.memory_bytes
        return partial(self._at.measured.report, evaluation, fixed, **facts)

    def _evaluate(self, *, final: bool) -> tuple[Evaluation, Evaluation]:
        """Scores of the weights, or of their average, which stays in their place at the end."""
        training, split = self._settings.training, self._data.validation
        rows = np.arange(len(split)) if final else self._fixed
        self._model.average.exchange()
        made = self._model.evaluator.evaluate(
            split, rows, self._fixed, training.evaluation_batch_size, final=final
        )
        if not final:
            self._model.average.exchange()
        return made


def micro_batch(data: PreparedData, rows: np.ndarray, settings: TrialSettings) -> MicroBatch:
    """Some training rows, padded together."""
    # Tensor cores want multiples of 8; without them every padded token is waste.
    multiple = 1 if settings.training.precision == "float32" else 8
    ids, types, lengths, labels = data.train.batch(rows, multiple)
    return MicroBatch(ids=ids, types=types, lengths=lengths.astype(np.int32), labels=labels)


def loss_options(settings: TrialSettings, data: PreparedData) -> LossOptions:
    """Return the options of a trial's training loss.

    Raises:
        InputError: Class weights for other labels than the data has.
    """
    training = settings.training
    if not data.task.weighs_labels:
        return LossOptions()
    weights = class_weights(
        training.class_weights, data.labels, data.train.labels, training.oversample
    )
    return LossOptions(
        label_smoothing=training.label_smoothing,
        label_weights=None if weights is None else tuple(weights.tolist()),
    )
