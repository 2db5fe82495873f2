"""ALBERT (Lan 2020): layers that share their weights, above narrow embeddings."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, ClassVar

from tuner.encoders import layers
from tuner.encoders.activations import ACTIVATIONS
from tuner.encoders.bert import Bert
from tuner.encoders.family import ACTIVATION, LAYERS, SIZE
from tuner.encoders.forward import Forward, Inputs, Tensor, Weights
from tuner.encoders.parameters import Parameter, linear, norm, placed
from tuner.search.literature import Published, published_rates

_PROJECTION = "encoder.embedding_hidden_mapping_in"


@dataclass(frozen=True, kw_only=True)
class Albert(Bert):
    """ALBERT: groups of layers, each of which is gone through several times."""

    name: ClassVar[str] = "albert"
    class_prefix: ClassVar[str] = "Albert"
    prefix: ClassVar[str] = "albert"
    tokenizer_class: ClassVar[str] = "AlbertTokenizer"
    special_tokens: ClassVar[Mapping[str, str]] = {
        "bos_token": "[CLS]", "eos_token": "[SEP]", "unk_token": "<unk>", "sep_token": "[SEP]",
        "pad_token": "<pad>", "cls_token": "[CLS]", "mask_token": "[MASK]",
    }  # fmt: skip
    shares_layers: ClassVar[bool] = True
    published: ClassVar[Published] = published_rates("Lan 2020", 0.1, (1e-5, 16), (3e-5, 32))
    rates: ClassVar[tuple[str, ...]] = (
        "hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout_prob",
    )  # fmt: skip

    pooler_place: ClassVar[str] = "pooler"

    vocab_size: Annotated[int, SIZE] = 30000

    embedding_size: Annotated[int, SIZE] = 128
    """Width of the embeddings."""

    hidden_size: Annotated[int, SIZE] = 4096

    num_hidden_groups: Annotated[int, LAYERS] = 1
    """Groups of layers; each stands for as many layers of the forward pass as the others."""

    inner_group_num: Annotated[int, LAYERS] = 1
    """Layers in a group, each with weights of its own."""

    num_attention_heads: Annotated[int, SIZE] = 64
    intermediate_size: Annotated[int, SIZE] = 16384
    hidden_act: Annotated[str, ACTIVATION] = "gelu_new"

    @property
    def embedding_width(self) -> int:
        """Width of the embeddings."""
        return self.embedding_size

    def problems(self) -> Iterator[str]:
        """Yield what is wrong with values that do not fit one another."""
        yield from super().problems()
        groups, count = self.num_hidden_groups, self.num_hidden_layers
        if count % groups:
            yield f"{groups} groups do not divide the {count} layers"

    def parameters(self) -> Iterator[Parameter]:
        """Yield the parameters of the encoder; all layers have one depth."""
        yield from placed("albert.embeddings", 0, self._embedding_parameters())
        yield from placed("albert", 0, linear(_PROJECTION, self.embedding_size, self.hidden_size))
        for group in range(self.num_hidden_groups):
            for place in self._places(group):
                yield from placed(f"albert.{place}", 1, self._layer_parameters())

    def _places(self, group: int) -> list[str]:
        """The layers of a group."""
        start = f"encoder.albert_layer_groups.{group}.albert_layers"
        return [f"{start}.{number}" for number in range(self.inner_group_num)]

    def _layer_parameters(self) -> Iterator[Parameter]:
        width, inner = self.hidden_size, self.intermediate_size
        for part in ("query", "key", "value", "dense"):
            yield from linear(f"attention.{part}", width, width)
        yield from norm("attention.LayerNorm", width)
        yield from linear("ffn", width, inner)
        yield from linear("ffn_output", inner, width)
        yield from norm("full_layer_layer_norm", width)

    def encode(self, inputs: Inputs, weights: Weights, forward: Forward) -> Tensor:
        """Return the hidden states after the last layer."""
        encoder = weights.at("albert")
        x = layers.linear(self._embed(inputs, encoder, forward), encoder.at(_PROJECTION))
        bias = layers.padding_bias(inputs)
        times = self.num_hidden_layers // self.num_hidden_groups
        for number in range(self.num_hidden_layers):
            for place in self._places(number // times):
                layer = partial(self._layer, weights=encoder.at(place), bias=bias, forward=forward)
                x = forward.layer(layer, x)
        return x

    def _layer(self, x: Tensor, *, weights: Weights, bias: Tensor, forward: Forward) -> Tensor:
        attention, epsilon = weights.at("attention"), self.layer_norm_eps
        parts = [attention.at(part) for part in ("query", "key", "value")]
        mixed = layers.self_attention(x, parts, bias, self.num_attention_heads, forward)
        x += forward.drop(layers.linear(mixed, attention.at("dense")))
        x = layers.layer_norm(x, attention.at("LayerNorm"), epsilon)
        inner = ACTIVATIONS[self.hidden_act](layers.linear(x, weights.at("ffn")))
        x += layers.linear(inner, weights.at("ffn_output"))
        return layers.layer_norm(x, weights.at("full_layer_layer_norm"), epsilon)
