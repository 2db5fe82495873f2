"""Optimizers as kernels: slots that can be reset, and one graph for all hyperparameters.

Learning rate, weight decay and momentum reach the graph as numbers, so another trial needs no
trace. Weight decay is decoupled for every optimizer (Loshchilov & Hutter 2019) and leaves biases
and layer norms alone, as BERT's own optimizer does.
"""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

import keras
import numpy as np
import tensorflow as tf

from tuner.errors import InputError
from tuner.formatting.value_text import value_text

COMMON_FIELDS = ("learning_rate", "weight_decay", "layer_decay")
_OURS = {
    "self", "learning_rate", "weight_decay", "clipnorm", "clipvalue", "global_clipnorm",
    "use_ema", "ema_momentum", "ema_overwrite_frequency", "loss_scale_factor",
    "gradient_accumulation_steps", "name", "kwargs",
}  # fmt: skip
"""Constructor arguments of Keras optimizers that the trainer decides itself."""

_NO_OPTIMIZERS = {
    "Optimizer", "LossScaleOptimizer", "MultiOptimizer",
    "Ftrl",  # Starts from weights of its own making, not from the checkpoint's.
    "Muon",  # Wants to be told which weights are embeddings.
    "ScheduleFreeAdamW",  # Keeps a copy of the weights from when it was built.
}  # fmt: skip
"""What Keras has beside optimizers that can fine-tune a checkpoint."""

KERAS_OPTIMIZERS: Mapping[str, Any] = {
    name.lower(): value
    for name, value in vars(keras.optimizers).items()
    if inspect.isclass(value)
    and issubclass(value, keras.optimizers.Optimizer)
    and name not in _NO_OPTIMIZERS
}


class Kernel(Protocol):
    """What turns gradients into new weights."""

    @property
    def slots(self) -> list[tf.Variable]:
        """What `apply` changes beside the weights."""

    def reset(self) -> None:
        """Back to the state before the first update."""

    def numbers(self, fields: Mapping[str, Any], learning_rate: float, update: int) -> list[float]:
        """The inputs of `apply` at one update (counted from 1), from the optimizer's fields."""

    def apply(
        self, gradients: Sequence[tf.Tensor], numbers: tf.Tensor, shares: Sequence[tf.Tensor]
    ) -> None:
        """Changes the weights; runs inside a graph.

        Args:
            gradients: Of each weight.
            numbers: What `numbers` returned.
            shares: Of the learning rate for each weight, scalars.
        """


class SlotPool:
    """Sets of variables in the shapes of the weights, shared by the kernels of one model.

    One kernel runs at a time and resets its slots first, so all may use the same memory.
    """

    def __init__(self, variables: Sequence[Any]) -> None:
        self._shapes = [tuple(v.shape) for v in variables]
        self._sets: list[list[tf.Variable]] = []

    def take(self, count: int) -> list[list[tf.Variable]]:
        """The first `count` sets; those that do not exist yet are made."""
        while len(self._sets) < count:
            self._sets.append(
                [tf.Variable(tf.zeros(shape), trainable=False) for shape in self._shapes]
            )
        return self._sets[:count]


class PooledKernel:
    """A kernel whose slots come from the pool and are zero before the first update."""

    def __init__(self, variables: Sequence[Any], sets: Sequence[list[tf.Variable]]) -> None:
        self._variables = [v.value for v in variables]
        self._sets = sets

    @property
    def slots(self) -> list[tf.Variable]:
        """All of its sets, one after another."""
        return [slot for each in self._sets for slot in each]

    def reset(self) -> None:
        """Zeroes them."""
        for slot in self.slots:
            slot.assign(tf.zeros(slot.shape))


class AdamKernel(PooledKernel):
    """Adam with TensorFlow's fused operation, in PyTorch's form of the epsilon.

    PyTorch adds epsilon after the bias correction, Keras before; with ours a configuration means
    the same in `transformers`.
    """

    FIELDS: ClassVar[dict[str, float]] = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}

    def __init__(self, variables: Sequence[Any], slots: "SlotPool") -> None:
        super().__init__(variables, slots.take(2))
        self._first, self._second = self._sets

    def numbers(self, fields: Mapping[str, Any], learning_rate: float, update: int) -> list[float]:
        """Bias corrections folded into the rate and epsilon, in double precision.

        The betas are rounded first, as the graph has them: 1 - beta_2 would else differ by 1e-5.
        """
        beta_1, beta_2, epsilon = (
            float(np.float32(fields.get(name, default))) for name, default in self.FIELDS.items()
        )
        correction = np.sqrt(1.0 - beta_2**update)
        rate = learning_rate * correction / (1.0 - beta_1**update)
        return [beta_1, beta_2, epsilon * correction, rate]

    def apply(
        self, gradients: Sequence[tf.Tensor], numbers: tf.Tensor, shares: Sequence[tf.Tensor]
    ) -> None:
        """One update of every variable."""
        beta_1, beta_2, epsilon, rate = tf.unstack(numbers)
        zero = tf.zeros([])
        for variable, first, second, gradient, share in zip(
            self._variables, self._first, self._second, gradients, shares, strict=True
        ):
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=first.handle,
                v=second.handle,
                beta1_power=zero,
                beta2_power=zero,
                lr=rate * share,
                beta1=beta_1,
                beta2=beta_2,
                epsilon=epsilon,
                grad=gradient,
            )


class SgdKernel(PooledKernel):
    """Stochastic gradient descent with momentum, plain or Nesterov's, in PyTorch's form.

    PyTorch sums gradients up in the momentum and multiplies the sum with the rate of the day,
    Keras sums up what each gradient's own rate made of it; the two differ as soon as the rate
    changes. With PyTorch's a configuration means the same in `transformers`.
    """

    FIELDS: ClassVar[dict[str, Any]] = {"momentum": 0.0, "nesterov": False}

    def __init__(self, variables: Sequence[Any], slots: "SlotPool", *, nesterov: bool) -> None:
        super().__init__(variables, slots.take(1))
        (self._momentums,) = self._sets
        self._nesterov = nesterov

    def numbers(
        self,
        fields: Mapping[str, Any],
        learning_rate: float,
        update: int,  # noqa: ARG002
    ) -> list[float]:
        """Rate and momentum."""
        return [learning_rate, float(fields.get("momentum", 0.0))]

    def apply(
        self, gradients: Sequence[tf.Tensor], numbers: tf.Tensor, shares: Sequence[tf.Tensor]
    ) -> None:
        """One update of every variable."""
        rate, momentum = tf.unstack(numbers)
        for variable, slot, gradient, share in zip(
            self._variables, self._momentums, gradients, shares, strict=True
        ):
            tf.raw_ops.ResourceApplyMomentum(
                var=variable.handle,
                accum=slot.handle,
                lr=rate * share,
                grad=gradient,
                momentum=momentum,
                use_nesterov=self._nesterov,
            )


class LionKernel(PooledKernel):
    """Lion (Chen 2023): steps of one size, by the sign of momentum and gradient."""

    FIELDS: ClassVar[dict[str, float]] = {"beta_1": 0.9, "beta_2": 0.99}

    def __init__(self, variables: Sequence[Any], slots: "SlotPool") -> None:
        super().__init__(variables, slots.take(1))
        (self._momentums,) = self._sets

    def numbers(
        self,
        fields: Mapping[str, Any],
        learning_rate: float,
        update: int,  # noqa: ARG002
    ) -> list[float]:
        """Rate and betas."""
        betas = (float(fields.get(name, default)) for name, default in self.FIELDS.items())
        return [learning_rate, *betas]

    def apply(
        self, gradients: Sequence[tf.Tensor], numbers: tf.Tensor, shares: Sequence[tf.Tensor]
    ) -> None:
        """One update of every variable."""
        rate, beta_1, beta_2 = tf.unstack(numbers)
        for variable, slot, gradient, share in zip(
            self._variables, self._momentums, gradients, shares, strict=True
        ):
            before = _read(slot)
            step = tf.sign(before * beta_1 + gradient * (1.0 - beta_1))
            _subtract(variable, rate * share * step)
            _write(slot, before * beta_2 + gradient * (1.0 - beta_2))


class RmspropKernel(PooledKernel):
    """RMSprop (Hinton 2012), in PyTorch's form of epsilon and momentum.

    PyTorch adds epsilon to the root and multiplies the summed steps with the rate of the day,
    Keras adds it below the root and sums up what each step's own rate made of it.
    """

    FIELDS: ClassVar[dict[str, Any]] = {
        "rho": 0.9, "epsilon": 1e-7, "momentum": 0.0, "centered": False,
    }  # fmt: skip

    def __init__(
        self, variables: Sequence[Any], slots: "SlotPool", *, centered: bool, momentum: bool
    ) -> None:
        super().__init__(variables, slots.take(1 + centered + momentum))
        self._squares, *rest = self._sets
        self._means = rest.pop(0) if centered else []
        self._momentums = rest.pop(0) if momentum else []

    def numbers(
        self,
        fields: Mapping[str, Any],
        learning_rate: float,
        update: int,  # noqa: ARG002
    ) -> list[float]:
        """Rate, rho, epsilon and momentum."""
        names = ("rho", "epsilon", "momentum")
        return [learning_rate, *(float(fields.get(name, self.FIELDS[name])) for name in names)]

    def apply(
        self, gradients: Sequence[tf.Tensor], numbers: tf.Tensor, shares: Sequence[tf.Tensor]
    ) -> None:
        """One update of every variable."""
        rate, rho, epsilon, momentum = tf.unstack(numbers)
        for index, (variable, gradient, share) in enumerate(
            zip(self._variables, gradients, shares, strict=True)
        ):
            square = _averaged(self._squares[index], tf.square(gradient), rho)
            if self._means:
                square -= tf.square(_averaged(self._means[index], gradient, rho))
            step = gradient / (tf.sqrt(tf.maximum(square, 0.0)) + epsilon)
            if self._momentums:
                step += momentum * _read(self._momentums[index])
                _write(self._momentums[index], step)
            _subtract(variable, rate * share * step)


class KerasKernel:
    """Any optimizer of `keras.optimizers`; its own fields are constants of its graph."""

    def __init__(self, optimizer: Any, variables: Sequence[Any]) -> None:
        self._optimizer = optimizer
        self._variables = list(variables)
        optimizer.build(self._variables)
        self._shares: dict[int, tf.Tensor] = {}
        self._key = optimizer._var_key  # noqa: SLF001 (the same for all copies of a weight)
        self._step = optimizer.update_step
        optimizer.update_step = self._update_one
        self._snapshot = [np.array(v.numpy()) for v in optimizer.variables]

    @property
    def slots(self) -> list[tf.Variable]:
        """All of the optimizer's own: moments, counter, learning rate."""
        return [v.value for v in self._optimizer.variables]

    def reset(self) -> None:
        """Puts back what the slots were built with."""
        for variable, value in zip(self._optimizer.variables, self._snapshot, strict=True):
            variable.assign(value)

    def numbers(
        self,
        fields: Mapping[str, Any],  # noqa: ARG002
        learning_rate: float,
        update: int,  # noqa: ARG002
    ) -> list[float]:
        """The rate; everything else is built in."""
        return [learning_rate]

    def apply(
        self, gradients: Sequence[tf.Tensor], numbers: tf.Tensor, shares: Sequence[tf.Tensor]
    ) -> None:
        """One update of every variable."""
        pairs = zip(self._variables, shares, strict=True)
        self._shares = {self._key(v): share for v, share in pairs}
        self._optimizer.learning_rate.assign(numbers[0])
        # Keras sums over the devices itself, and these are sums already.
        devices = tf.distribute.get_replica_context().num_replicas_in_sync
        parts = [g / devices for g in gradients] if devices > 1 else list(gradients)
        self._optimizer.apply(parts, self._variables)

    def _update_one(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Keras' own step of one weight, at that weight's share of the rate."""
        self._step(gradient, variable, learning_rate * self._shares[self._key(variable)])


def graph_key(optimizer: Mapping[str, Any]) -> tuple[Any, ...]:
    """What of an optimizer's configuration needs a graph of its own.

    Args:
        optimizer: `name`, `learning_rate`, `weight_decay` and the optimizer's own fields.

    Raises:
        InputError: No such optimizer, or a field that it does not have.
    """
    name = str(optimizer.get("name", "")).lower().replace("_", "")
    if name not in KERAS_OPTIMIZERS:
        raise InputError(
            f"there is no optimizer {value_text(optimizer.get('name'))}",
            where="optimizer.name",
            remedy=f"one of {', '.join(sorted(KERAS_OPTIMIZERS))}",
        )
    fields = {k: v for k, v in optimizer.items() if k not in ("name", *COMMON_FIELDS)}
    plain = set(fields) - ({"amsgrad"} if not fields.get("amsgrad") else set())
    if name in ("adam", "adamw") and plain <= set(AdamKernel.FIELDS):
        return ("adam",)
    if name == "sgd" and set(fields) <= set(SgdKernel.FIELDS):
        return ("sgd", bool(fields.get("nesterov", False)))
    if name == "lion" and set(fields) <= set(LionKernel.FIELDS):
        return ("lion",)
    if name == "rmsprop" and set(fields) <= set(RmspropKernel.FIELDS):
        return ("rmsprop", bool(fields.get("centered")), bool(fields.get("momentum")))
    allowed = set(inspect.signature(KERAS_OPTIMIZERS[name].__init__).parameters) - _OURS
    unknown = sorted(set(fields) - allowed)
    if unknown:
        raise InputError(
            f"the optimizer {name} has no field {', '.join(unknown)}",
            where=f"optimizer.{unknown[0]}",
            remedy=f"one of {', '.join(sorted({*allowed, *COMMON_FIELDS}))}",
        )
    return ("keras", name, *sorted(fields.items()))


def make_kernel(key: tuple[Any, ...], variables: Sequence[Any], slots: SlotPool) -> Kernel:
    """Builds the kernel that `graph_key` asks for.

    Args:
        key: From `graph_key`.
        variables: The Keras variables that it will change.
        slots: Of the same variables.

    Raises:
        InputError: Keras refuses a value.
    """
    if key[0] == "adam":
        return AdamKernel(variables, slots)
    if key[0] == "sgd":
        return SgdKernel(variables, slots, nesterov=key[1])
    if key[0] == "lion":
        return LionKernel(variables, slots)
    if key[0] == "rmsprop":
        return RmspropKernel(variables, slots, centered=key[1], momentum=key[2])
    _, name, *fields = key
    kind = KERAS_OPTIMIZERS[name]
    # Weight decay is ours: Keras' AdamW would add 0.004 of its own, on frozen weights too.
    own_decay = "weight_decay" in inspect.signature(kind.__init__).parameters
    off = {"weight_decay": 0.0} if own_decay and name == "adamw" else {}
    try:
        optimizer = kind(learning_rate=0.0, **off, **dict(fields))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"the optimizer {name} refuses its fields: {error}", where="optimizer"
        ) from error
    return KerasKernel(optimizer, variables)


def _averaged(slot: tf.Variable, value: tf.Tensor, decay: tf.Tensor) -> tf.Tensor:
    """The running mean that a slot holds, with one more value in it."""
    mean = decay * _read(slot) + (1.0 - decay) * value
    _write(slot, mean)
    return mean


# By their handles, which on several devices are those of the device's own copies.


def _read(variable: tf.Variable) -> tf.Tensor:
    return tf.raw_ops.ReadVariableOp(resource=variable.handle, dtype=tf.float32)


def _write(variable: tf.Variable, value: tf.Tensor) -> None:
    tf.raw_ops.AssignVariableOp(resource=variable.handle, value=value)


def _subtract(variable: tf.Variable, value: tf.Tensor) -> None:
    tf.raw_ops.AssignSubVariableOp(resource=variable.handle, value=value)
