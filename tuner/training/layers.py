"""Learning rates of weights by the layers that they belong to."""

from collections.abc import Sequence

import numpy as np


def rates(
    depths: Sequence[int], layers: int, layer_decay: float, freeze_layers: int
) -> np.ndarray:
    """Learning rate of each weight as a share of the schedule's.

    Pooler and head have the whole rate, the last layer `layer_decay` of it, and so on down to
    the embeddings (Howard & Ruder 2018; Clark 2020, whose code skips a power below the head).

    Args:
        depths: Depth of each weight, see `Parameter.depth`.
        layers: Transformer layers of the encoder.
        layer_decay: Rate of a layer over that of the one above; 1 for all alike.
        freeze_layers: So many first layers, and the embeddings, have the rate 0; 0 freezes
            neither.

    Returns:
        Float32 [weights].
    """
    powers = layers + 1 - np.asarray(depths)
    shares: np.ndarray = np.power(float(layer_decay), powers).astype(np.float32)
    if freeze_layers:
        shares[np.asarray(depths) <= freeze_layers] = 0.0
    return shares
