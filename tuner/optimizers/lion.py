"""Lion."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from tuner.fields.bounds import FROM_0_BELOW_1, above, at_least
from tuner.fields.left_out import LeftOut
from tuner.optimizers.base import Optimizer, UsualRates
from tuner.optimizers.kernel import Kernel, PooledKernel, SlotPool, Tensor, read, subtract, write


@dataclass(frozen=True, kw_only=True)
class Lion(Optimizer):
    """Lion (Chen 2023): steps of equal size by the sign of the momentum."""

    name: ClassVar[str] = "lion"
    elementwise: ClassVar[bool] = True
    usual_rates: ClassVar[UsualRates | None] = UsualRates(
        lowest=1e-6, first=1e-5, highest=3e-5, source="Chen 2023: 3 to 10 times below AdamW's"
    )

    learning_rate: Annotated[float, above(0)] = 1e-5
    """Peak rate; 3 to 10 times below AdamW's (Chen 2023)."""

    weight_decay: Annotated[float, at_least(0)] = 0.1
    """Decoupled weight decay; 3 to 10 times above AdamW's (Chen 2023)."""

    beta_1: Annotated[float, FROM_0_BELOW_1] = 0.9
    """Weight of the momentum in the sign of a step; Keras, Chen 2023."""

    beta_2: Annotated[float, FROM_0_BELOW_1] = 0.99
    """Decay of the momentum; Keras, Chen 2023."""

    @property
    def slots(self) -> int:
        """The momentum."""
        return 1

    @property
    def graph_key(self) -> tuple[Any, ...]:
        """One graph: all fields are inputs."""
        return (self.name,)

    def make_kernel(self, variables: Sequence[Any], pool: SlotPool) -> Kernel:
        """Return the kernel."""
        return LionKernel(variables, pool)

    def kernel_inputs(self, learning_rate: float, update: int) -> list[float]:
        """Return rate and betas."""
        del update
        return [learning_rate, self.beta_1, self.beta_2]

    def _trainer_own(self) -> tuple[dict[str, Any], list[LeftOut]]:
        arguments = {
            "optim": "lion_32bit",
            "adam_beta1": self.beta_1,
            "adam_beta2": self.beta_2,
        }
        remedy = (
            "`optim=lion_32bit` is an optimizer of bitsandbytes, installed where the Trainer runs "
            "by python -m pip install bitsandbytes"
        )
        return arguments, [LeftOut(key="optimizer.name", value=self.name, remedy=remedy)]


class LionKernel(PooledKernel):
    """Steps of one size, by the sign of momentum and gradient."""

    def __init__(self, variables: Sequence[Any], pool: SlotPool) -> None:
        super().__init__(variables, pool.take(1))

    def apply(self, gradients: Sequence[Tensor], inputs: Tensor, shares: Sequence[Tensor]) -> None:
        """Make one update of every variable."""
        import tensorflow as tf

        (momentums,) = self.sets
        rate, beta_1, beta_2 = tf.unstack(inputs)
        for variable, slot, gradient, share in zip(
            self.variables, momentums, gradients, shares, strict=True
        ):
            before = read(slot)
            step = tf.sign(before * beta_1 + gradient * (1.0 - beta_1))
            subtract(variable, rate * share * step)
            write(slot, before * beta_2 + gradient * (1.0 - beta_2))
