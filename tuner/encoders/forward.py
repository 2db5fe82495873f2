"""Parts of an encoder's graph: inputs, weights and settings of the forward pass."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

Tensor = Any
Variable = Any
"""Types of TensorFlow, which this module does not import."""


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Texts as an encoder reads them."""

    ids: Tensor
    """Token ids, int32 [rows, tokens]."""

    types: Tensor
    """Token types, int32 [rows, tokens]."""

    lengths: Tensor
    """Tokens of each row that are no padding, int32 [rows]."""


class Weights(dict[str, Variable]):
    """Variables by their names, seen from one place in the model.

    Example:
        >>> Weights({"encoder.layer.0.weight": 1, "pooler.weight": 2}).at("encoder.layer.0")
        {'weight': 1}
    """

    def at(self, place: str) -> "Weights":
        """Return the variables below a place, by their names from there on."""
        start = f"{place}."
        return Weights(
            {name.removeprefix(start): v for name, v in self.items() if name.startswith(start)}
        )


class Dropout(Protocol):
    """Dropout of a model in training."""

    def drop(self, inputs: Tensor) -> Tensor:
        """Return the inputs with some elements set to zero and the others scaled up."""

    def repeatable(self, function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        """Return a function that draws the same masks each time that it is traced."""


@dataclass(frozen=True, kw_only=True)
class Forward:
    """Settings of one forward pass."""

    dtype: str = "float32"
    """Type of hidden states and of matrix products; weights, norms and softmax are float32."""

    dropout: Dropout | None = None
    """Dropout while training; None at evaluation."""

    rematerialize: bool = False
    """True if a layer's activations are computed again in the backward pass (Chen 2016)."""

    def drop(self, x: Tensor) -> Tensor:
        """Return `x` after dropout, wherever the original has a dropout layer."""
        return x if self.dropout is None else self.dropout.drop(x)

    def layer(self, function: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
        """Return what one layer makes of its inputs.

        Args:
            function: The layer. Where activations are computed again, the gradient reaches
                inputs and variables alone, not tensors that the function holds.
            *inputs: Tensors that have a gradient.
        """
        if not self.rematerialize or self.dropout is None:
            return function(*inputs)
        import tensorflow as tf

        return tf.recompute_grad(self.dropout.repeatable(function))(*inputs)
