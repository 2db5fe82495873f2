"""The update as one call to the device, for GPUs and for several devices at once.

All micro-batches of an update are stacked to one shape, [micro-batches, rows, tokens], tokens
rounded up to a bucket, so that XLA compiles once for a bucket and not once for a length. Loss
and gradient norm stay on the device until the host looks; an update after a NaN changes nothing.
"""

import math
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import tensorflow as tf

from tuner.encoders.compiled import for_xla
from tuner.optimizers import Kernel, Optimizer
from tuner.tasks import TargetSpec, Task
from tuner.training import replicas
from tuner.training.micro_batch import MicroBatch, Stack, bucket, fill, pack
from tuner.training.model import Classifier
from tuner.training.update import NUMBER, StepState, UpdateResult, UpdateStep

LOOK_EVERY = 50
"""Updates between two looks of the host at the device."""

AHEAD = 2
"""Updates whose inputs travel while the device is at work on others."""

INPUTS = tf.TensorSpec((None, None, None), tf.int64)
SCALARS = 4
"""Numbers of an update beside those of its optimizer."""
FLAG = tf.TensorSpec((), tf.bool)


@dataclass(frozen=True, kw_only=True)
class _Counts:
    """Counts of an update; see `UpdateResult`."""

    examples: int
    targets: int
    tokens: int
    real: int


class FusedStep(UpdateStep):
    """The update on a GPU, or on several devices.

    On one device an update is one compiled call, with the loop over its micro-batches inside. On
    several the loop is compiled, each device runs its own over its share of the micro-batches,
    and the sums of gradients meet between loop and change, which XLA cannot hold in one call.
    """

    compiles_shapes = True

    def __init__(
        self,
        classifier: Classifier,
        task: Task,
        strategy: Any = None,
        look_every: int = LOOK_EVERY,
    ) -> None:
        """Bind the parts together; trace nothing yet.

        Args:
            classifier: Built in the strategy's scope.
            task: Task that it is trained for.
            strategy: A `tf.distribute.Strategy` for several devices; None for one.
            look_every: Updates after which figures are due.
        """
        with replicas.scope(strategy):
            super().__init__(classifier, task)
        self._strategy = strategy
        self._look_every = look_every
        self._travel = ThreadPoolExecutor(AHEAD + 1, thread_name_prefix="inputs")
        # Inputs of updates that are to be started, and figures of those that were, on the device.
        self._inputs: deque[tuple[Future[Any], _Counts]] = deque()
        self._figures: list[tuple[tf.Tensor, _Counts]] = []
        self._halted: Any = None
        self._shape = (0, 0)

    def reset(self, optimizer: Optimizer, **fields: Any) -> None:
        """Start a trial; see `UpdateStep.reset`."""
        with replicas.scope(self._strategy):
            super().reset(optimizer, **fields)
        self._inputs.clear()
        self._figures = []
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
        """Send one update's inputs and start an earlier one; see `UpdateStep.__call__`."""
        clip = math.inf if clip_norm is None else clip_norm
        scalars = [self._weight(batches), self._decay(learning_rate), 1 / self._loss_scale, clip]
        numbers = self._optimizer.kernel_inputs(learning_rate, update)
        stacks = self._deal(batches)
        counts = _Counts(
            examples=sum(self._target.rows(batch.labels) for batch in batches),
            targets=self._targets(batches),
            tokens=sum(stack.ids.size for stack in stacks),
            real=sum(int(batch.lengths.sum()) for batch in batches),
        )
        self._inputs.append((self._send(stacks, [*scalars, *numbers]), counts))
        if self._scaled:
            self._read()  # The next update's loss scale and learning rate depend on this one.
        elif len(self._inputs) > AHEAD:
            self._start()

    def _send(self, stacks: Sequence[Stack], numbers: Sequence[float]) -> Future[Any]:
        """Copy an update's inputs to the devices.

        TensorFlow copies after all that the device was told before, and lets the caller wait for
        that; from a thread of its own nothing waits but the copy.
        """
        packed = [pack(stack, numbers) for stack in stacks]
        if self._strategy is None:
            return self._travel.submit(replicas.per_replica, None, packed.__getitem__)
        made: Future[Any] = Future()  # A strategy belongs to the thread that entered it.
        made.set_result(replicas.per_replica(self._strategy, packed.__getitem__))
        return made

    def _start(self) -> None:
        """Start the update that has waited longest, without waiting for it."""
        inputs, counts = self._inputs.popleft()
        figures, self._halted = self._apply(inputs.result(), self._halted)
        self._figures.append((replicas.first(self._strategy, figures), counts))

    def start_all(self) -> None:
        """Start the updates that have not been started."""
        while self._inputs:
            self._start()

    @property
    def state(self) -> StepState:
        """To go on from, once all figures are collected."""
        return replace(super().state, shape=self._shape)

    def go_on(self, state: StepState) -> None:
        """Restore the state of an earlier attempt, after `reset`."""
        super().go_on(state)
        self._shape = state.shape

    @property
    def due(self) -> bool:
        """True if it is time to read the figures."""
        waiting = len(self._inputs) + len(self._figures)
        return self._scaled or waiting >= self._look_every

    def collect(self) -> list[UpdateResult]:
        """The figures of the updates since the last look, in order; waits for the device."""
        self._read()
        return super().collect()

    def _read(self) -> None:
        self.start_all()
        made, self._figures = self._figures, []
        if made:
            read = tf.stack([figures for figures, _ in made]).numpy()
            for (_, counts), (loss_sum, norm) in zip(made, read.tolist(), strict=True):
                self._note(
                    loss_sum,
                    norm,
                    examples=counts.examples,
                    targets=counts.targets,
                    tokens=counts.tokens,
                    real=counts.real,
                )

    def _deal(self, batches: Sequence[MicroBatch]) -> list[Stack]:
        """Deal micro-batches to the devices in turn and pad them to one shape.

        The shape is the largest since the trial began, so that the smaller last update of an
        epoch needs no compilation of its own.
        """
        devices = replicas.count(self._strategy)
        rounds = max(self._shape[0], math.ceil(len(batches) / devices))
        rows = max(self._shape[1], *(len(batch.labels) for batch in batches))
        self._shape = (rounds, rows)
        shape = (rounds, rows, bucket(max(batch.ids.shape[1] for batch in batches)))
        return [fill(batches[device::devices], shape, self._target) for device in range(devices)]

    def _make_apply(self, kernel: Kernel) -> Any:
        if self._strategy is None:
            return tf.function(
                self._work(kernel, self._sum),
                input_signature=[INPUTS, FLAG],
                jit_compile=True,
                autograph=False,
            )
        total = tf.function(
            self._sum, input_signature=[INPUTS, NUMBER], jit_compile=True, autograph=False
        )
        run = replicas.mirrored(self._strategy, self._work(kernel, total))
        return tf.function(run, reduce_retracing=True, autograph=False)

    def _work(self, kernel: Kernel, total: Callable[..., Any]) -> Callable[..., Any]:
        """Work of each device in an update; traceable."""
        count = SCALARS + len(self._optimizer.kernel_inputs(1.0, 1))

        def work(inputs: tf.Tensor, halted: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            self.traces["apply"] += 1
            told = tf.bitcast(tf.cast(inputs[0, 0, -count:], tf.int32), tf.float32)
            weight, decay, unscale, clip_norm = tf.unstack(told[:SCALARS], SCALARS)
            numbers = tf.ensure_shape(told[SCALARS:], [count - SCALARS])
            texts = inputs[..., :-count]
            loss, gradients = replicas.sum_over_devices(self._strategy, total(texts, weight))
            norm = unscale * self._norm(gradients)
            finite = tf.math.is_finite(norm)
            halted = halted | ~(tf.math.is_finite(loss) & (self._scaled | finite))
            written = [*self._values, *kernel.slots.values()]
            before = [tf.identity(variable) for variable in written]
            self._shrink(decay)
            self._change(kernel, gradients, numbers, unscale * tf.minimum(1.0, clip_norm / norm))
            _keep(halted | ~finite, written, before)
            return tf.stack([loss, norm]), halted

        return work

    def _sum(self, stack: tf.Tensor, weight: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Loss and gradients of one device, summed over its micro-batches."""

        def one(number: tf.Tensor, loss: tf.Tensor, total: list[tf.Tensor]) -> Any:
            ids, types, lengths, labels = _unpack(stack[number], self._target)
            with for_xla():
                part, gradients = self._trace_gradients(ids, types, lengths, labels, weight)
            return number + 1, loss + part, self._trace_add(total, gradients)

        count = tf.shape(stack)[0]
        zeros = [tf.zeros(value.shape) for value in self._values]
        _, loss, total = tf.while_loop(
            lambda number, *_: number < count, one, (0, tf.constant(0.0), zeros)
        )
        return loss, total


def _unpack(packed: tf.Tensor, target: TargetSpec) -> Stack:
    """One micro-batch of what `micro_batch.pack` has packed."""
    numbers = tf.cast(packed, tf.int32)
    width = tf.shape(packed)[1]
    if target.per_token:
        tokens = (width - 1) // 3
        labels = numbers[:, 2 * tokens + 1 :]
    else:
        last = math.prod(target.shape)
        tokens = (width - 1 - last) // 2
        labels = tf.reshape(numbers[:, -last:], [-1, *target.shape])
    ids, types = numbers[:, :tokens], numbers[:, tokens : 2 * tokens]
    return Stack(ids, types, numbers[:, 2 * tokens], tf.bitcast(labels, target.dtype))


def _keep(
    condition: tf.Tensor, written: Sequence[tf.Variable], before: Sequence[tf.Tensor]
) -> None:
    """Restore the earlier values of variables if the condition holds.

    A branch would make host and device wait for one another; XLA folds this choice into the
    same pass over the weights that changes them.
    """
    for variable, old in zip(written, before, strict=True):
        new = tf.where(condition, old, variable)
        tf.raw_ops.AssignVariableOp(resource=variable.handle, value=new)


def make_step(classifier: Classifier, task: Task, strategy: Any) -> UpdateStep:
    """The step that suits the devices: plain on one CPU, else fused.

    Args:
        classifier: Built in the strategy's scope.
        task: Task that it is trained for.
        strategy: See `replicas.strategy_for`.
    """
    if strategy is None and not tf.config.list_logical_devices("GPU"):
        return UpdateStep(classifier, task)
    return FusedStep(classifier, task, strategy)
