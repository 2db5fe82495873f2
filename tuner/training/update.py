"""One optimizer update: gradients of micro-batches, their sum, clipping, the new weights.

Gradients are of the mean loss over all examples of the update, however it is cut: each
micro-batch contributes its loss sum divided by the examples of the whole update (by the sum of
their weights, where labels have weights: see loss.py).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import tensorflow as tf

from tuner.optimizers import AdamW, Kernel, Optimizer, PooledKernel, SlotPool
from tuner.tasks import LossOptions, Task
from tuner.tasks.records import PLAIN
from tuner.training import layers
from tuner.training.micro_batch import MicroBatch
from tuner.training.model import Classifier

IDS = tf.TensorSpec((None, None), tf.int32)
ROWS = tf.TensorSpec((None,), tf.int32)
NUMBER = tf.TensorSpec((), tf.float32)

FIRST_LOSS_SCALE = 2.0**15
"""Dynamic loss scale of mixed_float16 at the start, as Keras and PyTorch have it."""
LOSS_SCALE_GROWTH = 2000
"""Updates without overflow after which the scale doubles."""


@dataclass(frozen=True, kw_only=True)
class UpdateResult:
    """Measurements of one update.

    Attributes:
        loss_sum: Plain loss of the task summed over its targets, before the update; neither
            smoothed nor weighted, so that trials compare.
        grad_norm: Global norm of the mean gradient of all weights that are not frozen, before
            clipping.
        skipped: The scaled gradients overflowed in mixed_float16; no weight was changed.
        examples: Number of training rows.
        targets: Number of targets; of most tasks that of the examples.
        tokens: Tokens that went through the model, including padding.
        padding: Number of padding tokens among them.
    """

    loss_sum: float
    grad_norm: float
    skipped: bool
    examples: int
    targets: int
    tokens: int
    padding: int


@dataclass(frozen=True, kw_only=True)
class StepState:
    """State of an update step beside its variables.

    Attributes:
        loss_scale: Loss scale of mixed_float16; 1 otherwise.
        good_updates: Without an overflow since the scale changed.
        shape: Micro-batches and rows that updates are padded to; see fused.py.
    """

    loss_scale: float
    good_updates: int
    shape: tuple[int, int] = (0, 0)

    def of_another_split(self) -> "StepState":
        """The same for an attempt that cuts updates into other micro-batches."""
        return replace(self, shape=(0, 0))


class UpdateStep:
    """The update of one classifier, traced once for all trials of all batch sizes.

    This is the plain path, for one CPU: each update's figures are there when it returns.

    Attributes:
        traces: Number of times that TensorFlow traced each function, for tests.
        compiles_shapes: True if the first update of a new shape takes long.
    """

    compiles_shapes = False

    def __init__(self, classifier: Classifier, task: Task) -> None:
        self._classifier = classifier
        self._target = task.target_spec(classifier.labels)
        self._values = classifier.values
        shape = self._target.array_shape((None,), None)
        targets = tf.TensorSpec(shape, self._target.dtype)
        self._gradients = tf.function(
            self._trace_gradients,
            input_signature=[IDS, IDS, ROWS, targets, NUMBER],
            autograph=False,
        )
        self._add = tf.function(self._trace_add, autograph=False)
        self._loss = task.make_loss(classifier.labels)
        # Of the learning rate, for each weight; 0 where it is frozen.
        self._shares = tf.Variable(tf.ones([len(self._values)]), trainable=False)
        self._slots = SlotPool(classifier.variables)
        self._applies: dict[tuple[Any, ...], tuple[Kernel, Any]] = {}
        self._scaled = classifier.precision == "mixed_float16"
        self._kernel: Kernel
        self._apply: Any
        self._optimizer: Optimizer = AdamW()
        self._loss_scale = 1.0
        self._good_updates = 0
        self._results: list[UpdateResult] = []
        self.traces: dict[str, int] = {"gradients": 0, "add": 0, "apply": 0}

    def reset(
        self,
        optimizer: Optimizer,
        *,
        freeze_layers: int = 0,
        loss: LossOptions = PLAIN,
    ) -> None:
        """Start a trial with this optimizer and empty slots.

        Args:
            optimizer: Settings of the optimizer.
            freeze_layers: The embeddings and so many first layers stay as they are.
            loss: Options of the training loss.

        Raises:
            InputError: A value that the optimizer refuses.
        """
        self._optimizer = optimizer
        key = optimizer.graph_key
        if key not in self._applies:
            self._forget_kernels_with_own_slots()
            kernel = optimizer.make_kernel(self._classifier.variables, self._slots)
            self._applies[key] = (kernel, self._make_apply(kernel))
        self._kernel, self._apply = self._applies[key]
        self._kernel.reset()
        self._loss.reset(loss)
        depths = [each.depth for each in self._classifier.parameters]
        count, decay = self._classifier.family.shape.layers, optimizer.layer_decay
        self._shares.assign(layers.rates(depths, count, decay, freeze_layers))
        self._loss_scale = FIRST_LOSS_SCALE if self._scaled else 1.0
        self._good_updates = 0
        self._results = []

    @property
    def slots(self) -> Mapping[str, tf.Variable]:
        """Variables that the optimizer changes beside the weights, by name."""
        return self._kernel.slots

    @property
    def state(self) -> StepState:
        """To go on from, once all figures are collected."""
        return StepState(loss_scale=self._loss_scale, good_updates=self._good_updates)

    def go_on(self, state: StepState) -> None:
        """Restore the state of an earlier attempt, after `reset`."""
        self._loss_scale, self._good_updates = state.loss_scale, state.good_updates

    def _forget_kernels_with_own_slots(self) -> None:
        """Free the slots that are not the pool's, each as large as the model or twice that."""
        self._applies = {
            key: kept for key, kept in self._applies.items() if isinstance(kept[0], PooledKernel)
        }

    def __call__(
        self,
        batches: Sequence[MicroBatch],
        *,
        learning_rate: float,
        update: int,
        clip_norm: float | None,
    ) -> None:
        """Make one update; `collect` has its figures.

        Args:
            batches: Its micro-batches, of any sizes.
            learning_rate: Learning rate of this update.
            update: Counted from 1, without skipped ones.
            clip_norm: Largest global norm of the mean gradient; None: no clipping.
        """
        weight = tf.constant(self._weight(batches), tf.float32)
        losses = []
        total: list[tf.Tensor] = []
        for loss, gradients in self._each(batches, weight):
            losses.append(loss)
            total = self._add(total, gradients) if total else gradients
        norm = self._apply(
            total,
            self._optimizer.kernel_inputs(learning_rate, update),
            self._decay(learning_rate),
            1.0 / self._loss_scale,
            math.inf if clip_norm is None else clip_norm,
        )
        self._note(
            math.fsum(float(loss) for loss in losses),
            float(norm),
            examples=sum(self._target.rows(batch.labels) for batch in batches),
            targets=self._targets(batches),
            tokens=sum(batch.ids.size for batch in batches),
            real=sum(int(batch.lengths.sum()) for batch in batches),
        )

    def start_all(self) -> None:
        """Start all requested updates; only then may others change the weights."""

    @property
    def due(self) -> bool:
        """True if it is time to read the figures."""
        return True

    def collect(self) -> list[UpdateResult]:
        """The figures of the updates since the last look, in order."""
        results, self._results = self._results, []
        return results

    def _targets(self, batches: Sequence[MicroBatch]) -> int:
        """Number of targets that the plain loss is summed over; 1 where there are none."""
        return max(1, sum(self._target.count(batch.labels) for batch in batches))

    def _note(
        self, loss_sum: float, norm: float, *, examples: int, targets: int, tokens: int, real: int
    ) -> None:
        result = UpdateResult(
            loss_sum=loss_sum,
            grad_norm=norm,
            skipped=self._scaled and not math.isfinite(norm),
            examples=examples,
            targets=targets,
            tokens=tokens,
            padding=tokens - real,
        )
        self._adapt_loss_scale(result)
        self._results.append(result)

    def _weight(self, batches: Sequence[MicroBatch]) -> float:
        """Factor of each row's loss, so that the update's is a mean."""
        total = math.fsum(self._loss.total_weight(batch.labels) for batch in batches)
        return self._loss_scale / total if total else 0.0

    def _decay(self, learning_rate: float) -> float:
        return learning_rate * self._optimizer.weight_decay

    def _each(
        self, batches: Sequence[MicroBatch], weight: tf.Tensor
    ) -> Iterator[tuple[tf.Tensor, list[tf.Tensor]]]:
        for batch in batches:
            yield self._gradients(batch.ids, batch.types, batch.lengths, batch.labels, weight)

    def _adapt_loss_scale(self, result: UpdateResult) -> None:
        if not self._scaled:
            return
        if result.skipped:
            self._loss_scale, self._good_updates = max(1.0, self._loss_scale / 2), 0
            return
        self._good_updates += 1
        if self._good_updates >= LOSS_SCALE_GROWTH:
            self._loss_scale, self._good_updates = self._loss_scale * 2, 0

    def _trace_gradients(
        self, ids: tf.Tensor, types: tf.Tensor, lengths: tf.Tensor, labels: tf.Tensor,
        weight: tf.Tensor,
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:  # fmt: skip
        self.traces["gradients"] += 1
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(self._values)
            logits = self._classifier.logits(ids, types, lengths, training=True)
            loss, weighted = self._loss.sums(logits, labels)
            target = weighted * weight
        gradients = tape.gradient(
            target, self._values, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        return loss, [tf.convert_to_tensor(gradient) for gradient in gradients]

    def _trace_add(self, left: list[tf.Tensor], right: list[tf.Tensor]) -> list[tf.Tensor]:
        self.traces["add"] += 1
        return [a + b for a, b in zip(left, right, strict=True)]

    def _make_apply(self, kernel: Kernel) -> Any:
        def change(
            gradients: list[tf.Tensor], numbers: tf.Tensor, decay: tf.Tensor, factor: tf.Tensor
        ) -> None:
            tf.cond(decay > 0.0, lambda: self._shrink(decay), lambda: None)
            self._change(kernel, gradients, numbers, factor)

        def apply(
            gradients: list[tf.Tensor],
            numbers: tf.Tensor,
            decay: tf.Tensor,
            unscale: tf.Tensor,
            clip_norm: tf.Tensor,
        ) -> tf.Tensor:
            self.traces["apply"] += 1
            norm = unscale * self._norm(gradients)
            factor = unscale * tf.minimum(1.0, clip_norm / norm)
            if self._scaled:
                tf.cond(
                    tf.math.is_finite(norm),
                    lambda: change(gradients, numbers, decay, factor),
                    lambda: None,
                )
            else:
                change(gradients, numbers, decay, factor)
            return norm

        specs = [tf.TensorSpec(value.shape, tf.float32) for value in self._values]
        count = len(self._optimizer.kernel_inputs(1.0, 1))
        numbers = tf.TensorSpec((count,), tf.float32)
        return tf.function(
            apply, input_signature=[specs, numbers, NUMBER, NUMBER, NUMBER], autograph=False
        )

    def _norm(self, gradients: Sequence[tf.Tensor]) -> tf.Tensor:
        """Global norm over the weights that are not frozen."""
        trained = tf.unstack(tf.cast(self._shares > 0.0, tf.float32))
        squares = [tf.nn.l2_loss(g) * t for g, t in zip(gradients, trained, strict=True)]
        return tf.sqrt(2.0 * tf.add_n(squares))

    def _shrink(self, decay: tf.Tensor) -> None:
        """Decoupled weight decay: each weight loses so large a share of itself."""
        shares = tf.unstack(self._shares)
        parameters = self._classifier.parameters
        for parameter, variable, share in zip(parameters, self._values, shares, strict=True):
            if parameter.decays:
                # By its handle, which on several devices is that of the device's own copy.
                tf.raw_ops.AssignSubVariableOp(
                    resource=variable.handle, value=decay * share * variable
                )

    def _change(
        self,
        kernel: Kernel,
        gradients: Sequence[tf.Tensor],
        numbers: tf.Tensor,
        factor: tf.Tensor,
    ) -> None:
        shares = tf.unstack(self._shares)
        kernel.apply([gradient * factor for gradient in gradients], numbers, shares)
