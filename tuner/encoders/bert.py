"""BERT (Devlin 2019), and what the families have in common that are built like it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, ClassVar

from tuner.encoders import layers
from tuner.encoders.activations import ACTIVATIONS, tanh
from tuner.encoders.family import ACTIVATION, LAYERS, SIZE, SMALL_EPSILON, Family
from tuner.encoders.forward import Forward, Inputs, Tensor, Weights
from tuner.encoders.heads import Head, above_pooler
from tuner.encoders.parameters import Origin, Parameter, linear, norm, placed, table, token_table
from tuner.search.literature import Published, published_rates
from tuner.tasks import HeadKind
from tuner.trial.memory import ModelShape


@dataclass(frozen=True, kw_only=True)
class Bert(Family):
    """BERT: a norm after each sum, learned positions, token types, a pooler."""

    name: ClassVar[str] = "bert"
    class_prefix: ClassVar[str] = "Bert"
    prefix: ClassVar[str] = "bert"
    tokenizer_class: ClassVar[str] = "BertTokenizer"
    special_tokens: ClassVar[Mapping[str, str]] = {
        "unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]",
        "mask_token": "[MASK]",
    }  # fmt: skip
    published: ClassVar[Published] = published_rates("Devlin 2019", 0.1, (2e-5, 32), (3e-5, 16))

    pooler_place: ClassVar[str] = "pooler.dense"
    """Place of the pooler's dense layer."""

    hidden_size: Annotated[int, SIZE] = 768
    """Width of the hidden states."""

    num_hidden_layers: Annotated[int, LAYERS] = 12
    """Layers that a forward pass goes through."""

    num_attention_heads: Annotated[int, SIZE] = 12
    """Attention heads of each layer."""

    intermediate_size: Annotated[int, SIZE] = 3072
    """Width inside the feed-forward layers."""

    hidden_act: Annotated[str, ACTIVATION] = "gelu"
    """Activation inside the feed-forward layers."""

    max_position_embeddings: Annotated[int, SIZE] = 512
    """Rows of the position embedding."""

    type_vocab_size: Annotated[int, SIZE] = 2
    """Rows of the token type embedding."""

    layer_norm_eps: Annotated[float, SMALL_EPSILON] = 1e-12
    """Added to the variance in layer norms."""

    @property
    def embedding_width(self) -> int:
        """Width of the embeddings."""
        return self.hidden_size

    @property
    def shape(self) -> ModelShape:
        """Sizes that decide the memory of a trial."""
        return ModelShape(
            hidden=self.hidden_size,
            intermediate=self.intermediate_size,
            layers=self.num_hidden_layers,
            heads=self.num_attention_heads,
            vocabulary=self.vocab_size,
            embedding=self.embedding_width,
            parameters=self.parameter_count,
        )

    @property
    def max_positions(self) -> int:
        """Tokens that a text may have, special ones included."""
        return self.max_position_embeddings

    @property
    def token_types(self) -> int:
        """Token types that the encoder tells apart."""
        return self.type_vocab_size

    def parameters(self) -> Iterator[Parameter]:
        """Yield the parameters of the encoder."""
        yield from placed(f"{self.prefix}.embeddings", 0, self._embedding_parameters())
        for number in range(self.num_hidden_layers):
            place = f"{self.prefix}.encoder.layer.{number}"
            yield from placed(place, number + 1, self._layer_parameters())

    def _embedding_parameters(self) -> Iterator[Parameter]:
        width = self.embedding_width
        yield from token_table("word_embeddings", self.vocab_size, width)
        yield from table("position_embeddings", self.max_position_embeddings, width)
        yield from table("token_type_embeddings", self.type_vocab_size, width)
        yield from norm("LayerNorm", width)

    def _layer_parameters(self) -> Iterator[Parameter]:
        width, inner = self.hidden_size, self.intermediate_size
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            yield from linear(f"attention.{part}", width, width)
        yield from norm("attention.output.LayerNorm", width)
        yield from linear("intermediate.dense", width, inner)
        yield from linear("output.dense", inner, width)
        yield from norm("output.LayerNorm", width)

    @property
    def pooler(self) -> tuple[Parameter, ...]:
        """Dense layer above the first token, which not every checkpoint has."""
        dense = linear(self.pooler_place, self.hidden_size, self.hidden_size)
        above = self.num_hidden_layers + 1
        return tuple(placed(self.prefix, above, dense, Origin.CHECKPOINT_OR_NEW))

    def encode(self, inputs: Inputs, weights: Weights, forward: Forward) -> Tensor:
        """Return the hidden states after the last layer."""
        encoder = weights.at(self.prefix)
        x = self._embed(inputs, encoder, forward)
        bias = layers.padding_bias(inputs)
        for number in range(self.num_hidden_layers):
            layer = encoder.at(f"encoder.layer.{number}")
            x = forward.layer(partial(self._layer, weights=layer, bias=bias, forward=forward), x)
        return x

    def _embed(self, inputs: Inputs, encoder: Weights, forward: Forward) -> Tensor:
        weights = encoder.at("embeddings")
        x = layers.embedded(inputs.ids, weights.at("word_embeddings"), forward)
        x += layers.embedded(self._types(inputs), weights.at("token_type_embeddings"), forward)
        x += layers.embedded(self._positions(inputs), weights.at("position_embeddings"), forward)
        return forward.drop(layers.layer_norm(x, weights.at("LayerNorm"), self.layer_norm_eps))

    def _types(self, inputs: Inputs) -> Tensor:
        return inputs.types

    def _positions(self, inputs: Inputs) -> Tensor:
        return layers.positions(inputs)

    def _layer(self, x: Tensor, *, weights: Weights, bias: Tensor, forward: Forward) -> Tensor:
        attention = weights.at("attention")
        parts = [attention.at(f"self.{part}") for part in ("query", "key", "value")]
        mixed = layers.self_attention(x, parts, bias, self.num_attention_heads, forward)
        x += forward.drop(layers.linear(mixed, attention.at("output.dense")))
        x = layers.layer_norm(x, attention.at("output.LayerNorm"), self.layer_norm_eps)
        return self._feed_forward(x, weights, forward)

    def _feed_forward(self, x: Tensor, weights: Weights, forward: Forward) -> Tensor:
        inner = ACTIVATIONS[self.hidden_act](layers.linear(x, weights.at("intermediate.dense")))
        x += forward.drop(layers.linear(inner, weights.at("output.dense")))
        return layers.layer_norm(x, weights.at("output.LayerNorm"), self.layer_norm_eps)

    def sequence_classifier(self, labels: int) -> Head:
        """Return a dense layer above the pooler."""
        return above_pooler(self.class_name(HeadKind.SEQUENCE), self.pooler, labels, tanh)
