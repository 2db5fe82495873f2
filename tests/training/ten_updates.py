"""Ten updates of a small model, to compare ways of making them."""

import numpy as np

from tests.components import make_optimizer
from tuner.training.batches import micro_batches, updates
from tuner.trial.budget import Budget

# With an epsilon of 1e-8 Adam blows the rounding of next to no gradient up to whole steps.
ADAMW = {"name": "adamw", "learning_rate": 1e-3, "weight_decay": 0.1, "epsilon": 1e-6}
SGD = {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9}
RMSPROP = {"name": "rmsprop", "learning_rate": 1e-3, "epsilon": 1e-4}


def weights(model):
    return [np.array(v.numpy()) for v in model.variables]


def cut(data, rows, batch_size):
    """Micro-batches of some training rows."""
    from tuner.training.micro_batch import MicroBatch

    out = []
    for part in micro_batches(rows, batch_size):
        ids, types, lengths = data.train.pad(part)
        out.append(
            MicroBatch(
                ids=ids,
                types=types,
                lengths=lengths.astype(np.int32),
                labels=data.train.labels[part],
            )
        )
    return out


def ten_updates(
    model, step, data, batch_size, *, optimizer=ADAMW, dropout=0.0, clip_norm=1.0, **fields
):
    """Ten updates at an effective batch of 32, of which every fifth has 14 examples.

    Returns:
        Loss sums of the updates, and the weights after them.
    """
    model.reset(seed=0, dropout=dropout)
    step.reset(make_optimizer(optimizer), **fields)
    short = np.asarray(data.train.lengths[:142])
    budget = Budget(train_examples=142, effective_batch=32, epochs=2.0, evaluations=1)
    for number, rows in enumerate(updates(short, budget, seed=0), start=1):
        rate = optimizer["learning_rate"] * (1.1 - number / 10)
        step(cut(data, rows, batch_size), learning_rate=rate, update=number, clip_norm=clip_norm)
    assert number == 10
    return [result.loss_sum for result in step.collect()], weights(model)


def farthest(one, other):
    """The largest difference of any two weights."""
    return max(float(np.abs(a - b).max()) for a, b in zip(one, other, strict=True))
