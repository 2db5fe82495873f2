"""Activations that are computed again in the backward pass instead of being kept (Chen 2016)."""

from collections.abc import Iterable
from typing import Any

import keras
import keras_hub

from tuner.training.dropout import DropoutState


class RematerializedEncoder(keras_hub.layers.TransformerEncoder):  # type: ignore[misc]
    """A transformer layer of which a forward pass keeps the input alone.

    Made from a built layer by `rematerialize`. Keras' own `RematScope` has to be there when a
    layer is built, and knows nothing of dropout that has to be the same again.
    """

    state: DropoutState

    def call(
        self, inputs: Any, padding_mask: Any = None, training: bool = False, **others: Any
    ) -> Any:
        """The layer's output; while training its inner activations are not kept."""
        call = super().call
        if not training:
            return call(inputs, padding_mask=padding_mask, training=False, **others)

        def forward(x: Any) -> Any:
            return call(x, padding_mask=padding_mask, training=True, **others)

        return keras.remat(self.state.repeatable(forward))(inputs)


def rematerialize(layers: Iterable[Any], state: DropoutState) -> int:
    """Makes every transformer layer among `layers` compute its activations again, in place.

    A built layer keeps its place in its model, hence the change of class.

    Args:
        layers: Of an encoder.
        state: That steers their dropout.

    Returns:
        How many there were.
    """
    count = 0
    for layer in layers:
        if isinstance(layer, keras_hub.layers.TransformerEncoder):
            layer.__class__ = RematerializedEncoder
            layer.state = state
            count += 1
    return count
