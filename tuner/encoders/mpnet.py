"""MPNet (Song 2020): RoBERTa without token types, with a bias for relative positions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, ClassVar

from tuner.encoders import layers
from tuner.encoders.family import SIZE
from tuner.encoders.forward import Forward, Inputs, Tensor, Weights
from tuner.encoders.parameters import Parameter, linear, norm, placed, table, token_table
from tuner.encoders.roberta import Roberta
from tuner.fields.bounds import Bounds
from tuner.search.literature import Published, published_rates

PADDING = 1
"""Token that positions do not count, whatever config.json says of padding."""

BUCKETS = 32
"""Rows of the bias that are used, whatever config.json says of their number."""

_EXACT = 8
"""Distances below it have a bucket of their own, on either side."""


@dataclass(frozen=True, kw_only=True)
class MPNet(Roberta):
    """MPNet: attention scores depend on the distance of two tokens, too."""

    name: ClassVar[str] = "mpnet"
    class_prefix: ClassVar[str] = "MPNet"
    prefix: ClassVar[str] = "mpnet"
    tokenizer_class: ClassVar[str] = "MPNetTokenizer"
    special_tokens: ClassVar[Mapping[str, str]] = {
        **Roberta.special_tokens, "unk_token": "[UNK]",
    }  # fmt: skip
    published: ClassVar[Published] = published_rates("Song 2020", 0.06, (1e-5, 32), (2e-5, 16))

    vocab_size: Annotated[int, SIZE] = 30527

    relative_attention_num_buckets: Annotated[
        int, Bounds(text=f"a whole number from {BUCKETS} to 2^31 - 1", low=BUCKETS, high=2**31 - 1)
    ] = BUCKETS
    """Rows of the bias for relative positions."""

    @property
    def max_positions(self) -> int:
        """Tokens that a text may have: the first has the position 2."""
        return self.max_position_embeddings - PADDING - 1

    @property
    def ignored_token_types(self) -> int:
        """Number of token types that transformers reads: it has none either."""
        return 0

    @classmethod
    def read(cls, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of the fields; token types in config.json mean nothing."""
        return super().read({k: v for k, v in config.items() if k != "type_vocab_size"})

    def exported(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of an exported config.json; there are no token types."""
        fields = super().exported(config)
        del fields["type_vocab_size"]
        return fields

    def parameters(self) -> Iterator[Parameter]:
        """Yield the parameters of the encoder."""
        yield from super().parameters()
        rows, heads = self.relative_attention_num_buckets, self.num_attention_heads
        (bias,) = table("relative_attention_bias", rows, heads)
        yield from placed("mpnet.encoder", 0, [replace(bias, decays=False)])

    def _embedding_parameters(self) -> Iterator[Parameter]:
        yield from token_table("word_embeddings", self.vocab_size, self.hidden_size)
        yield from table("position_embeddings", self.max_position_embeddings, self.hidden_size)
        yield from norm("LayerNorm", self.hidden_size)

    def _layer_parameters(self) -> Iterator[Parameter]:
        width, inner = self.hidden_size, self.intermediate_size
        for part in "qkvo":
            yield from linear(f"attention.attn.{part}", width, width)
        yield from norm("attention.LayerNorm", width)
        yield from linear("intermediate.dense", width, inner)
        yield from linear("output.dense", inner, width)
        yield from norm("output.LayerNorm", width)

    def encode(self, inputs: Inputs, weights: Weights, forward: Forward) -> Tensor:
        """Return the hidden states after the last layer."""
        encoder = weights.at("mpnet")
        x = self._embed(inputs, encoder, forward)
        bias = layers.padding_bias(inputs) + self._distance_bias(inputs, encoder)
        for number in range(self.num_hidden_layers):
            layer = encoder.at(f"encoder.layer.{number}")
            x = forward.layer(partial(self._layer, weights=layer, forward=forward), x, bias)
        return x

    def _embed(self, inputs: Inputs, encoder: Weights, forward: Forward) -> Tensor:
        weights = encoder.at("embeddings")
        positions = layers.counted_positions(inputs, PADDING, self.max_position_embeddings)
        x = layers.embedded(inputs.ids, weights.at("word_embeddings"), forward)
        x += layers.embedded(positions, weights.at("position_embeddings"), forward)
        return forward.drop(layers.layer_norm(x, weights.at("LayerNorm"), self.layer_norm_eps))

    def _distance_bias(self, inputs: Inputs, encoder: Weights) -> Tensor:
        """Return the bias of attention scores, float32 [1, heads, queries, keys]."""
        import tensorflow as tf

        columns = layers.positions(inputs)[0]
        farthest = self.max_position_embeddings
        buckets = tf.constant([bucket(far) for far in range(-farthest, farthest + 1)])
        places = tf.gather(buckets, columns - columns[:, tf.newaxis] + farthest)
        bias = tf.gather(encoder["encoder.relative_attention_bias.weight"], places)
        return tf.transpose(bias, [2, 0, 1])[tf.newaxis]

    # The bias has a gradient, so it is an input.
    def _layer(self, x: Tensor, bias: Tensor, *, weights: Weights, forward: Forward) -> Tensor:
        attention = weights.at("attention.attn")
        parts = [attention.at(part) for part in "qkv"]
        mixed = layers.self_attention(x, parts, bias, self.num_attention_heads, forward)
        x += forward.drop(layers.linear(mixed, attention.at("o")))
        x = layers.layer_norm(x, weights.at("attention.LayerNorm"), self.layer_norm_eps)
        return self._feed_forward(x, weights, forward)


def bucket(distance: int) -> int:
    """Return the row of the bias for a key that stands `distance` tokens after its query.

    Distances from 8 on share buckets, two of them for each doubling, up to 128.
    """
    side, far = BUCKETS // 2, abs(distance)
    if far >= _EXACT:
        doublings = (far * far // _EXACT**2).bit_length() - 1
        far = min(_EXACT + doublings, side - 1)
    return far + side * (distance > 0)
