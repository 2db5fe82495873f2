"""Interface of an optimizer: its settings, and everything that is known of it."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from tuner.fields.bounds import ABOVE_0_TO_1, above, at_least
from tuner.fields.component import Component
from tuner.fields.declared import declared
from tuner.fields.left_out import LeftOut
from tuner.optimizers.kernel import Kernel, SlotPool

OWN_OBJECTS = "Trainer(optimizers=(OPTIMIZER, SCHEDULER))"
"""Argument by which the Trainer takes an optimizer that it does not make itself."""


@dataclass(frozen=True, kw_only=True)
class UsualRates:
    """Learning rates that encoders are usually fine-tuned with."""

    lowest: float
    """Rate below which training is usually too slow."""

    first: float
    """Rate to try first."""

    highest: float
    """Rate above which training usually diverges."""

    source: str
    """Paper or measurement."""


@dataclass(frozen=True, kw_only=True)
class Optimizer(Component):
    """Settings of an optimizer and all that depends on which one it is.

    A subclass is a frozen dataclass with a `name`, fields with defaults, and the abstract members
    below. TensorFlow is imported inside `make_kernel` and the kernel's methods only. An optimizer
    of Keras derives from `KerasOptimizer` and adds nothing but fields.

    Example:
        @dataclass(frozen=True, kw_only=True)
        class SignSgd(Optimizer):
            \"\"\"Steps of one size by the sign of the gradient.\"\"\"

            name: ClassVar[str] = "sign_sgd"
            slots: ClassVar[int] = 0

            learning_rate: Annotated[float, above(0)] = 1e-4
            \"\"\"Peak.\"\"\"

            def make_kernel(self, variables, pool):
                return SignSgdKernel(variables, [])


        class SignSgdKernel(PooledKernel):
            def apply(self, gradients, inputs, shares):
                import tensorflow as tf

                for variable, gradient, share in zip(self.variables, gradients, shares):
                    subtract(variable, inputs[0] * share * tf.sign(gradient))
    """

    group: ClassVar[str] = "optimizer"

    usual_rates: ClassVar[UsualRates | None] = None
    """Learning rates for fine-tuning encoders; None where none are established."""

    elementwise: ClassVar[bool] = False
    """True if a step of a number depends on that number's gradients alone, and is zero as long as
    they are. Rows of the token embedding that no text uses are then left out of the updates."""

    learning_rate: Annotated[float, above(0)]
    """Peak rate; see `schedule`."""

    weight_decay: Annotated[float, at_least(0)] = 0.0
    """Decoupled weight decay, never on biases and layer norms."""

    layer_decay: Annotated[float, ABOVE_0_TO_1] = 1.0
    """Learning rate of a layer divided by that of the next; 1: off; 0.8 in Clark 2020."""

    @property
    @abstractmethod
    def slots(self) -> int:
        """Numbers kept for each weight."""

    @property
    def uses_keras(self) -> bool:
        """True if Keras makes the updates; its first state is kept in host memory."""
        return False

    @property
    def own_fields(self) -> dict[str, Any]:
        """Fields that not every optimizer has."""
        common = {item.name for item in declared(Optimizer)}
        return {
            item.name: getattr(self, item.name)
            for item in declared(type(self))
            if item.name not in common
        }

    @property
    def graph_key(self) -> tuple[Any, ...]:
        """Key of the graph: by default the name and every own field."""
        return (self.name, *sorted(self.own_fields.items()))

    @abstractmethod
    def make_kernel(self, variables: Sequence[Any], pool: SlotPool) -> Kernel:
        """Return what changes the weights.

        Args:
            variables: Keras variables, in the order of the gradients.
            pool: Slots in the shapes of the variables, for kernels derived from `PooledKernel`.

        Raises:
            InputError: A value that the optimizer refuses.
        """

    def kernel_inputs(self, learning_rate: float, update: int) -> list[float]:
        """Return the numbers that reach the kernel's graph at one update.

        Args:
            learning_rate: Rate of this update.
            update: Counted from 1.

        Returns:
            The same count of numbers for every update; by default the rate alone.
        """
        del update
        return [learning_rate]

    def trainer_arguments(self) -> tuple[dict[str, Any], list[LeftOut]]:
        """Return the optimizer as keyword arguments of transformers' TrainingArguments.

        Returns:
            Arguments, without `optim` where the Trainer has no such optimizer, and what they do
            not express.
        """
        arguments: dict[str, Any] = {"learning_rate": self.learning_rate}
        rest: list[LeftOut] = []
        if self.weight_decay and self._trainer_couples_decay:
            remedy = "torch adds it to the gradient, here it shrinks the weights"
            rest.append(self._left_out("weight_decay", remedy))
        else:
            arguments["weight_decay"] = self.weight_decay
        if self.layer_decay != 1.0:
            remedy = "a parameter group with its own rate for each layer"
            rest.append(self._left_out("layer_decay", remedy))
        own, own_rest = self._trainer_own()
        return arguments | own, rest + own_rest

    _trainer_couples_decay: ClassVar[bool] = False
    """True if the Trainer's optimizer adds weight decay to the gradient."""

    _trainer_remedy: ClassVar[str] = f"the Trainer has no such optimizer; {OWN_OBJECTS}"
    """Remedy for an optimizer that the Trainer does not have."""

    def _trainer_own(self) -> tuple[dict[str, Any], list[LeftOut]]:
        """`optim` and the own fields; by default there is no counterpart."""
        remedy = f"{self._trainer_remedy}; without `optim` it takes adamw_torch"
        return {}, [
            LeftOut(key="optimizer.name", value=self.name, remedy=remedy),
            *(self._left_out(key, "a field of that optimizer") for key in self.own_fields),
        ]

    def _left_out(self, field: str, remedy: str) -> LeftOut:
        return LeftOut(key=f"optimizer.{field}", value=getattr(self, field), remedy=remedy)


def optim_args(fields: Mapping[str, Any]) -> str:
    """Return fields in the form of `TrainingArguments.optim_args`."""
    return ",".join(f"{name}={value}" for name, value in fields.items())
