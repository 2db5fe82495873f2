"""Stochastic gradient descent with momentum."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from tuner.fields.bounds import FROM_0_BELOW_1, above
from tuner.fields.left_out import LeftOut
from tuner.optimizers.base import Optimizer, UsualRates, optim_args
from tuner.optimizers.kernel import Kernel, PooledKernel, SlotPool, Tensor


@dataclass(frozen=True, kw_only=True)
class Sgd(Optimizer):
    """Stochastic gradient descent with momentum; its rates are at least 100 times Adam's."""

    name: ClassVar[str] = "sgd"
    elementwise: ClassVar[bool] = True
    usual_rates: ClassVar[UsualRates | None] = UsualRates(
        lowest=1e-3, first=1e-2, highest=1e-1, source="our own recorded curves"
    )
    _trainer_couples_decay: ClassVar[bool] = True

    learning_rate: Annotated[float, above(0)] = 1e-2
    """Peak rate; default of Keras."""

    momentum: Annotated[float, FROM_0_BELOW_1] = 0.9
    """Share of the last step in the next; Sutskever 2013."""

    nesterov: bool = False
    """True: use the gradient at the point to which the momentum leads (Nesterov 1983)."""

    @property
    def slots(self) -> int:
        """The momentum."""
        return 1

    @property
    def graph_key(self) -> tuple[Any, ...]:
        """One graph for each form of momentum."""
        return (self.name, self.nesterov)

    def make_kernel(self, variables: Sequence[Any], pool: SlotPool) -> Kernel:
        """Return the fused kernel."""
        return SgdKernel(variables, pool, nesterov=self.nesterov)

    def kernel_inputs(self, learning_rate: float, update: int) -> list[float]:
        """Return rate and momentum."""
        del update
        return [learning_rate, self.momentum]

    def _trainer_own(self) -> tuple[dict[str, Any], list[LeftOut]]:
        return {"optim": "sgd", "optim_args": optim_args(self.own_fields)}, []


class SgdKernel(PooledKernel):
    """Momentum, plain or Nesterov's, in PyTorch's form.

    PyTorch sums gradients up in the momentum and multiplies the sum with the rate of the day,
    Keras sums up what each gradient's own rate made of it; the two differ as soon as the rate
    changes. With PyTorch's a configuration means the same in `transformers`.
    """

    def __init__(self, variables: Sequence[Any], pool: SlotPool, *, nesterov: bool) -> None:
        super().__init__(variables, pool.take(1))
        self._nesterov = nesterov

    def apply(self, gradients: Sequence[Tensor], inputs: Tensor, shares: Sequence[Tensor]) -> None:
        """Make one update of every variable."""
        import tensorflow as tf

        (momentums,) = self.sets
        rate, momentum = tf.unstack(inputs)
        for variable, slot, gradient, share in zip(
            self.variables, momentums, gradients, shares, strict=True
        ):
            tf.raw_ops.ResourceApplyMomentum(
                var=variable.handle,
                accum=slot.handle,
                lr=rate * share,
                grad=gradient,
                momentum=momentum,
                use_nesterov=self._nesterov,
            )
