"""Layers that the encoders share, as functions of tensors and of the weights at their place.

A dense layer's weight is kept as torch has it, [outputs, inputs]: a product with the transposed
matrix is as fast, and no weight is turned around between file and graph.
"""

from collections.abc import Callable, Sequence
from typing import Any

from tuner.encoders.compiled import is_for_xla
from tuner.encoders.forward import Forward, Inputs, Tensor, Weights

MASKED = -1e30
"""Score of a token that is not attended to: its share is zero, and never NaN."""


def embedded(ids: Tensor, weights: Weights, forward: Forward) -> Tensor:
    """Return the rows of an embedding.

    Args:
        ids: Numbers of the rows, int32 of any shape.
        weights: `weight`, [rows, width]; and maybe `places`, where each number's row is in it.
        forward: Type of the result.
    """
    import tensorflow as tf

    rows = tf.gather(weights["places"], ids) if "places" in weights else ids
    return tf.cast(tf.gather(weights["weight"], rows), forward.dtype)


def positions(inputs: Inputs) -> Tensor:
    """Return the position of each column from 0, int32 [1, tokens]."""
    import tensorflow as tf

    return tf.range(tf.shape(inputs.ids)[1])[tf.newaxis]


def counted_positions(inputs: Inputs, pad_token_id: int, rows: int) -> Tensor:
    """Return positions that count the tokens that are not `pad_token_id`, int32 [rows, tokens].

    The first token has the position `pad_token_id + 1`; a token `pad_token_id` has the position
    `pad_token_id` wherever it stands.

    Args:
        inputs: Token ids.
        pad_token_id: Token that is not counted.
        rows: Rows of the position table. Padding behind a text may count beyond them where it has
            another id; it takes the last one, and the mask hides it.
    """
    import tensorflow as tf

    # A GPU sums no integers.
    counted = tf.cast(tf.not_equal(inputs.ids, pad_token_id), tf.float32)
    numbers = tf.cast(tf.cumsum(counted, axis=1) * counted, tf.int32) + pad_token_id
    return tf.minimum(numbers, rows - 1)


def linear(x: Tensor, weights: Weights) -> Tensor:
    """Return a dense layer's output.

    Args:
        x: Tensor [..., inputs].
        weights: `weight`, [outputs, inputs], and maybe `bias`, [outputs].
    """
    import tensorflow as tf

    weight = tf.cast(weights["weight"], x.dtype)
    outputs, inputs = weight.shape
    y = tf.matmul(tf.reshape(x, [-1, inputs]), weight, transpose_b=True)
    if "bias" in weights:
        y = tf.nn.bias_add(y, tf.cast(weights["bias"], x.dtype))
    return tf.reshape(y, tf.concat([tf.shape(x)[:-1], [outputs]], axis=0))


def layer_norm(x: Tensor, weights: Weights, epsilon: float) -> Tensor:
    """Return a layer norm (Ba 2016), computed in float32.

    Args:
        x: Tensor [..., width].
        weights: `weight`, [width], and maybe `bias`, [width].
        epsilon: Added to the variance.
    """
    import tensorflow as tf

    def normed(x: Tensor, scale: Tensor, bias: Tensor) -> tuple[Tensor, Callable[..., Any]]:
        wide = tf.cast(x, tf.float32)
        centred = wide - tf.reduce_mean(wide, axis=-1, keepdims=True)
        variance = tf.reduce_mean(tf.square(centred), axis=-1, keepdims=True)
        factor = tf.math.rsqrt(variance + epsilon)
        unit = centred * factor

        def gradient(upstream: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            upstream = tf.cast(upstream, tf.float32)
            rows = list(range(len(x.shape) - 1))
            inner = upstream * scale
            inner -= tf.reduce_mean(inner, axis=-1, keepdims=True) + unit * tf.reduce_mean(
                inner * unit, axis=-1, keepdims=True
            )
            return (
                tf.cast(inner * factor, x.dtype),
                tf.reduce_sum(upstream * unit, axis=rows),
                tf.reduce_sum(upstream, axis=rows),
            )

        return tf.cast(unit * scale + bias, x.dtype), gradient

    scale = tf.convert_to_tensor(weights["weight"])
    bias = tf.convert_to_tensor(weights["bias"]) if "bias" in weights else tf.zeros_like(scale)
    # XLA takes twice as long to compile an update with this gradient, and fuses without it.
    return (
        normed(x, scale, bias)[0] if is_for_xla() else tf.custom_gradient(normed)(x, scale, bias)
    )


def padding_bias(inputs: Inputs) -> Tensor:
    """Return what is added to attention scores to hide padding, float32 [rows, 1, 1, tokens]."""
    import tensorflow as tf

    real = tf.sequence_mask(inputs.lengths, tf.shape(inputs.ids)[1])
    return tf.where(real, 0.0, MASKED)[:, tf.newaxis, tf.newaxis, :]


def split_heads(x: Tensor, heads: int) -> Tensor:
    """Return hidden states [rows, tokens, width] as [rows, heads, tokens, width / heads]."""
    import tensorflow as tf

    rows, tokens = tf.unstack(tf.shape(x)[:2])
    return tf.transpose(tf.reshape(x, [rows, tokens, heads, x.shape[-1] // heads]), [0, 2, 1, 3])


def attended(scores: Tensor, values: Tensor, forward: Forward) -> Tensor:
    """Return the values mixed by attention.

    Args:
        scores: Tensor [rows, heads, tokens, tokens], of the queries with the keys.
        values: Tensor [rows, heads, tokens, size].
        forward: Dropout of the shares.

    Returns:
        Hidden states [rows, tokens, heads * size].
    """
    import tensorflow as tf

    shares = tf.cast(tf.nn.softmax(tf.cast(scores, tf.float32)), values.dtype)
    mixed = tf.transpose(tf.matmul(forward.drop(shares), values), [0, 2, 1, 3])
    rows, tokens = tf.unstack(tf.shape(mixed)[:2])
    return tf.reshape(mixed, [rows, tokens, values.shape[1] * values.shape[3]])


def self_attention(
    x: Tensor,
    projections: Sequence[Weights],
    bias: Tensor,
    heads: int,
    forward: Forward,
) -> Tensor:
    """Return scaled dot-product attention of hidden states to themselves (Vaswani 2017).

    Args:
        x: Hidden states [rows, tokens, width].
        projections: Dense layers of queries, keys and values.
        bias: Added to the scores, float32; broadcast to [rows, heads, tokens, tokens].
        heads: Attention heads.
        forward: Dropout of the shares.

    Returns:
        Hidden states before the output's dense layer.
    """
    import tensorflow as tf

    queries, keys, values = (split_heads(linear(x, each), heads) for each in projections)
    scaled = queries * float(queries.shape[-1]) ** -0.5
    scores = tf.cast(tf.matmul(scaled, keys, transpose_b=True), tf.float32)
    return attended(scores + bias, values, forward)


def mean_of_text(x: Tensor, inputs: Inputs) -> Tensor:
    """Return the mean of the hidden states that are no padding, [rows, width]."""
    import tensorflow as tf

    real = tf.sequence_mask(inputs.lengths, tf.shape(inputs.ids)[1], dtype=tf.float32)
    total = tf.einsum("rtw,rt->rw", tf.cast(x, tf.float32), real)
    return tf.cast(total / tf.reduce_sum(real, axis=1, keepdims=True), x.dtype)
