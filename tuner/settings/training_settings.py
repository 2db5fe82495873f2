"""The group `training`: the budget, the batch, and what keeps an update sound."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from tuner.fields.bounds import (
    FROM_0_BELOW_1,
    LARGEST_SEED,
    OPEN_SHARE,
    Bounds,
    Condition,
    above,
    at_least,
    between,
    one_of,
)
from tuner.settings.between_starts import anything, same

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")

CLASS_WEIGHTS = ("none", "balanced")
"""Names that `training.class_weights` takes beside a mapping."""

AUTO = 0
"""What `training.batch_size=auto` is until the memory that there is decides."""

SAVE_STATE = ("auto", "always", "never")
"""Names that `training.save_state` takes."""

OVERSAMPLING = ("none", "balanced")
"""Names that `training.oversample` takes."""

BATCH_SIZE = "a whole number, 1 or more, or auto"
"""Values of `training.batch_size`, for messages."""

_MOST_EPOCHS = 1_000_000


def _are_class_weights(value: Any) -> bool:
    if isinstance(value, Mapping):
        return bool(value) and all(map(_is_weight, value.values()))
    return value in CLASS_WEIGHTS


def _is_weight(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 < value < math.inf


_BATCH_SIZE = Condition(text=BATCH_SIZE, holds=lambda value: value == AUTO or value >= 1)
_EPOCHS = Bounds(
    text=f"above 0, at most {_MOST_EPOCHS:,}", low=0, high=_MOST_EPOCHS, open_low=True
)
_SHARE_ABOVE_0 = Bounds(text="a share above 0, at most 1", low=0, high=1, open_low=True)
_CLASS_WEIGHTS = Condition(
    text="none, balanced or {label: weight above 0, ...}", holds=_are_class_weights
)


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """Group `training`: the budget, the batch and what keeps an update sound."""

    batch_size: Annotated[int, _BATCH_SIZE] = same(16)  # AUTO: not decided yet
    """Examples in one forward and backward pass on one device (the micro-batch); `auto`: the most
    of an update's that fit."""

    accumulation_steps: Annotated[int, at_least(1)] = same(1)
    """Micro-batches summed into one optimizer update."""

    effective_batch_size: Annotated[int | None, at_least(1)] = same(None)
    """Examples in one optimizer update, over all devices, where `batch_size` does not divide them;
    null: batch_size x accumulation_steps x devices."""

    epochs: Annotated[float, _EPOCHS] = same(1.0)
    """The budget in passes over the training data; fractions are allowed."""

    evaluations: Annotated[int, between(1, 1_000)] = same(10)
    """Evaluation points k = 1 ... E at equal shares of the budget; at most one for each update."""

    evaluation_share: Annotated[float, _SHARE_ABOVE_0] = same(0.25)
    """Largest share of a trial's time for evaluation, 0 to 1. All points but the last, which
    evaluates all validation rows, take as many as that leaves them: the same ones, drawn
    stratified; 1: all."""

    interim_examples: Annotated[int | None, at_least(1)] = same(None)
    """So many rows at these points instead; null: as `evaluation_share` says."""

    evaluation_batch_size: Annotated[int, at_least(1)] = anything(64)
    """Examples in one forward pass of an evaluation."""

    length_window: Annotated[int, at_least(1)] = same(1024)
    """Rows sorted by length together, in whole updates, so that little is padding; 1: no
    grouping."""

    devices: Annotated[int, at_least(1)] = same(1)
    """GPUs for one trial."""

    precision: Annotated[str, one_of(PRECISIONS)] = same("float32")
    """`float32`, `mixed_bfloat16` or `mixed_float16`."""

    clip_norm: Annotated[float | None, above(0)] = same(1.0)
    """Largest global gradient norm; null: no clipping."""

    label_smoothing: Annotated[float, FROM_0_BELOW_1] = same(0.0)
    """Share of the target spread evenly over all labels, 0 to below 1."""

    class_weights: Annotated[Any, _CLASS_WEIGHTS] = same("none")
    """`none`, `balanced` or label to weight. An example's loss counts so many times, over the sum
    of these weights in its update (with smoothing as in PyTorch); validation stays unweighted."""

    oversample: Annotated[str, one_of(OVERSAMPLING)] = same("none")
    """`none`, or `balanced`: an epoch has as many examples as before, but each label the same
    number of them. Rows of rare labels are repeated, those of frequent ones take turns from epoch
    to epoch."""

    freeze_layers: Annotated[int, at_least(0)] = same(0)
    """The embeddings and so many first encoder layers stay as they are; 0: none."""

    reinit_layers: Annotated[int, at_least(0)] = same(0)
    """So many last encoder layers and the pooler are drawn anew; 0: none."""

    ema_decay: Annotated[float | None, OPEN_SHARE] = same(None)
    """Decay of a moving average of the weights, which is then what is evaluated and kept; null: no
    average."""

    rematerialize: bool = anything(False)
    """Compute activations again in the backward pass instead of keeping them: less memory for a
    second forward pass (Chen 2016)."""

    save_state: Annotated[str, one_of(SAVE_STATE)] = anything("auto")
    """Save all that is needed to go on from evaluation points: `auto` for trials that take
    minutes, `always` or `never`."""

    profile: bool = anything(False)
    """A profiler trace of a few updates after the first, in the trial's folder below `profile/`
    and among its artifacts in MLflow, for TensorBoard's profile plugin."""

    deterministic: bool = same(False)
    """The same bits on every run on a GPU too, at some speed; the same for all trials of a
    sweep."""

    seed: Annotated[int, between(0, LARGEST_SEED)] = same(0)
    """Everything random in a trial follows from it."""
