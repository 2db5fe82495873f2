"""The classifier: a checkpoint's encoder and that architecture's own Hugging Face head."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tuner.checkpoints import CheckpointInfo
from tuner.training.checkpoint_weights import load_encoder, sublayers
from tuner.training.dropout import DropoutState, SteeredDropout, steer
from tuner.training.layers import depth
from tuner.training.rematerialize import rematerialize as make_rematerialized

INITIALIZER_RANGE = 0.02
"""Standard deviation of new weights, `initializer_range` of all supported architectures."""

_HEAD_STREAM = 1
"""Keeps the head's random numbers apart from those of the batches (see batches.py)."""

_REINIT_STREAM = 2
"""Likewise for layers that are drawn anew."""


class Classifier:
    """An encoder with a classification head, and the way back to its first state.

    Attributes:
        backbone: The encoder, a keras-hub model.
        head: The layers between its output and the logits.
        model_type: As config.json has it.
        labels: Number of labels.
        precision: Name of the Keras dtype policy.
        dropout: State of all dropout layers.
        variables: Trainable Keras variables, encoder first.
        layers: Transformer layers of the encoder.
        depths: Of each variable, see `layers.depth`.
        uses_types: Whether token type ids mean anything to this architecture.
    """

    def __init__(
        self,
        checkpoint: CheckpointInfo,
        labels: int,
        precision: str = "float32",
        *,
        rematerialize: bool = False,
    ) -> None:
        """Builds the model; the head is zero until `reset`.

        Args:
            checkpoint: Where encoder and weights come from.
            labels: Number of labels.
            precision: `float32`, `mixed_bfloat16` or `mixed_float16`.
            rematerialize: The layers' activations are computed again in the backward pass.

        Raises:
            InputError: The checkpoint is not usable.
        """
        encoder = load_encoder(checkpoint, precision)
        self.backbone = encoder.backbone
        self.model_type = checkpoint.model_type
        self.labels = labels
        self.precision = precision
        self.dropout = DropoutState()
        self.uses_types = "segment_ids" in self.backbone.input
        steer(sublayers(self.backbone), self.dropout)
        if rematerialize:
            make_rematerialized(sublayers(self.backbone), self.dropout)
        self.head = _make_head(self.model_type, self.backbone, labels, precision, self.dropout)
        head = [v for layer in self.head for v in layer.trainable_variables]
        self._new = [*encoder.untrained, *head]
        self.variables: list[Any] = [*self.backbone.trainable_variables, *head]
        self.layers = checkpoint.layers
        self.depths = [depth(v.path, self.layers) for v in self.variables]
        # On the device, so that neither a trial's begin nor a point's figures move the weights.
        self._snapshot = [tf.identity(v) for v in self.variables]
        self._drawn: set[int] = set()
        self._squares: Any = tf.function(self._trace_squares, input_signature=[], autograph=False)

    @property
    def values(self) -> list[tf.Variable]:
        """The TensorFlow variables behind `variables`, float32 whatever the precision."""
        return [v.value for v in self.variables]

    def reset(self, seed: int, dropout: float, reinit_layers: int = 0) -> None:
        """Puts back every weight of the checkpoint, draws a new head and restarts dropout.

        Args:
            seed: The trial's; decides head, layers drawn anew and dropout masks.
            dropout: Rate of all dropout layers.
            reinit_layers: So many last layers, and the pooler, are drawn anew (Zhang 2021).
        """
        for variable, value in zip(self.variables, self._snapshot, strict=True):
            variable.assign(value)
        self._drawn = {id(v) for v in self._new}
        for number in range(reinit_layers + 1 if reinit_layers else 0):
            place = self.layers + 1 - number
            drawn = [v for v, d in zip(self.variables, self.depths, strict=True) if d == place]
            _draw(drawn, np.random.default_rng([seed, _REINIT_STREAM, place]))
            self._drawn |= {id(v) for v in drawn}
        _draw(self._new, np.random.default_rng([seed, _HEAD_STREAM]))
        self.dropout.reset(dropout, seed)

    def weight_change(self) -> float:
        """Distance of the encoder's weights from the checkpoint's, as a share of their norm.

        Weights that were drawn anew are left out; NaN where a weight is NaN.
        """
        kept = [id(v) not in self._drawn for v in self.variables]
        moved, norm = self._squares().numpy()[:, kept].sum(axis=1, dtype=np.float64).tolist()
        return math.sqrt(moved / norm) if norm else 0.0

    def _trace_squares(self) -> tf.Tensor:
        """Squared distance of each weight from the checkpoint's, and squared norm of that one."""
        pairs = list(zip(self.variables, self._snapshot, strict=True))
        moved = [2.0 * tf.nn.l2_loss(variable - start) for variable, start in pairs]
        return tf.stack([tf.stack(moved), tf.stack([2.0 * tf.nn.l2_loss(s) for _, s in pairs])])

    def logits(
        self, ids: tf.Tensor, types: tf.Tensor, lengths: tf.Tensor, *, training: bool
    ) -> tf.Tensor:
        """The forward pass.

        Args:
            ids: Token ids, int32 [rows, tokens].
            types: Token type ids, the same shape.
            lengths: Tokens that are no padding, int32 [rows].
            training: With dropout.

        Returns:
            Logits, float32 [rows, labels].
        """
        mask = tf.sequence_mask(lengths, tf.shape(ids)[1], dtype=tf.int32)
        inputs = {"token_ids": ids, "padding_mask": mask}
        if self.uses_types:
            inputs["segment_ids"] = types
        if training:
            self.dropout.begin_forward()
        outputs = self.backbone(inputs, training=training)
        x = outputs["pooled_output"] if isinstance(outputs, dict) else outputs[:, 0, :]
        for layer in self.head:
            x = layer(x, training=training) if isinstance(layer, SteeredDropout) else layer(x)
        return tf.cast(x, tf.float32)


def is_bias_or_norm(variable: Any) -> bool:
    """Whether a variable is a bias or belongs to a layer norm: no weight decay."""
    return str(variable.path).rpartition("/")[2] in ("bias", "beta", "gamma")


def _draw(variables: Sequence[Any], random: np.random.Generator) -> None:
    """New weights as in pre-training: norms pass on, biases are zero, kernels are normal."""
    for variable in variables:
        if is_bias_or_norm(variable):
            fill = 1.0 if str(variable.path).endswith("gamma") else 0.0
            variable.assign(np.full(variable.shape, fill, np.float32))
        else:
            drawn = random.normal(0.0, INITIALIZER_RANGE, variable.shape)
            variable.assign(drawn.astype(np.float32))


def _make_head(
    model_type: str, backbone: Any, labels: int, precision: str, state: DropoutState
) -> Sequence[Any]:
    """The layers between the encoder's output and the logits, as transformers has them."""
    width = int(backbone.hidden_dim)

    def dense(units: int, name: str, activation: str | None, dtype: str) -> Any:
        layer = keras.layers.Dense(
            units, activation=activation, kernel_initializer="zeros", dtype=dtype, name=name
        )
        layer.build((None, width))
        return layer

    def dropout() -> Any:
        layer = keras.layers.Dropout(0.1, dtype=precision)
        steer([layer], state)
        return layer

    out = dense(labels, "classifier", None, "float32")
    if model_type in ("roberta", "xlm-roberta"):
        return [dropout(), dense(width, "head_dense", "tanh", precision), dropout(), out]
    if model_type == "distilbert":
        return [dense(width, "pre_classifier", "relu", precision), dropout(), out]
    return [dropout(), out]
