"""Which layer a weight belongs to, and the learning rate that it has for that."""

import re
from collections.abc import Sequence

import numpy as np

_LAYER = re.compile(r"(?:^|/)(?:transformer_layer|group_0_inner_layer)_(\d+)/")
_EMBEDDINGS = (
    "token_embedding", "position_embedding", "segment_embedding", "embeddings", "embedding_",
    "token_and_position_embedding",
)  # fmt: skip


def depth(path: str, layers: int) -> int:
    """How far a weight is from the input.

    Args:
        path: Of the Keras variable.
        layers: Transformer layers of the encoder.

    Returns:
        0 in the embeddings, 1 to `layers` in the encoder's layers, `layers` + 1 in what follows.
    """
    found = _LAYER.search(path)
    if found:
        return int(found[1]) + 1
    return 0 if path.startswith(_EMBEDDINGS) else layers + 1


def rates(
    depths: Sequence[int], layers: int, layer_decay: float, freeze_layers: int
) -> np.ndarray:
    """Learning rate of each weight as a share of the schedule's.

    Pooler and head have the whole rate, the last layer `layer_decay` of it, and so on down to
    the embeddings (Howard & Ruder 2018; Clark 2020, whose code skips a power below the head).

    Args:
        depths: Of each weight, see `depth`.
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
