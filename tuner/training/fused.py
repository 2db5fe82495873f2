"""The update as one call to the device, for GPUs and for several devices at once.

All micro-batches of an update are stacked to one shape, [micro-batches, rows, tokens], tokens
rounded up to a bucket, so that XLA compiles once for a bucket and not once for a length. Loss
and gradient norm stay on the device until the host looks; an update after a NaN changes nothing.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import tensorflow as tf

from tuner.training import replicas
from tuner.training.micro_batch import MicroBatch, Stack, bucket, fill
from tuner.training.model import Classifier
from tuner.training.optimizers import Kernel
from tuner.training.update import NUMBER, StepState, UpdateResult, UpdateStep

LOOK_EVERY = 50
"""Updates between two looks of the host at the device."""

_IDS = tf.TensorSpec((None, None, None), tf.int32)
_ROWS = tf.TensorSpec((None, None), tf.int32)
STACK = Stack(_IDS, _IDS, _ROWS, _ROWS)
SCALARS = tf.TensorSpec((4,), tf.float32)
FLAG = tf.TensorSpec((), tf.bool)


@dataclass(frozen=True, kw_only=True)
class _Pending:
    """An update that the host has not looked at.

    Attributes:
        figures: Loss sum and gradient norm, float32 [2], on the device.
    """

    figures: tf.Tensor
    examples: int
    tokens: int
    real: int


class FusedStep(UpdateStep):
    """The update on a GPU, or on several devices.

    On one device an update is one compiled call, with the loop over its micro-batches inside. On
    several the loop is compiled, each device runs its own over its share of the micro-batches,
    and the sums of gradients meet between loop and change, which XLA can not hold in one call.
    """

    compiles_shapes = True

    def __init__(
        self, classifier: Classifier, strategy: Any = None, look_every: int = LOOK_EVERY
    ) -> None:
        """Traces nothing yet.

        Args:
            classifier: Built in the strategy's scope.
            strategy: A `tf.distribute.Strategy` for several devices; None for one.
            look_every: Updates after which figures are due.
        """
        with replicas.scope(strategy):
            super().__init__(classifier)
        self._strategy = strategy
        self._look_every = look_every
        self._pending: list[_Pending] = []
        self._halted: Any = None
        self._shape = (0, 0)

    def reset(self, optimizer: Mapping[str, Any], **fields: Any) -> None:
        """Starts a trial; see `UpdateStep.reset`."""
        with replicas.scope(self._strategy):
            super().reset(optimizer, **fields)
        self._pending = []
        self._halted = replicas.per_replica(self._strategy, lambda _: False)
        self._shape = (0, 0)

    def __call__(
        self,
        batches: Sequence[MicroBatch],
        *,
        learning_rate: float,
        update: int,
        clip_norm: float | None,
    ) -> None:
        """Makes one update, and does not wait for it; see `UpdateStep.__call__`."""
        clip = math.inf if clip_norm is None else clip_norm
        scalars = [self._weight(batches), self._decay(learning_rate), 1 / self._loss_scale, clip]
        numbers = self._kernel.numbers(self._optimizer, learning_rate, update)
        stacks = self._deal(batches)
        figures, self._halted = self._apply(
            replicas.per_replica(self._strategy, stacks.__getitem__),
            self._halted,
            tf.constant(scalars, tf.float32),
            tf.constant(numbers, tf.float32),
        )
        self._pending.append(
            _Pending(
                figures=replicas.first(self._strategy, figures),
                examples=sum(len(batch.labels) for batch in batches),
                tokens=sum(stack.ids.size for stack in stacks),
                real=sum(int(batch.lengths.sum()) for batch in batches),
            )
        )
        if self._scaled:
            self._read()  # The next update's loss scale and learning rate depend on this one.

    @property
    def state(self) -> StepState:
        """To go on from, once all figures are collected."""
        return replace(super().state, shape=self._shape)

    def go_on(self, state: StepState) -> None:
        """Takes up the state of an earlier attempt, after `reset`."""
        super().go_on(state)
        self._shape = state.shape

    @property
    def due(self) -> bool:
        """Whether it is time to look at the figures."""
        return self._scaled or len(self._pending) >= self._look_every

    def collect(self) -> list[UpdateResult]:
        """The figures of the updates since the last look, in order; waits for the device."""
        self._read()
        return super().collect()

    def _read(self) -> None:
        pending, self._pending = self._pending, []
        if pending:
            read = tf.stack([each.figures for each in pending]).numpy()
            for each, (loss_sum, norm) in zip(pending, read.tolist(), strict=True):
                self._note(
                    loss_sum, norm, examples=each.examples, tokens=each.tokens, real=each.real
                )

    def _deal(self, batches: Sequence[MicroBatch]) -> list[Stack]:
        """Deals micro-batches to the devices in turn and pads them to one shape.

        The shape is the largest since the trial began, so that the smaller last update of an
        epoch needs no compilation of its own.
        """
        devices = replicas.count(self._strategy)
        rounds = max(self._shape[0], math.ceil(len(batches) / devices))
        rows = max(self._shape[1], *(len(batch.labels) for batch in batches))
        self._shape = (rounds, rows)
        shape = (rounds, rows, bucket(max(batch.ids.shape[1] for batch in batches)))
        return [fill(batches[device::devices], shape) for device in range(devices)]

    def _make_apply(self, kernel: Kernel) -> Any:
        if self._strategy is None:
            numbers = tf.TensorSpec((len(kernel.numbers({}, 1.0, 1)),), tf.float32)
            return tf.function(
                self._work(kernel, self._sum),
                input_signature=[STACK, FLAG, SCALARS, numbers],
                jit_compile=True,
                autograph=False,
            )
        total = tf.function(
            self._sum, input_signature=[STACK, NUMBER], jit_compile=True, autograph=False
        )
        run = replicas.mirrored(self._strategy, self._work(kernel, total))
        return tf.function(run, reduce_retracing=True, autograph=False)

    def _work(self, kernel: Kernel, total: Callable[..., Any]) -> Callable[..., Any]:
        """What each device does in an update; traceable."""

        def work(
            stack: Stack, halted: tf.Tensor, scalars: tf.Tensor, numbers: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor]:
            self.traces["apply"] += 1
            weight, decay, unscale, clip_norm = tf.unstack(scalars)
            loss, gradients = replicas.sum_over_devices(self._strategy, total(stack, weight))
            norm = unscale * self._norm(gradients)
            finite = tf.math.is_finite(norm)
            halted = halted | ~(tf.math.is_finite(loss) & (self._scaled | finite))
            written = [*self._values, *kernel.slots]
            before = [tf.identity(variable) for variable in written]
            self._shrink(decay)
            self._change(kernel, gradients, numbers, unscale * tf.minimum(1.0, clip_norm / norm))
            _keep(halted | ~finite, written, before)
            return tf.stack([loss, norm]), halted

        return work

    def _sum(self, stack: Stack, weight: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Loss and gradients of one device, summed over its micro-batches."""

        def one(number: tf.Tensor, loss: tf.Tensor, total: list[tf.Tensor]) -> Any:
            ids, types, lengths, labels = (rows[number] for rows in stack)
            part, gradients = self._trace_gradients(ids, types, lengths, labels, weight)
            return number + 1, loss + part, self._trace_add(total, gradients)

        count = tf.shape(stack.ids)[0]
        zeros = [tf.zeros(value.shape) for value in self._values]
        _, loss, total = tf.while_loop(
            lambda number, *_: number < count, one, (0, tf.constant(0.0), zeros)
        )
        return loss, total


def _keep(
    condition: tf.Tensor, written: Sequence[tf.Variable], before: Sequence[tf.Tensor]
) -> None:
    """Puts back what variables were before, if the condition holds.

    A branch would make host and device wait for one another; XLA folds this choice into the
    same pass over the weights that changes them.
    """
    for variable, old in zip(written, before, strict=True):
        new = tf.where(condition, old, variable)
        tf.raw_ops.AssignVariableOp(resource=variable.handle, value=new)


def make_step(classifier: Classifier, strategy: Any) -> UpdateStep:
    """The step that suits the devices: plain on one CPU, else fused.

    Args:
        classifier: Built in the strategy's scope.
        strategy: See `replicas.strategy_for`.
    """
    if strategy is None and not tf.config.list_logical_devices("GPU"):
        return UpdateStep(classifier)
    return FusedStep(classifier, strategy)
