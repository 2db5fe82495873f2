"""One fine-tune from its settings to its reports, in a process that serves many.

What costs time is kept between trials: tokenised data, models and traced graphs. What a trial
leaves behind is not: weights, slots, counters and random state are put back before each.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tuner.checkpoints.layers import check_layers
from tuner.data import PreparedData, prepare
from tuner.errors import InputError
from tuner.metrics import MetricRecord, load
from tuner.settings.overrides import override
from tuner.settings.settings import DataSettings, ModelSettings, TrialSettings
from tuner.tasks import Task
from tuner.training import batches, device, replicas
from tuner.training.averaging import Average
from tuner.training.checks import check
from tuner.training.evaluate import Evaluator
from tuner.training.fused import make_step
from tuner.training.gpu_watch import watched
from tuner.training.hugging_face import save_trained
from tuner.training.loop import Loop, Model, TrialMonitor, loss_options, micro_batch
from tuner.training.member import MemberRecord, save_member
from tuner.training.model import Classifier
from tuner.training.rehearsal import rehearse
from tuner.training.state import Checkpointer
from tuner.training.state_file import StateFile
from tuner.training.vocabulary import trained_vocabulary

KEPT_MODELS = 2
"""Models kept in memory for the trials to come; the least recently used one goes."""


class FineTuner:
    """Runs trials one after another; each as if it were the first."""

    def __init__(
        self,
        prepare_data: Callable[[DataSettings, ModelSettings, Task], PreparedData] = prepare,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._prepare_data = prepare_data
        self._clock = clock
        self._deterministic: bool | None = None
        self._models: dict[tuple[Any, ...], Model] = {}
        self._data: tuple[tuple[DataSettings, ModelSettings, Task], PreparedData] | None = None
        self._running: tuple[TrialSettings, PreparedData, Model] | None = None

    def prepare(self, settings: TrialSettings) -> None:
        """Build, tokenise and trace ahead what a trial with these settings needs.

        Raises:
            InputError: The settings, the data or the checkpoint are wrong.
        """
        data, model = self._begin(settings)
        count = settings.effective_batch_size if model.step.compiles_shapes else 2
        rows = np.arange(min(count, data.train.rows))
        parts = batches.micro_batches(rows, settings.training.batch_size)
        micro = [micro_batch(data, part, settings) for part in parts]
        model.step(micro, learning_rate=0.0, update=1, clip_norm=None)
        model.step.collect()
        first = rows[: len(data.validation)]
        model.evaluator.logits(data.validation, first, settings.training.evaluation_batch_size)

    def run(
        self,
        settings: TrialSettings,
        listener: TrialMonitor,
        state: Path | None = None,
        profile: Path | None = None,
        metrics: Sequence[MetricRecord] = (),
        times_inference: bool = False,
    ) -> str:
        """Run one trial, from its beginning or from an earlier attempt's state.

        Args:
            settings: All that decides it.
            listener: Receives every update and evaluation point; may end the trial.
            state: File to save the trial's state in, and to go on from where there is one of this
                very trial; there is none after the trial's end. None: nothing is saved.
            profile: Folder for the trace that `training.profile` asks for.
            metrics: Users' metrics to measure at each evaluation point.
            times_inference: True if the time of one example is to be measured.

        Returns:
            Why it diverged, with figures: loss or gradient became NaN or Inf or the loss blew up,
            and it ended there. Empty when it did not.

        Raises:
            InputError: The settings, the data, the checkpoint or a metric are wrong.
        """
        try:
            return self._run(settings, listener, state, profile, metrics, times_inference)
        except (MemoryError, tf.errors.ResourceExhaustedError) as error:
            error.add_note(f"peak memory {device.peak_memory_bytes() / 1e6:.0f} MB")
            raise

    def _run(
        self,
        settings: TrialSettings,
        listener: TrialMonitor,
        state: Path | None,
        profile: Path | None,
        metrics: Sequence[MetricRecord],
        times_inference: bool,
    ) -> str:
        functions = {record: load(record) for record in metrics}
        data, model = self._begin(settings)
        model.evaluator.metrics = functions
        self._running = settings, data, model
        device.reset_peak_memory()
        keeper = None
        if state is not None and settings.training.save_state != "never":
            keeper = Checkpointer(StateFile(state), settings, data, model.variables, self._clock)
        traces = profile if settings.training.profile else None
        with watched(settings.training.devices) as usage:
            loop = Loop(
                settings,
                data,
                model,
                self._clock,
                keeper,
                traces,
                usage,
                times_inference=times_inference,
            )
            return loop.run(listener)

    def save_model(self, folder: Path) -> None:
        """Write the running trial's model, as it is now, as a Hugging Face folder.

        Args:
            folder: Made, or replaced.

        Raises:
            LookupError: No trial has run.
            OSError: It cannot be written.
        """
        if self._running is None:
            raise LookupError("no trial has run")
        _save(folder, *self._running)

    def save_member(self, path: Path) -> None:
        """Write what the running trial's training has changed, as it is now.

        Args:
            path: File to write, or to replace.

        Raises:
            LookupError: No trial has run.
            OSError: It cannot be written.
        """
        if self._running is None:
            raise LookupError("no trial has run")
        _, data, model = self._running
        save_member(path, model.classifier, MemberRecord.of(data))

    def _begin(self, settings: TrialSettings) -> tuple[PreparedData, Model]:
        """Data and model of a trial, with everything as no other trial had ever run."""
        check(settings)
        self._settle(deterministic=settings.training.deterministic)
        data, training = self._data_for(settings), settings.training
        check_layers(settings, data.checkpoint)
        model = self._model_for(settings, data)
        model.classifier.reset(training.seed, settings.model.dropout, training.reinit_layers)
        model.step.reset(
            settings.optimizer,
            freeze_layers=training.freeze_layers,
            loss=loss_options(settings, data),
        )
        model.average.reset(training.ema_decay)
        model.evaluator.last = None
        save = partial(_save, settings=settings, data=data, model=model)
        rehearse(settings, data, model.classifier, model.evaluator, save)
        return data, model

    def _settle(self, *, deterministic: bool) -> None:
        """Decide with the first trial whether this process computes deterministically.

        Raises:
            InputError: An earlier trial decided otherwise, and TensorFlow's kernels would not
                all follow a change.
        """
        if self._deterministic is None:
            self._deterministic = deterministic
            if deterministic:
                device.make_deterministic()
        if self._deterministic != deterministic:
            raise InputError(
                f"training.deterministic is {str(deterministic).lower()}, and this worker has "
                f"already computed with {str(self._deterministic).lower()}, which cannot be "
                "changed in a process that runs",
                where="training.deterministic",
                remedy=override("training.deterministic", self._deterministic),
            )

    def _data_for(self, settings: TrialSettings) -> PreparedData:
        model = replace(settings.model, dropout=0.0)  # Dropout changes no token.
        wanted = settings.data, model, settings.task
        if self._data is None or self._data[0] != wanted:
            self._data = None
            self._data = wanted, self._prepare_data(*wanted)
        return self._data[1]

    def _model_for(self, settings: TrialSettings, data: PreparedData) -> Model:
        training, labels = settings.training, len(data.labels)
        precision, devices = training.precision, training.devices
        task = json.dumps(data.task.to_mapping(), sort_keys=True)
        vocabulary = trained_vocabulary(settings, data)
        model_key = data.checkpoint.fingerprint, precision, labels, devices
        words = None if vocabulary is None else vocabulary.fingerprint
        key = (*model_key, training.rematerialize, task, words)
        model = self._models.pop(key, None)
        if model is None:
            while len(self._models) >= KEPT_MODELS:
                self._models.pop(next(iter(self._models)))
            strategy = replicas.strategy_for(devices)
            with replicas.scope(strategy):
                classifier = Classifier(
                    data.checkpoint,
                    labels,
                    precision,
                    head=data.task.head,
                    rematerialize=training.rematerialize,
                    vocabulary=vocabulary,
                )
            step = make_step(classifier, data.task, strategy)
            model = Model(
                classifier=classifier,
                step=step,
                average=Average(classifier.values),
                evaluator=Evaluator(classifier, data.task, compiled=step.compiles_shapes),
            )
        self._models[key] = model
        return model


def _save(folder: Path, settings: TrialSettings, data: PreparedData, model: Model) -> None:
    last = model.evaluator.last
    thresholds = None if last is None else last.thresholds
    save_trained(folder, model.classifier, settings, data, thresholds)
