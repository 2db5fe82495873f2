"""Heads: the interface, and those that several families have."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tuner.encoders import layers
from tuner.encoders.forward import Forward, Inputs, Tensor, Weights
from tuner.encoders.parameters import Origin, Parameter, linear, placed


@dataclass(frozen=True, kw_only=True)
class Head:
    """Head that a task adds to an encoder, as in transformers' class for it."""

    class_name: str
    """Class of transformers that loads encoder and head."""

    parameters: tuple[Parameter, ...]
    """Parameters, those of a pooler among them; the last dense layer's are the last two."""

    apply: Callable[[Tensor, Inputs, Weights, Forward], Tensor]
    """Outputs, float32, from hidden states, inputs, all weights of the model, and forward pass."""

    @property
    def outputs(self) -> int:
        """Number of outputs of an input or of a token."""
        return self.parameters[-1].shape[0]


def two_dense_layers(
    class_name: str, width: int, labels: int, depth: int, activation: Callable[[Tensor], Tensor]
) -> Head:
    """Return RoBERTa's head: two dense layers above the first token, dropout before each.

    Args:
        class_name: Class of transformers that has it.
        width: Width of the hidden states.
        labels: Number of logits.
        depth: Depth of its parameters.
        activation: Activation between the layers.
    """
    dense = (*linear("dense", width, width), *linear("out_proj", width, labels))

    def apply(hidden: Tensor, _: Inputs, weights: Weights, forward: Forward) -> Tensor:
        import tensorflow as tf

        head = weights.at("classifier")
        inner = activation(layers.linear(forward.drop(hidden[:, 0]), head.at("dense")))
        return layers.linear(tf.cast(forward.drop(inner), tf.float32), head.at("out_proj"))

    return Head(
        class_name=class_name,
        parameters=tuple(placed("classifier", depth, dense, Origin.NEW)),
        apply=apply,
    )


def above_pooler(
    class_name: str,
    pooler: Sequence[Parameter],
    labels: int,
    activation: Callable[[Tensor], Tensor],
) -> Head:
    """Return BERT's head: a pooler above the first token, dropout, and a dense layer.

    Args:
        class_name: Class of transformers that has it.
        pooler: Weight and bias of the pooler.
        labels: Number of outputs.
        activation: Activation of the pooler.
    """
    weight = pooler[0]
    place = weight.name.removesuffix(".weight")
    dense = linear("classifier", weight.shape[0], labels)

    def apply(hidden: Tensor, _: Inputs, weights: Weights, forward: Forward) -> Tensor:
        import tensorflow as tf

        pooled = forward.drop(activation(layers.linear(hidden[:, 0], weights.at(place))))
        return layers.linear(tf.cast(pooled, tf.float32), weights.at("classifier"))

    return Head(
        class_name=class_name,
        parameters=(*pooler, *placed("", weight.depth, dense, Origin.NEW)),
        apply=apply,
    )


def above_each_token(
    class_name: str,
    place: str,
    width: int,
    outputs: int,
    depth: int,
    *,
    dropout: bool,
) -> Head:
    """Return a dense layer above each token; its outputs are [rows, tokens, outputs].

    Args:
        class_name: Class of transformers that has it.
        place: Place of the layer.
        width: Width of the hidden states.
        outputs: Number of outputs of a token.
        depth: Depth of its parameters.
        dropout: True if dropout comes before it.
    """

    def apply(hidden: Tensor, _: Inputs, weights: Weights, forward: Forward) -> Tensor:
        import tensorflow as tf

        x = forward.drop(hidden) if dropout else hidden
        return layers.linear(tf.cast(x, tf.float32), weights.at(place))

    return Head(
        class_name=class_name,
        parameters=tuple(placed("", depth, linear(place, width, outputs), Origin.NEW)),
        apply=apply,
    )
