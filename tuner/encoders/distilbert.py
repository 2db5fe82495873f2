"""DistilBERT (Sanh 2019): BERT without token types and pooler, in tensor names of its own."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar

from tuner.encoders import layers
from tuner.encoders.activations import ACTIVATIONS
from tuner.encoders.bert import Bert
from tuner.encoders.family import ACTIVATION, LAYERS, SIZE, Family
from tuner.encoders.forward import Forward, Inputs, Tensor, Weights
from tuner.encoders.heads import Head
from tuner.encoders.parameters import Origin, Parameter, linear, norm, placed, table, token_table
from tuner.errors import InputError
from tuner.formatting.value_text import value_text
from tuner.search.literature import Published
from tuner.tasks import HeadKind
from tuner.trial.memory import ModelShape

EPSILON = 1e-12
"""Added to the variance in layer norms, whatever config.json says."""

_ALIASES = {
    "hidden_size": "dim",
    "num_hidden_layers": "n_layers",
    "num_attention_heads": "n_heads",
}
"""Second names of fields; transformers takes the value under the second name."""


@dataclass(frozen=True, kw_only=True)
class DistilBert(Family):
    """DistilBERT: half of BERT's layers; the attention's output has no dropout."""

    name: ClassVar[str] = "distilbert"
    class_prefix: ClassVar[str] = "DistilBert"
    prefix: ClassVar[str] = "distilbert"
    tokenizer_class: ClassVar[str] = "DistilBertTokenizer"
    special_tokens: ClassVar[Mapping[str, str]] = Bert.special_tokens
    published: ClassVar[Published] = Bert.published
    rates: ClassVar[tuple[str, ...]] = (
        "dropout", "attention_dropout", "seq_classif_dropout", "qa_dropout",
    )  # fmt: skip

    max_position_embeddings: Annotated[int, SIZE] = 512
    """Rows of the position embedding."""

    n_layers: Annotated[int, LAYERS] = 6
    """Layers."""

    n_heads: Annotated[int, SIZE] = 12
    """Attention heads of each layer."""

    dim: Annotated[int, SIZE] = 768
    """Width of the hidden states."""

    hidden_dim: Annotated[int, SIZE] = 3072
    """Width inside the feed-forward layers."""

    activation: Annotated[str, ACTIVATION] = "gelu"
    """Activation inside the feed-forward layers."""

    @property
    def shape(self) -> ModelShape:
        """Sizes that decide the memory of a trial."""
        return ModelShape(
            hidden=self.dim,
            intermediate=self.hidden_dim,
            layers=self.n_layers,
            heads=self.n_heads,
            vocabulary=self.vocab_size,
            embedding=self.dim,
            parameters=self.parameter_count,
        )

    @property
    def max_positions(self) -> int:
        """Tokens that a text may have, special ones included."""
        return self.max_position_embeddings

    @classmethod
    def read(cls, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of the fields, under either of their names."""
        known = {name: config[alias] for alias, name in _ALIASES.items() if alias in config}
        return super().read({**known, **config})

    @classmethod
    def refuse(cls, config: Mapping[str, Any], folder: Path) -> None:
        """Refuse fields of other encoders, and two names of one field that differ."""
        super().refuse(config, folder)
        for alias, name in _ALIASES.items():
            if alias in config and name in config and config[alias] != config[name]:
                one, other = value_text(config[alias]), value_text(config.get(name))
                raise InputError(
                    f"{alias} is {one} and {name} is {other}: they are two names of one field",
                    where=f"{alias} and {name} in {folder / 'config.json'}",
                    remedy=f"remove {alias} from config.json",
                )

    def parameters(self) -> Iterator[Parameter]:
        """Yield the parameters of the encoder."""
        yield from placed("distilbert.embeddings", 0, self._embedding_parameters())
        for number in range(self.n_layers):
            place = f"distilbert.transformer.layer.{number}"
            yield from placed(place, number + 1, self._layer_parameters())

    def _embedding_parameters(self) -> Iterator[Parameter]:
        yield from token_table("word_embeddings", self.vocab_size, self.dim)
        yield from table("position_embeddings", self.max_position_embeddings, self.dim)
        yield from norm("LayerNorm", self.dim)

    def _layer_parameters(self) -> Iterator[Parameter]:
        for part in ("q_lin", "k_lin", "v_lin", "out_lin"):
            yield from linear(f"attention.{part}", self.dim, self.dim)
        yield from norm("sa_layer_norm", self.dim)
        yield from linear("ffn.lin1", self.dim, self.hidden_dim)
        yield from linear("ffn.lin2", self.hidden_dim, self.dim)
        yield from norm("output_layer_norm", self.dim)

    def encode(self, inputs: Inputs, weights: Weights, forward: Forward) -> Tensor:
        """Return the hidden states after the last layer."""
        encoder = weights.at("distilbert")
        embeddings = encoder.at("embeddings")
        x = layers.embedded(inputs.ids, embeddings.at("word_embeddings"), forward)
        positions = embeddings.at("position_embeddings")
        x += layers.embedded(layers.positions(inputs), positions, forward)
        x = forward.drop(layers.layer_norm(x, embeddings.at("LayerNorm"), EPSILON))
        bias = layers.padding_bias(inputs)
        for number in range(self.n_layers):
            layer = encoder.at(f"transformer.layer.{number}")
            x = forward.layer(partial(self._layer, weights=layer, bias=bias, forward=forward), x)
        return x

    def _layer(self, x: Tensor, *, weights: Weights, bias: Tensor, forward: Forward) -> Tensor:
        attention = weights.at("attention")
        parts = [attention.at(part) for part in ("q_lin", "k_lin", "v_lin")]
        mixed = layers.self_attention(x, parts, bias, self.n_heads, forward)
        x += layers.linear(mixed, attention.at("out_lin"))
        x = layers.layer_norm(x, weights.at("sa_layer_norm"), EPSILON)
        inner = ACTIVATIONS[self.activation](layers.linear(x, weights.at("ffn.lin1")))
        x += forward.drop(layers.linear(inner, weights.at("ffn.lin2")))
        return layers.layer_norm(x, weights.at("output_layer_norm"), EPSILON)

    def sequence_classifier(self, labels: int) -> Head:
        """Return two dense layers above the first token, with a ReLU between."""
        dense = (
            *linear("pre_classifier", self.dim, self.dim),
            *linear("classifier", self.dim, labels),
        )

        def apply(hidden: Tensor, _: Inputs, weights: Weights, forward: Forward) -> Tensor:
            import tensorflow as tf

            inner = tf.nn.relu(layers.linear(hidden[:, 0], weights.at("pre_classifier")))
            wide = tf.cast(forward.drop(inner), tf.float32)
            return layers.linear(wide, weights.at("classifier"))

        return Head(
            class_name=self.class_name(HeadKind.SEQUENCE),
            parameters=tuple(placed("", self.n_layers + 1, dense, Origin.NEW)),
            apply=apply,
        )

    def span_classifier(self) -> Head:
        """Return a dense layer above each token, after dropout."""
        return self._above_each_token(HeadKind.SPAN, "qa_outputs", 2, dropout=True)
