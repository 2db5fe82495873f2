"""Every other optimizer of `keras.optimizers` that can fine-tune a checkpoint."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from tuner.fields.bounds import FROM_0_BELOW_1, above, at_least
from tuner.optimizers.base import Optimizer
from tuner.optimizers.keras_kernel import make_keras_kernel
from tuner.optimizers.kernel import Kernel, SlotPool

UNUSABLE = {
    "ftrl": "it starts from weights of its own making, not from the checkpoint's",
    "muon": "it has to be told which weights are embeddings",
    "schedulefreeadamw": "it keeps a copy of the weights from when it was built",
}
"""Optimizers of Keras that cannot fine-tune a checkpoint, to the reason."""


@dataclass(frozen=True, kw_only=True)
class KerasOptimizer(Optimizer):
    """Optimizer of Keras; a subclass names its class, its slots and its fields.

    Its fields are constants of its graph, so that each searched value is traced again.

    Example:
        @dataclass(frozen=True, kw_only=True)
        class Nadam(KerasOptimizer):
            \"\"\"Nadam (Dozat 2016): Adam with Nesterov's momentum.\"\"\"

            name: ClassVar[str] = "nadam"
            keras_class: ClassVar[str] = "Nadam"
            keras_slots: ClassVar[int] = 2

            learning_rate: Annotated[float, above(0)] = 5e-5
            \"\"\"Peak; as for Adam.\"\"\"

            beta_1: Annotated[float, FROM_0_BELOW_1] = 0.9
            \"\"\"Decay of the mean of gradients; Keras.\"\"\"
    """

    keras_class: ClassVar[str]
    """Name in `keras.optimizers`."""

    keras_slots: ClassVar[int]
    """Numbers that Keras keeps for each weight."""

    @property
    def slots(self) -> int:
        """Numbers that Keras keeps for each weight."""
        return self.keras_slots

    @property
    def uses_keras(self) -> bool:
        """True."""
        return True

    def make_kernel(self, variables: Sequence[Any], pool: SlotPool) -> Kernel:  # noqa: ARG002
        """Return Keras' optimizer."""
        return make_keras_kernel(self.keras_class, self.name, self.own_fields, variables)


@dataclass(frozen=True, kw_only=True)
class _OfAdamsKind(KerasOptimizer):
    elementwise: ClassVar[bool] = True
    keras_slots: ClassVar[int] = 2

    learning_rate: Annotated[float, above(0)] = 5e-5
    """Peak rate; as for Adam, whose scaling it shares; 1e-3 in Keras, for training afresh."""

    beta_1: Annotated[float, FROM_0_BELOW_1] = 0.9
    """Decay of the mean of gradients; default of Keras."""

    beta_2: Annotated[float, FROM_0_BELOW_1] = 0.999
    """Decay of the size of gradients; default of Keras."""

    epsilon: Annotated[float, above(0)] = 1e-7
    """Added to the divisor; default of Keras."""


@dataclass(frozen=True, kw_only=True)
class Nadam(_OfAdamsKind):
    """Nadam (Dozat 2016): Adam with Nesterov's momentum."""

    name: ClassVar[str] = "nadam"
    keras_class: ClassVar[str] = "Nadam"


@dataclass(frozen=True, kw_only=True)
class Adamax(_OfAdamsKind):
    """AdaMax (Kingma 2015): Adam with the largest gradient so far instead of squared ones."""

    name: ClassVar[str] = "adamax"
    keras_class: ClassVar[str] = "Adamax"


@dataclass(frozen=True, kw_only=True)
class Lamb(_OfAdamsKind):
    """LAMB (You 2020): Adam with steps scaled to the size of each weight; for large batches."""

    name: ClassVar[str] = "lamb"
    elementwise: ClassVar[bool] = False  # The size of the whole weight scales its steps.
    keras_class: ClassVar[str] = "Lamb"

    learning_rate: Annotated[float, above(0)] = 1e-3
    """Peak rate; default of Keras."""


@dataclass(frozen=True, kw_only=True)
class Adagrad(KerasOptimizer):
    """Adagrad (Duchi 2011): steps divided by the root of all squared gradients so far."""

    name: ClassVar[str] = "adagrad"
    elementwise: ClassVar[bool] = True
    keras_class: ClassVar[str] = "Adagrad"
    keras_slots: ClassVar[int] = 1

    learning_rate: Annotated[float, above(0)] = 1e-3
    """Peak rate; default of Keras."""

    initial_accumulator_value: Annotated[float, at_least(0)] = 0.1
    """Sum of squared gradients before the first; default of Keras."""

    epsilon: Annotated[float, above(0)] = 1e-7
    """Added to the divisor; default of Keras."""


@dataclass(frozen=True, kw_only=True)
class Adadelta(KerasOptimizer):
    """Adadelta (Zeiler 2012): steps scaled by the size of earlier ones."""

    name: ClassVar[str] = "adadelta"
    elementwise: ClassVar[bool] = True
    keras_class: ClassVar[str] = "Adadelta"
    keras_slots: ClassVar[int] = 2

    learning_rate: Annotated[float, above(0)] = 1e-3
    """Peak rate; default of Keras."""

    rho: Annotated[float, FROM_0_BELOW_1] = 0.95
    """Decay of the means of squares; default of Keras."""

    epsilon: Annotated[float, above(0)] = 1e-7
    """Added to the divisor; default of Keras."""


OTHERS: tuple[type[KerasOptimizer], ...] = (Adadelta, Adagrad, Adamax, Lamb, Nadam)
"""Optimizers of Keras without a file of their own."""
