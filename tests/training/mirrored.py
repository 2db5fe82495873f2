"""Run in processes of its own by test_replicas.py: TensorFlow's devices are set up only once.

python -m tests.training.mirrored WHAT CHECKPOINT DATA.csv OUTPUT.npz
"""

import dataclasses
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

from tests.components import make_optimizer, make_schedule
from tests.training.ten_updates import ADAMW, RMSPROP, ten_updates
from tests.training.test_fine_tune import Recorder
from tuner.checkpoints import inspect
from tuner.data import prepare
from tuner.settings.settings import DataSettings, ModelSettings, TrainingSettings, TrialSettings
from tuner.tasks import Classification
from tuner.training import replicas
from tuner.training.fine_tune import FineTuner
from tuner.training.fused import make_step
from tuner.training.model import Classifier


def settings(checkpoint, table, **training):
    return TrialSettings(
        model=ModelSettings(checkpoint=checkpoint, max_length=32, dropout=0.0),
        data=DataSettings(format="csv", train=table, validation=table),
        optimizer=make_optimizer({"name": "adamw", "learning_rate": 1e-3, "epsilon": 1e-6}),
        schedule=make_schedule({"name": "linear"}),
        training=TrainingSettings(**{"epochs": 0.5, "evaluations": 1, **training}),
    )


def updates(devices, checkpoint, table):
    """Losses and weights after ten updates on so many devices."""
    strategy = replicas.strategy_for(devices)
    given = settings(checkpoint, table)
    data = prepare(given.data, given.model, Classification())
    with replicas.scope(strategy):
        model = Classifier(inspect(Path(checkpoint)), 2)
    step = make_step(model, Classification(), strategy)
    out = {}
    for optimizer in (ADAMW, RMSPROP):
        losses, weights = ten_updates(model, step, data, 8, optimizer=optimizer)
        out[optimizer["name"]] = np.concatenate([w.ravel() for w in weights])
        out[f"{optimizer['name']} losses"] = np.array(losses)
    if strategy is not None:
        out["copies"] = np.array([_spread(v.value) for v in model.variables])
        first = ten_updates(model, step, data, 8, dropout=0.3)
        again = ten_updates(model, step, data, 8, dropout=0.3)
        out["repeated"] = np.array(first[0] == again[0])
        out["repeated weights"] = np.array(
            all(np.array_equal(a, b) for a, b in zip(first[1], again[1], strict=True))
        )
    return out


def _spread(variable):
    values = [copy.numpy() for copy in variable.values]
    return max(float(np.abs(value - values[0]).max()) for value in values)


def masks():
    """Result of dropout on ones, on each device."""
    from tuner.training.dropout import DropoutState

    strategy = replicas.strategy_for(2)
    with strategy.scope():
        state = DropoutState()
    state.reset(0.5, seed=0)

    def draw():
        state.begin_forward()
        return state.drop(tf.ones([64]))

    drawn = tf.function(lambda: strategy.run(draw))()
    return {
        "masks": np.array([mask.numpy() for mask in strategy.experimental_local_results(drawn)])
    }


TRIALS = ((1, 16, 0.0), (2, 8, 0.0), (2, 8, 0.3), (2, 8, 0.3))
"""Devices, batch size, dropout."""


def trials(checkpoint, table, wanted=TRIALS):
    """Reports of trials: figures by row."""
    tuner, rows = FineTuner(), []
    for devices, batch_size, dropout in wanted:
        given = settings(checkpoint, table, devices=devices, batch_size=batch_size)
        given = dataclasses.replace(given, model=dataclasses.replace(given.model, dropout=dropout))
        recorder = Recorder()
        assert not tuner.run(given, recorder)
        (report,) = recorder.reports
        rows.append([report.updates, report.train_loss, report.grad_norm, report.val_loss])
    return {"reports": np.array(rows)}


def main():
    what, checkpoint, table, output = sys.argv[1:]
    if what != "worker":
        (cpu,) = tf.config.list_physical_devices("CPU")
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * 2
        )
    if what == "trials":
        out = trials(checkpoint, table)
    else:
        out = updates(1 if what == "one" else 2, checkpoint, table)
        out |= masks() if what == "two" else {}
        out |= trials(checkpoint, table, TRIALS[1:2]) if what == "worker" else {}
    np.savez(output, **out)


if __name__ == "__main__":
    main()
