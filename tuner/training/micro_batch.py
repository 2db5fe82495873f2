"""Rows that go through the model together, one by one or stacked to one shape."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tuner.tasks import TargetSpec

BUCKETS = (16, 32, 48, 64, 96, 128, 192, 256, 384, 512)
"""Tokens that micro-batches are padded to; beyond them multiples of 128."""


@dataclass(frozen=True, kw_only=True)
class MicroBatch:
    """Rows that go through the model together, padded to the longest of them.

    Attributes:
        ids: Token ids, int32 [rows, tokens].
        types: Token type ids, the same shape.
        lengths: Tokens that are no padding, int32 [rows].
        labels: Targets, int32 or float32, see `TargetSpec.array_shape`.
    """

    ids: np.ndarray
    types: np.ndarray
    lengths: np.ndarray
    labels: np.ndarray


class Stack(NamedTuple):
    """Micro-batches in one shape, of one device; rows that fill it up have `TargetSpec.filler`.

    Attributes:
        ids: Token ids, int32 [micro-batches, rows, tokens].
        types: Token type ids, the same shape.
        lengths: Tokens that are no padding, int32 [micro-batches, rows].
        labels: Targets, int32 or float32, see `TargetSpec.array_shape`.
    """

    ids: Any
    types: Any
    lengths: Any
    labels: Any


def pack(stack: Stack, numbers: Sequence[float]) -> np.ndarray:
    """All that an update is made of in one array, for one copy to its device.

    Args:
        stack: Its micro-batches.
        numbers: Float32; every row carries their bits.

    Returns:
        Int64, which TensorFlow keeps on a GPU and int32 it does not,
        [micro-batches, rows, 2 x tokens + 1 + numbers of a target + numbers].
    """
    bits = np.asarray(numbers, np.float32).view(np.int32)
    parts = [
        stack.ids,
        stack.types,
        stack.lengths[..., np.newaxis],
        _bits(stack.labels),
        np.broadcast_to(bits, (*stack.lengths.shape, len(bits))),
    ]
    return np.concatenate(parts, axis=-1).astype(np.int64)


def _bits(targets: Any) -> np.ndarray:
    """Targets as int32 numbers of the same bits, [micro-batches, rows, numbers of a target]."""
    bits: np.ndarray = np.ascontiguousarray(targets).view(np.int32)
    return bits.reshape(*bits.shape[:2], -1)


def bucket(tokens: int) -> int:
    """The length that a micro-batch with so many tokens is padded to."""
    fitting = [size for size in BUCKETS if size >= tokens]
    return fitting[0] if fitting else -(-tokens // 128) * 128


def fill(batches: Sequence[MicroBatch], shape: tuple[int, int, int], spec: TargetSpec) -> Stack:
    """Micro-batches in one shape.

    Args:
        batches: As many as `shape` has room for, or fewer, or none.
        shape: Micro-batches, rows, tokens.
        spec: Shape and type of a target.
    """
    stack = Stack(
        np.zeros(shape, np.int32),
        np.zeros(shape, np.int32),
        np.ones(shape[:2], np.int32),
        np.full(spec.array_shape(shape[:2], shape[2]), spec.filler, spec.dtype),
    )
    for number, batch in enumerate(batches):
        rows, tokens = batch.ids.shape
        stack.ids[number, :rows, :tokens] = batch.ids
        stack.types[number, :rows, :tokens] = batch.types
        stack.lengths[number, :rows] = batch.lengths
        if spec.per_token:
            stack.labels[number, :rows, :tokens] = batch.labels
        else:
            stack.labels[number, :rows] = batch.labels
    return stack
