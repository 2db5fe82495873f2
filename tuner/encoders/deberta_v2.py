"""DeBERTa v2 and v3 (He 2021): attention to contents and to relative positions, apart."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar

from tuner.encoders import layers
from tuner.encoders.activations import ACTIVATIONS
from tuner.encoders.bert import Bert
from tuner.encoders.family import ACTIVATION, LAYERS, SIZE, SMALL_EPSILON
from tuner.encoders.forward import Forward, Inputs, Tensor, Weights
from tuner.encoders.heads import Head
from tuner.encoders.parameters import Origin, Parameter, linear, norm, placed, table, token_table
from tuner.errors import InputError
from tuner.fields.bounds import Bounds, Condition
from tuner.formatting.value_text import value_text
from tuner.search.literature import Published, published_rates
from tuner.tasks import HeadKind
from tuner.trial.memory import ModelShape

OPTIONAL_SIZE = Bounds(text="a whole number below 2^31", low=0, high=2**31 - 1)
OPTIONAL_RANGE = Bounds(text="-1, or a whole number below 2^31", low=-1, high=2**31 - 1)
_KINDS = ("c2p", "p2c")
KINDS_OF_SCORES = Condition(
    text="c2p, p2c or both with | between",
    holds=lambda text: {part.strip() for part in text.split("|")} <= {*_KINDS, ""},
)


@dataclass(frozen=True, kw_only=True)
class DebertaV2(Bert):
    """DeBERTa: each layer scores contents, and contents against distances, in both directions."""

    name: ClassVar[str] = "deberta-v2"
    class_prefix: ClassVar[str] = "DebertaV2"
    prefix: ClassVar[str] = "deberta"
    tokenizer_class: ClassVar[str] = "DebertaV2Tokenizer"
    special_tokens: ClassVar[Mapping[str, str]] = {
        "bos_token": "[CLS]", "eos_token": "[SEP]", **Bert.special_tokens,
    }  # fmt: skip
    # Between 50 and 1,000 updates of warmup, by the size of the task.
    published: ClassVar[Published] = published_rates("He 2021", 0.06, (2e-5, 32), (3e-5, 16))
    rates: ClassVar[tuple[str, ...]] = (
        "hidden_dropout_prob", "attention_probs_dropout_prob", "pooler_dropout", "cls_dropout",
    )  # fmt: skip

    vocab_size: Annotated[int, SIZE] = 128100
    hidden_size: Annotated[int, SIZE] = 1536
    num_hidden_layers: Annotated[int, LAYERS] = 24
    num_attention_heads: Annotated[int, SIZE] = 24
    intermediate_size: Annotated[int, SIZE] = 6144
    layer_norm_eps: Annotated[float, SMALL_EPSILON] = 1e-7

    type_vocab_size: Annotated[int, OPTIONAL_SIZE] = 0
    """Rows of the token type embedding; 0: none."""

    embedding_size: Annotated[int, SIZE] = 1536
    """Width of the embeddings."""

    position_biased_input: bool = True
    """True if the embeddings have absolute positions."""

    relative_attention: bool = False
    """True if attention depends on relative positions."""

    pos_att_type: Annotated[str, KINDS_OF_SCORES] = ""
    """Scores of relative positions: of a content for a distance (c2p), the reverse (p2c)."""

    share_att_key: bool = False
    """True if distances are projected as contents are."""

    max_relative_positions: Annotated[int, OPTIONAL_RANGE] = -1
    """Largest distance; below 1: `max_position_embeddings`."""

    position_buckets: Annotated[int, OPTIONAL_RANGE] = -1
    """Buckets of distances on either side; below 1: each distance has its own."""

    norm_rel_ebd: str = "none"
    """`layer_norm` if the embeddings of distances are normed."""

    conv_kernel_size: Annotated[int, OPTIONAL_SIZE] = 0
    """Tokens that the convolution beside the first layer sees; 0: there is none."""

    conv_act: Annotated[str, ACTIVATION] = "tanh"
    """Activation of the convolution."""

    pooler_hidden_act: Annotated[str, ACTIVATION] = "gelu"
    """Activation of the dense layer above the first token."""

    @property
    def embedding_width(self) -> int:
        """Width of the embeddings."""
        return self.embedding_size

    @property
    def shape(self) -> ModelShape:
        """Sizes that decide the memory of a trial; each kind of scores adds its own."""
        kinds = len(self._kinds) if self.relative_attention else 0
        # A projected distance for each pair of tokens that can be that far apart: two rows for
        # each token. The number of scores is measured.
        return replace(super().shape, more_states=2 * kinds, more_scores=5 * kinds)

    @property
    def span(self) -> int:
        """Distances that are told apart on either side."""
        return self.position_buckets if self.position_buckets > 0 else self.farthest

    @property
    def farthest(self) -> int:
        """Largest distance."""
        if self.max_relative_positions > 0:
            return self.max_relative_positions
        return self.max_position_embeddings

    @property
    def _has_normed_distances(self) -> bool:
        return "layer_norm" in [part.strip() for part in self.norm_rel_ebd.lower().split("|")]

    @property
    def _kinds(self) -> list[str]:
        return [kind for kind in _KINDS if kind in self.pos_att_type]

    @classmethod
    def read(cls, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of the fields; a list of kinds of scores is one text."""
        values = super().read(config)
        values.setdefault("embedding_size", values.get("hidden_size", cls.hidden_size))
        kinds = values.get("pos_att_type", "")
        if kinds is None or isinstance(kinds, list):
            values["pos_att_type"] = "|".join(map(str, kinds or ()))
        return values

    @classmethod
    def refuse(cls, config: Mapping[str, Any], folder: Path) -> None:
        """Refuse sizes and groups that published checkpoints do not have."""
        super().refuse(config, folder)
        width = config.get("hidden_size", cls.hidden_size)
        heads = config.get("num_attention_heads", cls.num_attention_heads)
        usual = {"conv_groups": 1, "pooler_hidden_size": width}
        if type(width) is type(heads) is int and heads:
            usual["attention_head_size"] = width // heads
        for key, value in usual.items():
            if config.get(key, value) != value:
                raise InputError(
                    f"{key} is {value_text(config[key])}, and only {value} is supported",
                    where=f"{key} in {folder / 'config.json'}",
                    remedy="model=deberta_v3_base, or another checkpoint like it",
                )

    def problems(self) -> Iterator[str]:
        """Yield what is wrong with values that do not fit one another."""
        yield from super().problems()
        if self.position_buckets == 1:
            yield "position_buckets is 1, which tells no distances apart"
            return
        if self.position_buckets > 0 and self.farthest - 1 <= self.position_buckets // 2:
            yield f"{self.position_buckets} buckets are too many for {self.farthest} distances"
        if self.conv_kernel_size and self.conv_kernel_size % 2 == 0:
            yield f"conv_kernel_size is {self.conv_kernel_size}, which is not odd"

    def parameters(self) -> Iterator[Parameter]:
        """Yield the parameters of the encoder."""
        width = self.hidden_size
        yield from super().parameters()
        if self.relative_attention:
            yield from placed("deberta.encoder", 0, table("rel_embeddings", 2 * self.span, width))
        if self._has_normed_distances:
            yield from placed("deberta.encoder", 0, norm("LayerNorm", width))
        if self.conv_kernel_size:
            kernel, bias = linear("conv", width, width)
            kernel = replace(kernel, shape=(width, width, self.conv_kernel_size))
            beside = (kernel, bias, *norm("LayerNorm", width))
            yield from placed("deberta.encoder.conv", 1, beside)

    def _embedding_parameters(self) -> Iterator[Parameter]:
        narrow, width = self.embedding_size, self.hidden_size
        yield from token_table("word_embeddings", self.vocab_size, narrow)
        if self.position_biased_input:
            yield from table("position_embeddings", self.max_position_embeddings, narrow)
        if self.type_vocab_size:
            yield from table("token_type_embeddings", self.type_vocab_size, narrow)
        if narrow != width:
            yield from linear("embed_proj", narrow, width, bias=False)
        yield from norm("LayerNorm", width)

    def _layer_parameters(self) -> Iterator[Parameter]:
        width = self.hidden_size
        places = {"c2p": "pos_key_proj", "p2c": "pos_query_proj"}
        own = self.relative_attention and not self.share_att_key
        projections = [places[kind] for kind in self._kinds] if own else []
        for part in ("query_proj", "key_proj", "value_proj", *projections):
            yield from linear(f"attention.self.{part}", width, width)
        yield from linear("attention.output.dense", width, width)
        yield from norm("attention.output.LayerNorm", width)
        yield from linear("intermediate.dense", width, self.intermediate_size)
        yield from linear("output.dense", self.intermediate_size, width)
        yield from norm("output.LayerNorm", width)

    @property
    def pooler(self) -> tuple[Parameter, ...]:
        """Dense layer above the first token, which only fine-tuned checkpoints have."""
        dense = linear("pooler.dense", self.hidden_size, self.hidden_size)
        above = self.num_hidden_layers + 1
        return tuple(placed("", above, dense, Origin.CHECKPOINT_OR_NEW))

    def encode(self, inputs: Inputs, weights: Weights, forward: Forward) -> Tensor:
        """Return the hidden states after the last layer."""
        encoder = weights.at("deberta.encoder")
        x = embedded = self._embed(inputs, weights.at("deberta"), forward)
        distances = self._distances(encoder, forward)
        bias = layers.padding_bias(inputs)
        for number in range(self.num_hidden_layers):
            layer = partial(
                self._layer, weights=encoder.at(f"layer.{number}"), bias=bias, forward=forward
            )
            x = forward.layer(layer, x, *distances)
            if number == 0 and self.conv_kernel_size:
                x = self._with_convolution(x, embedded, inputs, encoder.at("conv"), forward)
        return x

    def _embed(self, inputs: Inputs, encoder: Weights, forward: Forward) -> Tensor:
        weights = encoder.at("embeddings")
        x = layers.embedded(inputs.ids, weights.at("word_embeddings"), forward)
        if self.position_biased_input:
            places = layers.positions(inputs)
            x += layers.embedded(places, weights.at("position_embeddings"), forward)
        if self.type_vocab_size:
            x += layers.embedded(inputs.types, weights.at("token_type_embeddings"), forward)
        if self.embedding_size != self.hidden_size:
            x = layers.linear(x, weights.at("embed_proj"))
        return forward.drop(layers.layer_norm(x, weights.at("LayerNorm"), self.layer_norm_eps))

    def _distances(self, encoder: Weights, forward: Forward) -> list[Tensor]:
        """Embeddings of the distances [2 * span, width], the farthest key ahead first."""
        import tensorflow as tf

        if not self.relative_attention:
            return []
        rows = tf.convert_to_tensor(encoder["rel_embeddings.weight"])
        if self._has_normed_distances:
            rows = layers.layer_norm(rows, encoder.at("LayerNorm"), self.layer_norm_eps)
        return [tf.cast(rows, forward.dtype)]

    # The distances have a gradient, so they are an input.
    def _layer(
        self, x: Tensor, *distances: Tensor, weights: Weights, bias: Tensor, forward: Forward
    ) -> Tensor:
        import tensorflow as tf

        attention, heads = weights.at("attention"), self.num_attention_heads
        queries, keys, values = (
            layers.split_heads(layers.linear(x, attention.at(f"self.{part}_proj")), heads)
            for part in ("query", "key", "value")
        )
        scale = (queries.shape[-1] * (1 + len(self._kinds))) ** -0.5
        queries *= scale
        scores = tf.matmul(queries, keys, transpose_b=True)
        for rows in distances:
            scores += self._distance_scores(
                queries, keys, forward.drop(rows), attention.at("self"), scale
            )
        mixed = layers.attended(tf.cast(scores, tf.float32) + bias, values, forward)
        x += forward.drop(layers.linear(mixed, attention.at("output.dense")))
        x = layers.layer_norm(x, attention.at("output.LayerNorm"), self.layer_norm_eps)
        return self._feed_forward(x, weights, forward)

    def _distance_scores(
        self, queries: Tensor, keys: Tensor, rows: Tensor, weights: Weights, scale: float
    ) -> Tensor:
        """Scores of relative positions [rows, heads, queries, keys]; the queries are scaled."""
        import tensorflow as tf

        tokens, most = tf.shape(queries)[2], self.max_positions
        numbers = tf.constant([self.row(most - 1 - n) for n in range(2 * most - 1)])
        # One row for each distance of a query from a key, from tokens - 1 down to 1 - tokens.
        # Shapes for XLA may be longer than any text: what is beyond is masked.
        places = tf.clip_by_value(most - tokens + tf.range(2 * tokens - 1), 0, 2 * most - 2)
        rows = tf.gather(rows, tf.gather(numbers, places))[tf.newaxis]
        place = "{}_proj" if self.share_att_key else "pos_{}_proj"

        def projected(part: str, rows: Tensor, factor: float) -> Tensor:
            x = factor * layers.linear(rows, weights.at(place.format(part)))
            # A product that broadcasts corrupts memory in TensorFlow 2.21 (its issue 123109).
            copies = [tf.shape(queries)[0], 1, 1, 1]
            return tf.tile(layers.split_heads(x, self.num_attention_heads), copies)

        scores = tf.zeros([], queries.dtype)
        if "c2p" in self._kinds:
            scores += _aligned(tf.matmul(queries, projected("key", rows, 1.0), transpose_b=True))
        if "p2c" in self._kinds:
            reverse = projected("query", tf.reverse(rows, axis=[1]), scale)
            of_keys = _aligned(tf.matmul(keys, reverse, transpose_b=True))
            scores += tf.linalg.matrix_transpose(of_keys)
        return scores

    def row(self, distance: int) -> int:
        """Return the row of the embeddings for a query `distance` tokens after its key."""
        middle, far = self.position_buckets // 2, abs(distance)
        if self.position_buckets > 0 and far > middle:
            share = math.log(far / middle) / math.log((self.farthest - 1) / middle)
            far = middle + math.ceil(share * (middle - 1))
        row = self.span + (far if distance > 0 else -far)
        return max(0, min(row, 2 * self.span - 1))

    def _with_convolution(
        self, x: Tensor, embedded: Tensor, inputs: Inputs, weights: Weights, forward: Forward
    ) -> Tensor:
        """The first layer's output, to which neighbours in the embeddings are added."""
        import tensorflow as tf

        size, width, tokens = self.conv_kernel_size, self.hidden_size, tf.shape(inputs.ids)[1]
        real = tf.sequence_mask(inputs.lengths, tokens, dtype=x.dtype)[:, :, tf.newaxis]
        padded = tf.pad(embedded * real, [[0, 0], [size // 2, size // 2], [0, 0]])
        windows = tf.concat([padded[:, n : n + tokens] for n in range(size)], axis=-1)
        kernel = tf.transpose(weights["conv.weight"], [0, 2, 1])
        dense = {"weight": tf.reshape(kernel, [width, size * width]), "bias": weights["conv.bias"]}
        added = forward.drop(layers.linear(windows, Weights(dense)) * real)
        x += ACTIVATIONS[self.conv_act](added)
        return layers.layer_norm(x, weights.at("LayerNorm"), self.layer_norm_eps)

    def sequence_classifier(self, labels: int) -> Head:
        """Return a dense layer above the pooler."""
        above = self.num_hidden_layers + 1
        new = placed("", above, linear("classifier", self.hidden_size, labels), Origin.NEW)

        def apply(hidden: Tensor, _: Inputs, weights: Weights, forward: Forward) -> Tensor:
            import tensorflow as tf

            pooled = layers.linear(forward.drop(hidden[:, 0]), weights.at("pooler.dense"))
            pooled = forward.drop(ACTIVATIONS[self.pooler_hidden_act](pooled))
            return layers.linear(tf.cast(pooled, tf.float32), weights.at("classifier"))

        return Head(
            class_name=self.class_name(HeadKind.SEQUENCE),
            parameters=(*self.pooler, *new),
            apply=apply,
        )


def _aligned(scores: Tensor) -> Tensor:
    """Scores of tokens for distances as scores of tokens for tokens (Dai 2019).

    Args:
        scores: Tensor [..., tokens, 2 * tokens - 1]; column `c` of row `r` belongs to the token
            `r + c + 1 - tokens`.

    Returns:
        Tensor [..., tokens, tokens].
    """
    import tensorflow as tf

    rows, heads, tokens = tf.unstack(tf.shape(scores)[:3])
    wide = 2 * tokens - 1
    flat = tf.reshape(tf.pad(scores, [[0, 0], [0, 0], [0, 0], [0, 1]]), [rows, heads, -1])
    shifted = flat[:, :, tokens - 1 : tokens - 1 + tokens * wide]
    return tf.reshape(shifted, [rows, heads, tokens, wide])[..., :tokens]
