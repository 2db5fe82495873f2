"""Kernel of optimizers that Keras brings."""

from collections.abc import Mapping, Sequence
from typing import Any

from tuner.errors import InputError
from tuner.optimizers.kernel import Tensor, Variable


class KerasKernel:
    """Optimizer of `keras.optimizers`; its own fields are constants of its graph."""

    def __init__(self, optimizer: Any, variables: Sequence[Any]) -> None:
        """Build the optimizer's slots.

        Args:
            optimizer: Optimizer of Keras.
            variables: Keras variables of the weights.
        """
        import numpy as np

        self._optimizer = optimizer
        self._variables = list(variables)
        optimizer.build(self._variables)
        self._shares: dict[int, Tensor] = {}
        self._key = optimizer._var_key  # noqa: SLF001 (the same for all copies of a weight)
        self._step = optimizer.update_step
        optimizer.update_step = self._update_one
        self._snapshot = [np.array(v.numpy()) for v in optimizer.variables]

    @property
    def slots(self) -> dict[str, Variable]:
        """All of the optimizer's own: moments, counter, learning rate; some names repeat."""
        return {f"{i}.{v.path}": v.value for i, v in enumerate(self._optimizer.variables)}

    def reset(self) -> None:
        """Put back what the slots were built with."""
        for variable, value in zip(self._optimizer.variables, self._snapshot, strict=True):
            variable.assign(value)

    def apply(self, gradients: Sequence[Tensor], inputs: Tensor, shares: Sequence[Tensor]) -> None:
        """Make one update of every variable."""
        import tensorflow as tf

        pairs = zip(self._variables, shares, strict=True)
        self._shares = {self._key(v): share for v, share in pairs}
        self._optimizer.learning_rate.assign(inputs[0])
        # Keras sums over the devices itself, and these are sums already.
        devices = tf.distribute.get_replica_context().num_replicas_in_sync
        parts = [g / devices for g in gradients] if devices > 1 else list(gradients)
        self._optimizer.apply(parts, self._variables)

    def _update_one(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Make Keras' own step of one weight, at that weight's share of the rate."""
        self._step(gradient, variable, learning_rate * self._shares[self._key(variable)])


def make_keras_kernel(
    class_name: str, name: str, fields: Mapping[str, Any], variables: Sequence[Any]
) -> KerasKernel:
    """Return the kernel of an optimizer of Keras.

    Args:
        class_name: Name in `keras.optimizers`.
        name: Name of the optimizer for messages.
        fields: Arguments of its constructor; learning rate and weight decay are the trainer's.
        variables: Keras variables of the weights.

    Raises:
        InputError: Keras refuses a value.
    """
    import keras

    try:
        optimizer = getattr(keras.optimizers, class_name)(learning_rate=0.0, **fields)
    except (AttributeError, TypeError, ValueError) as error:
        raise InputError(
            f"the optimizer {name} refuses its fields: {error}", where="optimizer"
        ) from error
    return KerasKernel(optimizer, variables)
