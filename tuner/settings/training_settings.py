"""The group `training`: budget, batch, and numerical settings of an update."""

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
"""Value of `training.batch_size=auto` until the available memory decides."""

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
    """Group `training`: budget, batch, and numerical settings of an update."""

    batch_size: Annotated[int, _BATCH_SIZE] = same(16)  # AUTO: not decided yet
    """Examples in one forward and backward pass on one device (the micro-batch); `auto`: as many
    of an update's examples as fit."""

    accumulation_steps: Annotated[int, at_least(1)] = same(1)
    """Micro-batches summed into one optimizer update."""

    effective_batch_size: Annotated[int | None, at_least(1)] = same(None)
    """Examples in one optimizer update over all devices, if `batch_size` does not divide them;
    null: batch_size x accumulation_steps x devices."""

    epochs: Annotated[float, _EPOCHS] = same(1.0)
    """Budget in passes over the training data; fractions are allowed."""

    evaluations: Annotated[int, between(1, 1_000)] = same(10)
    """Evaluation points k = 1 ... E at equal shares of the budget; at most one for each update."""

    evaluation_share: Annotated[float, _SHARE_ABOVE_0] = same(0.25)
    """Largest share of a trial's time for evaluation, 0 to 1. The last point evaluates all
    validation rows; the others evaluate as many as this share allows, always the same ones, drawn
    stratified. 1: all rows at each point."""

    interim_examples: Annotated[int | None, at_least(1)] = same(None)
    """Validation rows at every point but the last; null: as `evaluation_share` allows."""

    evaluation_batch_size: Annotated[int, at_least(1)] = anything(64)
    """Examples in one forward pass of an evaluation."""

    length_window: Annotated[int, at_least(1)] = same(1024)
    """Rows sorted by length together, in whole updates, to reduce padding; 1: no grouping."""

    devices: Annotated[int, at_least(1)] = same(1)
    """GPUs for one trial."""

    precision: Annotated[str, one_of(PRECISIONS)] = same("float32")
    """`float32`, `mixed_bfloat16` or `mixed_float16`."""

    clip_norm: Annotated[float | None, above(0)] = same(1.0)
    """Largest global gradient norm; null: no clipping."""

    label_smoothing: Annotated[float, FROM_0_BELOW_1] = same(0.0)
    """Share of the target spread evenly over all labels, 0 to below 1."""

    class_weights: Annotated[Any, _CLASS_WEIGHTS] = same("none")
    """`none`, `balanced`, or label to weight: factor of an example's loss, over the sum of these
    weights in its update (with smoothing as in PyTorch). Validation stays unweighted."""

    oversample: Annotated[str, one_of(OVERSAMPLING)] = same("none")
    """`none`, or `balanced`: an epoch has as many examples as before, but equally many of each
    label. Rows of rare labels are repeated, rows of frequent ones alternate between epochs."""

    freeze_layers: Annotated[int, at_least(0)] = same(0)
    """Number of first encoder layers that are frozen, together with the embeddings; 0: none."""

    reinit_layers: Annotated[int, at_least(0)] = same(0)
    """Number of last encoder layers that are reinitialized, together with the pooler; 0: none."""

    ema_decay: Annotated[float | None, OPEN_SHARE] = same(None)
    """Decay of a moving average of the weights, which is evaluated and saved; null: no average."""

    rematerialize: bool = anything(False)
    """Recompute activations in the backward pass instead of keeping them: less memory, for a
    second forward pass (Chen 2016)."""

    save_state: Annotated[str, one_of(SAVE_STATE)] = anything("auto")
    """Save the state at evaluation points, to resume from it: `auto` for trials that take minutes,
    `always` or `never`."""

    profile: bool = anything(False)
    """Trace a few updates after the first for TensorBoard's profile plugin, in `profile/` of the
    trial's folder and in its artifacts in MLflow."""

    deterministic: bool = same(False)
    """Same bits on every run, also on a GPU, at some cost of speed; the same for all trials of a
    sweep."""

    seed: Annotated[int, between(0, LARGEST_SEED)] = same(0)
    """Decides everything random in a trial."""
