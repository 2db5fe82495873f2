"""Positions of RoBERTa and XLM-R, which follow from the token ids."""

from typing import Any

import keras_hub
import tensorflow as tf

POSITIONS = "roberta.embeddings.position_embeddings.weight"
"""Name of the position table in a checkpoint."""


class CountedPositions(keras_hub.layers.TokenAndPositionEmbedding):  # type: ignore[misc]
    """Embedding whose positions count the tokens that are not `pad_token_id`.

    The first token has the position `pad_token_id + 1`; a token `pad_token_id` has the position
    `pad_token_id` wherever it stands, as in `create_position_ids_from_input_ids` of transformers'
    modeling_roberta.py. Made from a built layer of keras-hub by `count_positions`.
    """

    pad_token_id: int

    def call(self, inputs: Any, start_index: int = 0, positions: Any = None) -> Any:  # noqa: ARG002
        """Embed token ids.

        Args:
            inputs: Token ids, int32 [rows, tokens].
            start_index: Not used; the positions follow from the ids.
            positions: Likewise.
        """
        numbers = position_ids(inputs, self.pad_token_id, self.sequence_length)
        return super().call(inputs, positions=numbers)


def count_positions(layer: Any, pad_token_id: int) -> None:
    """Make a built embedding layer count its positions; it keeps its place in its model."""
    layer.__class__ = CountedPositions
    layer.pad_token_id = pad_token_id


def position_ids(ids: Any, pad_token_id: int, rows: int) -> Any:
    """Return the row of the position table that each token takes.

    Args:
        ids: Token ids, int32 [rows, tokens].
        pad_token_id: Token that is not counted.
        rows: Rows of the table. Padding behind a text may count beyond them where it has another
            id; it takes the last one, and the mask hides it.
    """
    counted = tf.cast(tf.not_equal(ids, pad_token_id), tf.float32)  # A GPU sums no integers.
    numbers = tf.cast(tf.cumsum(counted, axis=1) * counted, tf.int32) + pad_token_id
    return tf.minimum(numbers, rows - 1)
