"""signSGD with momentum."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from tuner.fields.bounds import FROM_0_BELOW_1, above
from tuner.optimizers import Kernel, Optimizer, PooledKernel, SlotPool
from tuner.optimizers.kernel import Tensor, running_mean, subtract


@dataclass(frozen=True, kw_only=True)
class SignSgd(Optimizer):
    """signSGD with momentum (Bernstein 2018): steps of one size by the sign of a running mean."""

    name: ClassVar[str] = "signsgd"
    elementwise: ClassVar[bool] = True

    learning_rate: Annotated[float, above(0)] = 1e-5
    """Peak; the size of every step."""

    momentum: Annotated[float, FROM_0_BELOW_1] = 0.9
    """Decay of the running mean of gradients."""

    @property
    def slots(self) -> int:
        """The running mean."""
        return 1

    @property
    def graph_key(self) -> tuple[Any, ...]:
        """One graph: all fields are inputs."""
        return (self.name,)

    def kernel_inputs(self, learning_rate: float, update: int) -> list[float]:
        """Return rate and momentum."""
        del update
        return [learning_rate, self.momentum]

    def make_kernel(self, variables: Sequence[Any], pool: SlotPool) -> Kernel:
        """Return the kernel."""
        return SignKernel(variables, pool.take(1))


class SignKernel(PooledKernel):
    """Steps of one size, by the sign of the running mean."""

    def apply(self, gradients: Sequence[Tensor], inputs: Tensor, shares: Sequence[Tensor]) -> None:
        """Make one update of every variable."""
        import tensorflow as tf

        (means,) = self.sets
        rate, momentum = tf.unstack(inputs)
        for variable, mean, gradient, share in zip(
            self.variables, means, gradients, shares, strict=True
        ):
            subtract(variable, rate * share * tf.sign(running_mean(mean, gradient, momentum)))
