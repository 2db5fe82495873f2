"""Adam."""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from tuner.fields.bounds import FROM_0_BELOW_1, above, at_least
from tuner.fields.left_out import LeftOut
from tuner.optimizers.base import OWN_OBJECTS, Optimizer, UsualRates
from tuner.optimizers.keras_kernel import make_keras_kernel
from tuner.optimizers.kernel import Kernel, PooledKernel, SlotPool, Tensor


@dataclass(frozen=True, kw_only=True)
class PlainAdam(Optimizer):
    """Settings and kernel that Adam and AdamW share."""

    elementwise: ClassVar[bool] = True
    usual_rates: ClassVar[UsualRates | None] = UsualRates(
        lowest=1e-5, first=5e-5, highest=2e-4, source="Devlin 2019, Mosbach 2021"
    )

    learning_rate: Annotated[float, above(0)] = 5e-5
    """Peak rate; the largest that Devlin 2019 uses (2e-5 to 5e-5)."""

    beta_1: Annotated[float, FROM_0_BELOW_1] = 0.9
    """Decay of the mean of gradients; Devlin 2019, Kingma 2015."""

    beta_2: Annotated[float, FROM_0_BELOW_1] = 0.999
    """Decay of the mean of their squares; Devlin 2019, Kingma 2015."""

    epsilon: Annotated[float, above(0)] = 1e-6
    """Added to the divisor; Mosbach 2021, as in the original BERT code."""

    @property
    def slots(self) -> int:
        """Both means."""
        return 2

    @property
    def graph_key(self) -> tuple[Any, ...]:
        """The same graph for Adam and AdamW: all fields are inputs."""
        return ("adam",)

    def make_kernel(self, variables: Sequence[Any], pool: SlotPool) -> Kernel:
        """Return the fused kernel."""
        return AdamKernel(variables, pool)

    def kernel_inputs(self, learning_rate: float, update: int) -> list[float]:
        """Return betas, epsilon and rate, with the bias corrections folded into the last two.

        The betas are rounded first, as the graph has them: 1 - beta_2 would else differ by 1e-5.
        """
        beta_1, beta_2, epsilon = map(_float32, (self.beta_1, self.beta_2, self.epsilon))
        correction = math.sqrt(1.0 - beta_2**update)
        rate = learning_rate * correction / (1.0 - beta_1**update)
        return [beta_1, beta_2, epsilon * correction, rate]

    def _trainer_own(self) -> tuple[dict[str, Any], list[LeftOut]]:
        return {
            "optim": "adamw_torch",
            "adam_beta1": self.beta_1,
            "adam_beta2": self.beta_2,
            "adam_epsilon": self.epsilon,
        }, []


@dataclass(frozen=True, kw_only=True)
class Adam(PlainAdam):
    """Adam (Kingma 2015) without weight decay, bias-corrected as in Mosbach 2021."""

    name: ClassVar[str] = "adam"

    weight_decay: Annotated[float, at_least(0)] = 0.0
    """Decoupled weight decay, as in Keras; above 0 this is AdamW."""

    amsgrad: bool = False
    """True: divide by the largest mean of squares so far (Reddi 2018)."""

    @property
    def slots(self) -> int:
        """Both means, and the largest of the second."""
        return 2 + self.amsgrad

    @property
    def uses_keras(self) -> bool:
        """True with AMSGrad, which the fused kernel does not know."""
        return self.amsgrad

    @property
    def graph_key(self) -> tuple[Any, ...]:
        """AdamW's, except with AMSGrad."""
        return ("adam", *sorted(self.own_fields.items())) if self.amsgrad else super().graph_key

    def make_kernel(self, variables: Sequence[Any], pool: SlotPool) -> Kernel:
        """Return the fused kernel, or Keras' optimizer with AMSGrad."""
        if self.amsgrad:
            return make_keras_kernel("Adam", self.name, self.own_fields, variables)
        return super().make_kernel(variables, pool)

    def kernel_inputs(self, learning_rate: float, update: int) -> list[float]:
        """Return AdamW's inputs, or the rate alone with AMSGrad."""
        if self.amsgrad:
            return [learning_rate]
        return super().kernel_inputs(learning_rate, update)

    def _trainer_own(self) -> tuple[dict[str, Any], list[LeftOut]]:
        if self.amsgrad:
            remedy = f"the Trainer's adam has no such field; {OWN_OBJECTS}"
            return {}, [self._left_out("amsgrad", remedy)]
        return super()._trainer_own()


class AdamKernel(PooledKernel):
    """Adam with TensorFlow's fused operation, in PyTorch's form of the epsilon.

    PyTorch adds epsilon after the bias correction, Keras before; with ours a configuration means
    the same in `transformers`.
    """

    def __init__(self, variables: Sequence[Any], pool: SlotPool) -> None:
        super().__init__(variables, pool.take(2))

    def apply(self, gradients: Sequence[Tensor], inputs: Tensor, shares: Sequence[Tensor]) -> None:
        """Make one update of every variable."""
        import tensorflow as tf

        first, second = self.sets
        beta_1, beta_2, epsilon, rate = tf.unstack(inputs)
        zero = tf.zeros([])
        for variable, mean, square, gradient, share in zip(
            self.variables, first, second, gradients, shares, strict=True
        ):
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=mean.handle,
                v=square.handle,
                beta1_power=zero,
                beta2_power=zero,
                lr=rate * share,
                beta1=beta_1,
                beta2=beta_2,
                epsilon=epsilon,
                grad=gradient,
            )


def _float32(value: float) -> float:
    """Return the nearest number of single precision."""
    (rounded,) = struct.unpack("f", struct.pack("f", value))
    return float(rounded)
