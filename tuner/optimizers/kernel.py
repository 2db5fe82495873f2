"""Kernels: what turns gradients into new weights, with slots that can be reset.

Learning rate, weight decay and momentum reach the graph as numbers, so another trial needs no
trace. Weight decay is decoupled for every optimizer (Loshchilov & Hutter 2019) and leaves biases
and layer norms alone, as BERT's own optimizer does.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

Tensor = Any
Variable = Any
"""Types of TensorFlow, which this module does not import."""


class Kernel(Protocol):
    """Computation of new weights from gradients."""

    @property
    def slots(self) -> Mapping[str, Variable]:
        """Variables that `apply` changes beside the weights, by names that do not change."""

    def reset(self) -> None:
        """Return to the state before the first update."""

    def apply(self, gradients: Sequence[Tensor], inputs: Tensor, shares: Sequence[Tensor]) -> None:
        """Change the weights; runs inside a graph.

        Args:
            gradients: One for each weight, in its shape.
            inputs: Numbers of `Optimizer.kernel_inputs`, a vector.
            shares: Share of the learning rate for each weight, scalars.
        """


class SlotPool:
    """Sets of variables in the shapes of the weights, shared by the kernels of one model.

    One kernel runs at a time and resets its slots first, so all may use the same memory.
    """

    def __init__(self, variables: Sequence[Any]) -> None:
        self._shapes = [tuple(v.shape) for v in variables]
        self._sets: list[list[Variable]] = []

    def take(self, count: int) -> list[list[Variable]]:
        """Return the first `count` sets; those that do not exist yet are made."""
        import tensorflow as tf

        while len(self._sets) < count:
            self._sets.append(
                [tf.Variable(tf.zeros(shape), trainable=False) for shape in self._shapes]
            )
        return self._sets[:count]


class PooledKernel:
    """Kernel whose slots come from the pool and are zero before the first update."""

    def __init__(self, variables: Sequence[Any], sets: Sequence[list[Variable]]) -> None:
        """Take over variables and slots.

        Args:
            variables: Keras variables of the weights.
            sets: Sets of slots, from `SlotPool.take`.
        """
        self.variables = [v.value for v in variables]
        self.sets = sets
        self._names = [v.name for v in variables]

    @property
    def slots(self) -> dict[str, Variable]:
        """Slots by the number of the set and the name of the weight."""
        return {
            f"{number}.{name}": slot
            for number, each in enumerate(self.sets)
            for name, slot in zip(self._names, each, strict=True)
        }

    def reset(self) -> None:
        """Set all slots to zero."""
        import tensorflow as tf

        for slot in self.slots.values():
            slot.assign(tf.zeros(slot.shape))


def running_mean(slot: Variable, value: Tensor, decay: Tensor) -> Tensor:
    """Return the running mean that a slot holds after one more value."""
    mean = decay * read(slot) + (1.0 - decay) * value
    write(slot, mean)
    return mean


# By their handles, which on several devices are those of the device's own copies.


def read(variable: Variable) -> Tensor:
    """Return the value of a variable."""
    import tensorflow as tf

    return tf.raw_ops.ReadVariableOp(resource=variable.handle, dtype=tf.float32)


def write(variable: Variable, value: Tensor) -> None:
    """Replace the value of a variable."""
    import tensorflow as tf

    tf.raw_ops.AssignVariableOp(resource=variable.handle, value=value)


def subtract(variable: Variable, value: Tensor) -> None:
    """Subtract from the value of a variable."""
    import tensorflow as tf

    tf.raw_ops.AssignSubVariableOp(resource=variable.handle, value=value)
