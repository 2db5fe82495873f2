"""The classifier: a checkpoint's encoder and that architecture's own Hugging Face head."""

import math
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tuner.checkpoints import CheckpointInfo
from tuner.encoders import Draw, Forward, Inputs, Parameter, Weights
from tuner.tasks import HeadKind
from tuner.training.checkpoint_weights import TensorReader
from tuner.training.dropout import DropoutState
from tuner.training.vocabulary import FACTOR, IDS, Vocabulary

_HEAD_STREAM = 1
"""Keeps the head's random numbers apart from those of the batches (see batches.py)."""

_REINIT_STREAM = 2
"""Likewise for layers that are drawn anew."""

_HASH_STREAM = 3
"""Likewise for the factors of `weight_hash`."""


class Classifier:
    """An encoder with a classification head, and the way back to its first state.

    Attributes:
        family: The encoder.
        head: Head above it.
        labels: Number of labels.
        precision: Name of the Keras dtype policy.
        dropout: State of all dropout layers.
        parameters: Description of each variable.
        variables: Keras variables, encoder first.
        saved_bytes: Size of the weights as they are saved: in float32, with the whole vocabulary.
    """

    def __init__(
        self,
        checkpoint: CheckpointInfo,
        labels: int,
        precision: str = "float32",
        *,
        head: HeadKind = HeadKind.SEQUENCE,
        rematerialize: bool = False,
        vocabulary: Vocabulary | None = None,
    ) -> None:
        """Build the model; the head is zero until `reset`.

        Args:
            checkpoint: Checkpoint with encoder and weights.
            labels: Number of labels.
            precision: `float32`, `mixed_bfloat16` or `mixed_float16`.
            head: Kind of its head.
            rematerialize: The layers' activations are computed again in the backward pass.
            vocabulary: The only token ids that it will meet; None for all.
        """
        self.family = checkpoint.family
        self.head = self.family.head(head, labels)
        self.labels = labels
        self.precision = precision
        self.dropout = DropoutState()
        self._dtype = precision.removeprefix("mixed_")
        self._rematerialize = rematerialize
        whole = [*self.family.parameters(), *self.head.parameters]
        self.saved_bytes = 4 * sum(math.prod(each.shape) for each in whole)
        self._tables = {} if vocabulary is None else vocabulary.tables(whole)
        self._weight_files = checkpoint.weight_files
        self.parameters: list[Parameter] = []
        self.variables: list[Any] = []
        self._new: set[str] = set()
        for each, value in self._first_values(whole):
            if value is None:
                self._new.add(each.name)
            first = np.zeros(each.shape, np.float32) if value is None else value
            self.parameters.append(each)
            self.variables.append(keras.Variable(first, dtype="float32", name=each.name))
        self._places = {
            f"{table.place}.places": tf.Variable(table.places, trainable=False)
            for table in self._tables.values()
        }
        # On the device, so that neither a trial's begin nor a point's figures move the weights.
        self._snapshot = [tf.identity(v) for v in self.variables]
        self._drawn: set[str] = set()
        self._squares: Any = tf.function(self._trace_squares, input_signature=[], autograph=False)
        self._hash: Any = tf.function(self._trace_hash, input_signature=[], autograph=False)

    def _first_values(
        self, whole: Iterable[Parameter]
    ) -> Iterator[tuple[Parameter, NDArray[np.float32] | None]]:
        """Yield each parameter that is trained, and the checkpoint's values; None for new ones."""
        reader = self._reader()
        for each in whole:
            if each.name in self._tables:
                table = self._tables[each.name]
                yield from zip(table.parameters, table.split(reader[each.name]), strict=True)
            else:
                yield each, reader.first_value(each)

    def _reader(self) -> TensorReader:
        """Tensors of the checkpoint; what was read of an open file stays in memory."""
        return TensorReader(self.family, self._weight_files)

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """Return the present weights by name, all rows of the token embedding among them."""
        tensors = {variable.name: variable.numpy() for variable in self.variables}
        for name, table in self._tables.items():
            rows, norm = (tensors.pop(each.name) for each in table.parameters)
            tensors[name] = table.join(self._reader()[name], rows, norm)
        return tensors

    def with_first_values(self) -> Iterator[tuple[Parameter, Any, tf.Tensor]]:
        """Yield each parameter with its variable and the value that this was built with."""
        yield from zip(self.parameters, self.variables, self._snapshot, strict=True)

    def changes(self) -> dict[str, NDArray[Any]]:
        """Return the weights that differ from those that the model was built with, by name.

        Of a token embedding that is trained in part these are the rows that occur, their numbers
        as `NAME.ids`, and the factor of all others as `NAME.factor`.
        """
        pairs = {each.name: (now, first) for each, now, first in self.with_first_values()}
        changed = {}
        for name, table in self._tables.items():
            rows, norm = (pairs.pop(each.name) for each in table.parameters)
            if _differ(rows) or _differ(norm):
                factor = table.factor(norm[1].numpy(), norm[0].numpy())
                changed[name] = rows[0].numpy()
                changed |= {f"{name}{IDS}": table.ids, f"{name}{FACTOR}": np.asarray(factor)}
        return changed | {name: pair[0].numpy() for name, pair in pairs.items() if _differ(pair)}

    @property
    def values(self) -> list[tf.Variable]:
        """The TensorFlow variables behind `variables`, float32 whatever the precision."""
        return [v.value for v in self.variables]

    def reset(self, seed: int, dropout: float, reinit_layers: int = 0) -> None:
        """Restore every weight of the checkpoint, draw a new head and restart dropout.

        Args:
            seed: The trial's; decides head, layers drawn anew and dropout masks.
            dropout: Rate of all dropout layers.
            reinit_layers: So many last layers, and the pooler, are drawn anew (Zhang 2021).
        """
        for variable, value in zip(self.variables, self._snapshot, strict=True):
            variable.assign(value)
        self._drawn = set(self._new)
        for number in range(reinit_layers + 1 if reinit_layers else 0):
            depth = self.family.shape.layers + 1 - number
            drawn = {each.name for each in self.parameters if each.depth == depth}
            self._draw(drawn, np.random.default_rng([seed, _REINIT_STREAM, depth]))
            self._drawn |= drawn
        self._draw(self._new, np.random.default_rng([seed, _HEAD_STREAM]))
        self.dropout.reset(dropout, seed)

    def _draw(self, names: Collection[str], random: np.random.Generator) -> None:
        """Draw new values of parameters as in pre-training."""
        for parameter, variable in zip(self.parameters, self.variables, strict=True):
            if parameter.name not in names:
                continue
            if parameter.draw is Draw.NORMAL:
                variable.assign(_normal(parameter, random))
            else:
                fill = 1.0 if parameter.draw is Draw.ONES else 0.0
                variable.assign(np.full(parameter.shape, fill, np.float32))

    def weight_change(self) -> float:
        """Distance of the encoder's weights from the checkpoint's, as a share of their norm.

        Weights that were drawn anew are left out; NaN where a weight is NaN.
        """
        kept = [each.name not in self._drawn for each in self.parameters]
        moved, norm = self._squares().numpy()[:, kept].sum(axis=1, dtype=np.float64).tolist()
        return math.sqrt(moved / norm) if norm else 0.0

    def _trace_squares(self) -> tf.Tensor:
        """Squared distance of each weight from the checkpoint's, and squared norm of that one."""
        pairs = list(zip(self.variables, self._snapshot, strict=True))
        moved = [2.0 * tf.nn.l2_loss(variable - start) for variable, start in pairs]
        return tf.stack([tf.stack(moved), tf.stack([2.0 * tf.nn.l2_loss(s) for _, s in pairs])])

    def weight_hash(self) -> str:
        """Hash of the bits of all weights, 16 hexadecimal digits; the same on every device.

        It tells a changed weight or place, not a forger: a sum modulo 2^64 of the bits, each
        multiplied by a number of its place.
        """
        return f"{int(self._hash()) & (2**64 - 1):016x}"

    def _trace_hash(self) -> tf.Tensor:
        total = tf.zeros([], tf.int64)
        for number, variable in enumerate(self.values, start=1):
            count = math.prod(variable.shape)
            shape = _near_square(count)
            # As floats, since TensorFlow keeps int32 off the GPU.
            flat = tf.pad(tf.reshape(variable, [-1]), [[0, math.prod(shape) - count]])
            table = tf.cast(tf.bitcast(tf.reshape(flat, shape), tf.int32), tf.int64)
            rows = tf.reduce_sum(table * _factors(shape[1], 2 * number), axis=1)
            total += tf.reduce_sum(rows * _factors(shape[0], 2 * number + 1))
        return total

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
            Outputs of the head, float32 [rows, outputs] or [rows, tokens, outputs].
        """
        if training:
            self.dropout.begin_forward()
        forward = Forward(
            dtype=self._dtype,
            dropout=self.dropout if training else None,
            rematerialize=self._rematerialize,
        )
        names = (each.name for each in self.parameters)
        weights = Weights([*zip(names, self.values, strict=True), *self._places.items()])
        inputs = Inputs(ids=ids, types=types, lengths=lengths)
        hidden = self.family.encode(inputs, weights, forward)
        return self.head.apply(hidden, inputs, weights, forward)


def _differ(pair: tuple[Any, tf.Tensor]) -> bool:
    """Return True if a variable has other values than it began with."""
    variable, first = pair
    return not np.array_equal(variable.numpy(), first.numpy())


def _normal(parameter: Parameter, random: np.random.Generator) -> NDArray[np.float32]:
    """First values of a parameter; those beyond its cutoff are drawn again."""
    values = random.normal(0.0, parameter.spread, parameter.shape)
    limit = math.inf if parameter.cutoff is None else parameter.cutoff * parameter.spread
    while np.any(beyond := np.abs(values) > limit):
        values[beyond] = random.normal(0.0, parameter.spread, np.count_nonzero(beyond))
    return values.astype(np.float32)


def _near_square(count: int) -> tuple[int, int]:
    """Rows and columns of a table with room for so many numbers."""
    columns = math.isqrt(max(count - 1, 0)) + 1
    return -(-count // columns), columns


def _factors(count: int, stream: int) -> np.ndarray:
    """Odd numbers, int64; the same in every process."""
    random = np.random.default_rng([_HASH_STREAM, stream])
    return random.integers(-(2**63), 2**63, count, np.int64) | 1
