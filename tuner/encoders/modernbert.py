"""ModernBERT (Warner 2024): rotary positions, global and local attention, gated layers."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar

from tuner.encoders import layers
from tuner.encoders.activations import ACTIVATIONS
from tuner.encoders.bert import Bert
from tuner.encoders.family import ACTIVATION, LAYERS, SIZE, SMALL_EPSILON, Family
from tuner.encoders.forward import Forward, Inputs, Tensor, Weights
from tuner.encoders.heads import Head
from tuner.encoders.parameters import (
    INITIALIZER_RANGE,
    Origin,
    Parameter,
    linear,
    norm,
    placed,
    token_table,
)
from tuner.errors import InputError
from tuner.fields.bounds import above, one_of
from tuner.formatting.value_text import value_text
from tuner.search.literature import Published, published_rates
from tuner.tasks import HeadKind
from tuner.trial.memory import ModelShape

CUTOFF = 2.0
"""Standard deviations at which first values are cut off, `initializer_cutoff_factor`."""

_GLOBAL, _LOCAL = "full_attention", "sliding_attention"


@dataclass(frozen=True, kw_only=True)
class ModernBert(Family):
    """ModernBERT: a norm before each part, no token types, and most layers look nearby alone."""

    name: ClassVar[str] = "modernbert"
    class_prefix: ClassVar[str] = "ModernBert"
    prefix: ClassVar[str] = "model"
    has_position_table: ClassVar[bool] = False
    tokenizer_class: ClassVar[str] = "PreTrainedTokenizerFast"
    special_tokens: ClassVar[Mapping[str, str]] = Bert.special_tokens
    published: ClassVar[Published] = published_rates("Warner 2024", 0.06, (8e-5, 32), (5e-5, 16))
    rates: ClassVar[tuple[str, ...]] = (
        "embedding_dropout", "attention_dropout", "mlp_dropout", "classifier_dropout",
    )  # fmt: skip

    vocab_size: Annotated[int, SIZE] = 50368
    pad_token_id: int = 50283

    hidden_size: Annotated[int, SIZE] = 768
    """Width of the hidden states."""

    intermediate_size: Annotated[int, SIZE] = 1152
    """Width inside the feed-forward layers, after the gate."""

    num_hidden_layers: Annotated[int, LAYERS] = 22
    """Layers."""

    num_attention_heads: Annotated[int, SIZE] = 12
    """Attention heads of each layer."""

    hidden_activation: Annotated[str, ACTIVATION] = "gelu"
    """Activation of what the gate lets through."""

    max_position_embeddings: Annotated[int, SIZE] = 8192
    """Tokens that a text may have."""

    norm_eps: Annotated[float, SMALL_EPSILON] = 1e-5
    """Added to the variance in layer norms."""

    norm_bias: bool = False
    """True if layer norms have a bias."""

    attention_bias: bool = False
    """True if the dense layers of attention have a bias."""

    mlp_bias: bool = False
    """True if the feed-forward layers have a bias."""

    global_attn_every_n_layers: Annotated[int, SIZE] = 3
    """The first layer and each n-th one after it see all tokens."""

    local_attention: Annotated[int, SIZE] = 128
    """Tokens that the other layers see, half of them on either side."""

    global_rope_theta: Annotated[float, above(0)] = 160_000.0
    """Base of the rotation's wavelengths where all tokens are seen."""

    local_rope_theta: Annotated[float, above(0)] = 10_000.0
    """Base of the rotation's wavelengths in the other layers."""

    classifier_pooling: Annotated[str, one_of(("cls", "mean"))] = "cls"
    """Input of the classifier: the first token, or the mean of all but padding."""

    classifier_bias: bool = False
    """True if the dense layer below the classifier has a bias."""

    classifier_activation: Annotated[str, ACTIVATION] = "gelu"
    """Activation below the classifier."""

    @property
    def shape(self) -> ModelShape:
        """Sizes that decide the memory of a trial."""
        return ModelShape(
            hidden=self.hidden_size,
            intermediate=2 * self.intermediate_size,
            layers=self.num_hidden_layers,
            heads=self.num_attention_heads,
            vocabulary=self.vocab_size,
            embedding=self.hidden_size,
            parameters=self.parameter_count,
        )

    @property
    def max_positions(self) -> int:
        """Tokens that a text may have, special ones included."""
        return self.max_position_embeddings

    @classmethod
    def read(cls, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of the fields; transformers 5 spells some in another way than 4."""
        values = super().read(config)
        window = config.get("sliding_window")
        if window is not None:  # A second name of half of it, which transformers lets win.
            values["local_attention"] = 2 * window if type(window) is int else window
        if config.get("pad_token_id", 0) is None:
            values["pad_token_id"] = 0
        types = config.get("layer_types")
        if types is not None:
            values["global_attn_every_n_layers"] = _every(types)
        for kind, key in ((_GLOBAL, "global_rope_theta"), (_LOCAL, "local_rope_theta")):
            rotation = (config.get("rope_parameters") or {}).get(kind) or {}
            values |= {key: rotation["rope_theta"]} if "rope_theta" in rotation else {}
        return values

    @classmethod
    def refuse(cls, config: Mapping[str, Any], folder: Path) -> None:
        """Refuse other rotations, and layers whose kinds do not repeat."""
        super().refuse(config, folder)
        types, rotations = config.get("layer_types"), config.get("rope_parameters") or {}
        problems = {"rope_scaling": config.get("rope_scaling") is not None}
        problems["rope_parameters"] = not isinstance(rotations, Mapping) or any(
            not isinstance(each, Mapping)
            or each.get("rope_type", each.get("type", "default")) != "default"
            for kind, each in rotations.items()
            if kind in (_GLOBAL, _LOCAL) and each is not None
        )
        problems["layer_types"] = types is not None and not _repeats(types, config)
        for key, holds in problems.items():
            if holds:
                raise InputError(
                    f"{key} is {value_text(config[key])}, which is not supported",
                    where=f"{key} in {folder / 'config.json'}",
                    remedy="model=modernbert_base, or another checkpoint with plain rotations, "
                    "and global attention in the first and each n-th layer after it",
                )

    def problems(self) -> Iterator[str]:
        """Yield what is wrong with values that do not fit one another."""
        yield from super().problems()
        if self.hidden_size // self.num_attention_heads % 2:
            yield "a head has an odd width, which cannot be rotated"

    def parameters(self) -> Iterator[Parameter]:
        """Yield the parameters of the encoder."""
        width = self.hidden_size
        embeddings = (*token_table("tok_embeddings", self.vocab_size, width), *self._norm("norm"))
        yield from placed("model.embeddings", 0, embeddings)
        for number in range(self.num_hidden_layers):
            yield from placed(f"model.layers.{number}", number + 1, self._layer_parameters(number))
        yield from placed("model", self.num_hidden_layers, self._norm("final_norm"))

    def _norm(self, name: str) -> Iterator[Parameter]:
        return norm(name, self.hidden_size, bias=self.norm_bias)

    def _layer_parameters(self, number: int) -> Iterator[Parameter]:
        width, inner = self.hidden_size, self.intermediate_size
        if number:
            yield from self._norm("attn_norm")
        inputs, outputs = INITIALIZER_RANGE, self._output_spread
        yield from _dense("attn.Wqkv", width, 3 * width, inputs, bias=self.attention_bias)
        yield from _dense("attn.Wo", width, width, outputs, bias=self.attention_bias)
        yield from self._norm("mlp_norm")
        yield from _dense("mlp.Wi", width, 2 * inner, inputs, bias=self.mlp_bias)
        yield from _dense("mlp.Wo", inner, width, outputs, bias=self.mlp_bias)

    @property
    def _output_spread(self) -> float:
        """Standard deviation of new layers whose output is added to the hidden states."""
        return INITIALIZER_RANGE / math.sqrt(2 * self.num_hidden_layers)

    @property
    def pooler(self) -> tuple[Parameter, ...]:
        """Dense layer and norm that pre-training predicts tokens from."""
        width = self.hidden_size
        layer = _dense("dense", width, width, self._output_spread, bias=self.classifier_bias)
        dense = (*layer, *self._norm("norm"))
        return tuple(placed("head", self.num_hidden_layers + 1, dense, Origin.CHECKPOINT_OR_NEW))

    def encode(self, inputs: Inputs, weights: Weights, forward: Forward) -> Tensor:
        """Return the hidden states after the last norm."""
        encoder = weights.at("model")
        x = layers.embedded(inputs.ids, encoder.at("embeddings.tok_embeddings"), forward)
        x = forward.drop(self._normed(x, encoder.at("embeddings.norm")))
        padding = layers.padding_bias(inputs)
        nearby = padding + self._distance_bias(inputs)
        everywhere, here = (
            self._rotation(inputs, theta)
            for theta in (self.global_rope_theta, self.local_rope_theta)
        )
        for number in range(self.num_hidden_layers):
            is_global = number % self.global_attn_every_n_layers == 0
            layer = partial(
                self._layer,
                weights=encoder.at(f"layers.{number}"),
                bias=padding if is_global else nearby,
                rotation=everywhere if is_global else here,
                forward=forward,
            )
            x = forward.layer(layer, x)
        return self._normed(x, encoder.at("final_norm"))

    def _normed(self, x: Tensor, weights: Weights) -> Tensor:
        return layers.layer_norm(x, weights, self.norm_eps)

    def _distance_bias(self, inputs: Inputs) -> Tensor:
        """Mask that hides tokens that are too far away, float32 [queries, keys]."""
        import tensorflow as tf

        columns = layers.positions(inputs)[0]
        distances = tf.abs(columns - columns[:, tf.newaxis])
        return tf.where(distances <= self.local_attention // 2, 0.0, layers.MASKED)

    def _rotation(self, inputs: Inputs, theta: float) -> tuple[Tensor, Tensor]:
        """Cosines and sines of the rotation (Su 2021), float32 [tokens, width of a head]."""
        import tensorflow as tf

        half = self.hidden_size // self.num_attention_heads // 2
        speeds = [theta ** (-number / half) for number in range(half)]
        columns = tf.cast(layers.positions(inputs)[0], tf.float32)
        angles = tf.tile(columns[:, tf.newaxis] * tf.constant(speeds), [1, 2])
        return tf.cos(angles), tf.sin(angles)

    def _layer(
        self,
        x: Tensor,
        *,
        weights: Weights,
        bias: Tensor,
        rotation: tuple[Tensor, Tensor],
        forward: Forward,
    ) -> Tensor:
        import tensorflow as tf

        attention, feed_forward = weights.at("attn"), weights.at("mlp")
        # The first layer has no norm: the one of the embeddings stands right before it.
        normed = self._normed(x, weights.at("attn_norm")) if weights.at("attn_norm") else x
        parts = tf.split(layers.linear(normed, attention.at("Wqkv")), 3, axis=-1)
        queries, keys, values = (layers.split_heads(p, self.num_attention_heads) for p in parts)
        queries = _rotated(queries, rotation) * float(queries.shape[-1]) ** -0.5
        scores = tf.matmul(queries, _rotated(keys, rotation), transpose_b=True)
        mixed = layers.attended(tf.cast(scores, tf.float32) + bias, values, forward)
        x += forward.drop(layers.linear(mixed, attention.at("Wo")))
        inner = layers.linear(self._normed(x, weights.at("mlp_norm")), feed_forward.at("Wi"))
        through, gate = tf.split(inner, 2, axis=-1)
        gated = forward.drop(ACTIVATIONS[self.hidden_activation](through) * gate)
        return x + layers.linear(gated, feed_forward.at("Wo"))

    def sequence_classifier(self, labels: int) -> Head:
        """Return a dense layer above the one that pre-training predicts tokens from."""

        def pooled(hidden: Tensor, inputs: Inputs) -> Tensor:
            is_mean = self.classifier_pooling == "mean"
            return layers.mean_of_text(hidden, inputs) if is_mean else hidden[:, 0]

        return self._above_pre_training(HeadKind.SEQUENCE, labels, pooled)

    def token_classifier(self, labels: int) -> Head:
        """Return a dense layer above the one that pre-training predicts tokens from."""
        return self._above_pre_training(HeadKind.TOKEN, labels)

    def span_classifier(self) -> Head:
        """Return a dense layer above the one that pre-training predicts tokens from."""
        return self._above_pre_training(HeadKind.SPAN, 2)

    def _above_pre_training(
        self,
        kind: HeadKind,
        outputs: int,
        pooled: Callable[[Tensor, Inputs], Tensor] = lambda hidden, _: hidden,
    ) -> Head:
        """The head for what is chosen of the hidden states; by default for each token."""
        above = self.num_hidden_layers + 1
        width = self.hidden_size
        dense = _dense("classifier", width, outputs, width**-0.5, bias=True)
        new = placed("", above, dense, Origin.NEW)

        def apply(hidden: Tensor, inputs: Inputs, weights: Weights, forward: Forward) -> Tensor:
            import tensorflow as tf

            inner = layers.linear(pooled(hidden, inputs), weights.at("head.dense"))
            inner = ACTIVATIONS[self.classifier_activation](inner)
            normed = forward.drop(self._normed(inner, weights.at("head.norm")))
            return layers.linear(tf.cast(normed, tf.float32), weights.at("classifier"))

        return Head(class_name=self.class_name(kind), parameters=(*self.pooler, *new), apply=apply)


def _dense(
    name: str, inputs: int, outputs: int, spread: float, *, bias: bool
) -> Iterator[Parameter]:
    """Yield the parameters of a dense layer whose first values have a spread of their own."""
    for each in linear(name, inputs, outputs, bias=bias):
        yield replace(each, spread=spread, cutoff=CUTOFF)


def _repeats(types: Any, config: Mapping[str, Any]) -> bool:
    """True if the first layer and each n-th one after it are global, and the others local."""
    if not isinstance(types, list) or len(types) != config.get("num_hidden_layers", len(types)):
        return False
    every = _every(types)
    return types == [_LOCAL if n % every else _GLOBAL for n in range(max(1, len(types)))]


def _every(types: list[Any]) -> int:
    """Distance of the first two global layers; the number of layers where there is one."""
    return next((n for n, kind in enumerate(types) if n and kind == _GLOBAL), max(1, len(types)))


def _rotated(x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    """Queries or keys [rows, heads, tokens, size], each pair of numbers turned by its angle."""
    import tensorflow as tf

    cosines, sines = rotation
    wide = tf.cast(x, tf.float32)
    first, second = tf.split(wide, 2, axis=-1)
    turned = tf.concat([-second, first], axis=-1)
    return tf.cast(wide * cosines + turned * sines, x.dtype)
