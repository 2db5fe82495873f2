"""Heads that several families have."""

from collections.abc import Callable

from tuner.encoders import layers
from tuner.encoders.family import Head
from tuner.encoders.forward import Forward, Inputs, Tensor, Weights
from tuner.encoders.parameters import Origin, linear, placed


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
