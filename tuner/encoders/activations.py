"""Activations of feed-forward layers by the names that transformers gives them."""

import math
from collections.abc import Callable, Mapping
from typing import Any

Tensor = Any


def gelu(x: Tensor) -> Tensor:
    """Return the exact GELU (Hendrycks & Gimpel 2016), computed in float32; only `x` is kept."""
    import tensorflow as tf

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def function(x: Tensor) -> Any:
        wide = tf.cast(x, tf.float32)

        def gradient(upstream: Tensor) -> Tensor:
            # Written in another way than below, else XLA would keep the error function.
            below = 0.5 * (1.0 - tf.math.erf(wide * -math.sqrt(0.5)))
            slope = below + wide * tf.exp(-0.5 * tf.square(wide)) / math.sqrt(2.0 * math.pi)
            return tf.cast(tf.cast(upstream, tf.float32) * slope, x.dtype)

        value = wide * (0.5 * (1.0 + tf.math.erf(wide * math.sqrt(0.5))))
        return tf.cast(value, x.dtype), gradient

    return function(x)


def gelu_tanh(x: Tensor) -> Tensor:
    """Return GELU's approximation by a hyperbolic tangent, in float32: 1 + tanh cancels."""
    import tensorflow as tf

    return tf.cast(tf.nn.gelu(tf.cast(x, tf.float32), approximate=True), x.dtype)


def quick_gelu(x: Tensor) -> Tensor:
    """Return GELU's approximation by a sigmoid."""
    import tensorflow as tf

    return x * tf.sigmoid(1.702 * x)


def relu(x: Tensor) -> Tensor:
    """Return the positive part."""
    import tensorflow as tf

    return tf.nn.relu(x)


def silu(x: Tensor) -> Tensor:
    """Return x times its sigmoid."""
    import tensorflow as tf

    return tf.nn.silu(x)


def tanh(x: Tensor) -> Tensor:
    """Return the hyperbolic tangent."""
    import tensorflow as tf

    return tf.tanh(x)


ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "gelu": gelu,
    "gelu_python": gelu,
    "gelu_new": gelu_tanh,
    "gelu_fast": gelu_tanh,
    "gelu_pytorch_tanh": gelu_tanh,
    "quick_gelu": quick_gelu,
    "relu": relu,
    "silu": silu,
    "swish": silu,
    "tanh": tanh,
}
"""Name in config.json to function."""
