"""RMSprop."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from tuner.fields.bounds import FROM_0_BELOW_1, above
from tuner.fields.left_out import LeftOut
from tuner.optimizers.base import Optimizer, UsualRates, optim_args
from tuner.optimizers.kernel import (
    Kernel,
    PooledKernel,
    SlotPool,
    Tensor,
    read,
    running_mean,
    subtract,
    write,
)


@dataclass(frozen=True, kw_only=True)
class Rmsprop(Optimizer):
    """RMSprop (Hinton 2012)."""

    name: ClassVar[str] = "rmsprop"
    elementwise: ClassVar[bool] = True
    usual_rates: ClassVar[UsualRates | None] = UsualRates(
        lowest=1e-5, first=5e-5, highest=2e-4, source="as for Adam, whose scaling it shares"
    )
    _trainer_couples_decay: ClassVar[bool] = True

    learning_rate: Annotated[float, above(0)] = 5e-5
    """Peak rate; as for Adam, whose scaling it shares; 1e-3 in Keras, for training afresh."""

    rho: Annotated[float, FROM_0_BELOW_1] = 0.9
    """Decay of the mean of squared gradients; default of Keras."""

    momentum: Annotated[float, FROM_0_BELOW_1] = 0.0
    """Share of the last step in the next; default of Keras."""

    epsilon: Annotated[float, above(0)] = 1e-6
    """Added to the divisor; as for Adam."""

    centered: bool = False
    """True: divide by the standard deviation of gradients, not their size."""

    @property
    def slots(self) -> int:
        """The mean of squares, and what momentum and centering add."""
        return 1 + bool(self.momentum) + self.centered

    @property
    def graph_key(self) -> tuple[Any, ...]:
        """One graph for each number of slots."""
        return (self.name, self.centered, bool(self.momentum))

    def make_kernel(self, variables: Sequence[Any], pool: SlotPool) -> Kernel:
        """Return the kernel."""
        return RmspropKernel(variables, pool, centered=self.centered, momentum=bool(self.momentum))

    def kernel_inputs(self, learning_rate: float, update: int) -> list[float]:
        """Return rate, rho, epsilon and momentum."""
        del update
        return [learning_rate, self.rho, self.epsilon, self.momentum]

    def _trainer_own(self) -> tuple[dict[str, Any], list[LeftOut]]:
        named = {
            "alpha": self.rho, "momentum": self.momentum, "eps": self.epsilon,
            "centered": self.centered,
        }  # fmt: skip
        return {"optim": "rmsprop", "optim_args": optim_args(named)}, []


class RmspropKernel(PooledKernel):
    """RMSprop in PyTorch's form of epsilon and momentum.

    PyTorch adds epsilon to the root and multiplies the summed steps with the rate of the day,
    Keras adds it below the root and sums up what each step's own rate made of it.
    """

    def __init__(
        self, variables: Sequence[Any], pool: SlotPool, *, centered: bool, momentum: bool
    ) -> None:
        super().__init__(variables, pool.take(1 + centered + momentum))
        self._squares, *rest = self.sets
        self._means = rest.pop(0) if centered else []
        self._momentums = rest.pop(0) if momentum else []

    def apply(self, gradients: Sequence[Tensor], inputs: Tensor, shares: Sequence[Tensor]) -> None:
        """Make one update of every variable."""
        import tensorflow as tf

        rate, rho, epsilon, momentum = tf.unstack(inputs)
        for index, (variable, gradient, share) in enumerate(
            zip(self.variables, gradients, shares, strict=True)
        ):
            square = running_mean(self._squares[index], tf.square(gradient), rho)
            if self._means:
                square -= tf.square(running_mean(self._means[index], gradient, rho))
            step = gradient / (tf.sqrt(tf.maximum(square, 0.0)) + epsilon)
            if self._momentums:
                step += momentum * read(self._momentums[index])
                write(self._momentums[index], step)
            subtract(variable, rate * share * step)
