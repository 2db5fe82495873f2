"""The side `keras` of `sweep.py`: KerasTuner over keras-hub, rows padded to the full length."""

import math
import time
from typing import Any

import keras
import keras_hub
import keras_tuner
import numpy as np
from sweep_task import Result, Task, read_rows, read_task


class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up to the peak, then one of the schedules."""

    def __init__(self, name: str, peak: float, warmup: float, updates: int) -> None:
        self._name = name
        self._peak = peak
        self._warmup = warmup
        self._updates = updates

    def __call__(self, step: Any) -> Any:
        """The rate of an update, counted from 0."""
        done = keras.ops.cast(step, "float32") / self._updates
        progress = keras.ops.maximum(0.0, (done - self._warmup) / (1 - self._warmup))
        decay = {
            "constant": 1.0,
            "linear": 1 - progress,
            "cosine": (1 + keras.ops.cos(math.pi * progress)) / 2,
        }[self._name]
        rising = (done + 1 / self._updates) / (self._warmup + 1 / self._updates)
        return self._peak * keras.ops.minimum(rising, 1.0) * decay

    def get_config(self) -> dict[str, Any]:
        """Settings that it was built from."""
        return {
            "name": self._name,
            "peak": self._peak,
            "warmup": self._warmup,
            "updates": self._updates,
        }


class FineTune(keras_tuner.HyperModel):
    """The classifier of keras-hub, built and fitted anew for each trial."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.busy = 0.0
        self.trials = 0
        self._task = task

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """The model of a trial, compiled."""
        task = self._task
        keras.utils.set_random_seed(task.seed)
        low, high = task.learning_rate
        least, most = task.warmup_fraction
        rate = Schedule(
            hp.Choice("schedule", list(task.schedules)),
            hp.Float("learning_rate", low, high, sampling="log"),
            hp.Float("warmup_fraction", least, most),
            task.updates,
        )
        model = keras_hub.models.BertTextClassifier.from_preset(
            task.checkpoint,
            num_classes=2,
            preprocessor=keras_hub.models.BertTextClassifierPreprocessor.from_preset(
                task.checkpoint, sequence_length=task.max_length
            ),
        )
        model.compile(
            optimizer=keras.optimizers.AdamW(
                rate, weight_decay=task.weight_decay, global_clipnorm=task.clip_norm
            ),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        return model

    def fit(
        self,
        hp: keras_tuner.HyperParameters,  # noqa: ARG002
        model: keras.Model,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """Trains and evaluates; tracing and compilation are part of Keras' `fit`."""
        started = time.perf_counter()
        history = model.fit(*args, **kwargs)
        self.busy += time.perf_counter() - started
        self.trials += 1
        return history


def rows(path: str) -> tuple[np.ndarray, np.ndarray]:
    """Texts and labels of a file."""
    texts, labels = read_rows(path)
    return np.array(texts), np.array(labels)


def main() -> None:
    """Runs the sweep of the task in this folder."""
    task = read_task()
    model = FineTune(task)
    tuner = keras_tuner.BayesianOptimization(
        model,
        objective="val_accuracy",
        max_trials=task.trials,
        max_consecutive_failed_trials=1,
        seed=task.seed,
        directory="keras",
        project_name="sweep",
    )
    texts, labels = rows(task.train)
    tuner.search(
        x=texts,
        y=labels,
        validation_data=rows(task.validation),
        epochs=task.epochs,
        batch_size=task.batch,
        verbose=0,
    )
    best = tuner.oracle.get_best_trials()[0]
    Result(
        score=best.score,
        best=best.hyperparameters.values,
        busy=model.busy,
        slots=1,
        complete=model.trials,
    ).write()


if __name__ == "__main__":
    main()
