"""The group `training`: the budget, the batch, and what keeps an update sound."""

from dataclasses import dataclass
from typing import Any

from tuner.settings.between_starts import anything, same

CLASS_WEIGHTS = ("none", "balanced")
"""Names that `training.class_weights` takes beside a mapping."""

AUTO = 0
"""What `training.batch_size=auto` is until the memory that there is decides."""

SAVE_STATE = ("auto", "always", "never")
"""Names that `training.save_state` takes."""

OVERSAMPLING = ("none", "balanced")
"""Names that `training.oversample` takes."""


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """Group `training`: the budget, the batch and what keeps an update sound.

    Attributes:
        batch_size: Examples in one forward and backward pass on one device (the micro-batch);
            `auto`: the most of an update's that fit.
        accumulation_steps: Micro-batches summed into one optimizer update.
        effective_batch_size: Examples in one optimizer update, over all devices, where
            `batch_size` does not divide them; null: batch_size x accumulation_steps x devices.
        epochs: The budget in passes over the training data; fractions are allowed.
        evaluations: Evaluation points k = 1 ... E at equal shares of the budget; at most one for
            each update.
        evaluation_share: Largest share of a trial's time for evaluation, 0 to 1. All points but
            the last, which evaluates all validation rows, take as many as that leaves them: the
            same ones, drawn stratified; 1: all.
        interim_examples: So many rows at these points instead; null: as `evaluation_share` says.
        evaluation_batch_size: Examples in one forward pass of an evaluation.
        length_window: Rows sorted by length together, in whole updates, so that little is
            padding; 1: no grouping.
        devices: GPUs for one trial.
        precision: `float32`, `mixed_bfloat16` or `mixed_float16`.
        clip_norm: Largest global gradient norm; null: no clipping.
        label_smoothing: Share of the target spread evenly over all labels, 0 to below 1.
        class_weights: `none`, `balanced` or label to weight. An example's loss counts so many
            times, over the sum of these weights in its update (with smoothing as in PyTorch);
            validation stays unweighted.
        oversample: `none`, or `balanced`: an epoch has as many examples as before, but each label
            the same number of them. Rows of rare labels are repeated, those of frequent ones
            take turns from epoch to epoch.
        freeze_layers: The embeddings and so many first encoder layers stay as they are; 0: none.
        reinit_layers: So many last encoder layers and the pooler are drawn anew; 0: none.
        ema_decay: Decay of a moving average of the weights, which is then what is evaluated and
            kept; null: no average.
        rematerialize: Compute activations again in the backward pass instead of keeping them:
            less memory for a second forward pass (Chen 2016).
        save_state: Save all that is needed to go on from evaluation points: `auto` for trials
            that take minutes, `always` or `never`.
        profile: A profiler trace of a few updates after the first, in the trial's folder below
            `profile/` and among its artifacts in MLflow, for TensorBoard's profile plugin.
        deterministic: The same bits on every run on a GPU too, at some speed; the same for all
            trials of a sweep.
        seed: Everything random in a trial follows from it.
    """

    batch_size: int = same(16)  # AUTO: not decided yet
    accumulation_steps: int = same(1)
    effective_batch_size: int | None = same(None)
    epochs: float = same(3.0)
    evaluations: int = same(10)
    evaluation_share: float = same(0.25)
    interim_examples: int | None = same(None)
    evaluation_batch_size: int = anything(64)
    length_window: int = same(1024)
    devices: int = same(1)
    precision: str = same("float32")
    clip_norm: float | None = same(1.0)
    label_smoothing: float = same(0.0)
    class_weights: Any = same("none")
    oversample: str = same("none")
    freeze_layers: int = same(0)
    reinit_layers: int = same(0)
    ema_decay: float | None = same(None)
    rematerialize: bool = anything(False)
    save_state: str = anything("auto")
    profile: bool = anything(False)
    deterministic: bool = same(False)
    seed: int = same(0)
