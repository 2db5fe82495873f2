"""Tokenised examples as flat arrays, on disk or in memory, and padded batches of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.data.examples import Examples
from tuner.tasks import Aligned, TargetSpec

Integers = NDArray[np.integer]

ONE_EACH = TargetSpec()
"""A label number for each input."""


@dataclass(frozen=True, kw_only=True)
class TokenizedSplit:
    """The examples of one split; the arrays may be mapped from files and are never written to.

    An example has one input, a sequence of tokens, or several: windows of a long text, or one for
    each choice. A training row is an example with choices, or else an input. Examples are in a
    random order in which every stretch has about the label shares of the whole.
    """

    ids: NDArray[np.int32]
    """Token ids of all inputs, one input after another; shape [tokens]."""
    type_ids: NDArray[np.uint8]
    """Segment of each token; shape [tokens]."""
    offsets: NDArray[np.int64]
    """Offsets of inputs: input i is tokens offsets[i] up to offsets[i + 1]; shape [inputs + 1]."""
    labels: NDArray[Any]
    """Target of each training row, or of each token (see `TargetSpec.per_token`)."""
    max_length: int
    """Number of tokens that no input exceeds."""
    pad_id: int
    """Token id of padding."""
    spec: TargetSpec = ONE_EACH
    """Shape and type of the targets."""
    inputs: NDArray[np.int64] | None = None
    """Offsets of examples: example i is inputs inputs[i] up to inputs[i + 1]; None: one each."""
    places: NDArray[np.int32] | None = None
    """Part of its example that each token stands for, see `Aligned.places`; None: not known."""
    examples: Examples | None = None
    """Examples as they were read, where they are scored by more than `labels`."""
    names: tuple[str, ...] = ()
    """Names of the outputs, where examples are scored by more than `labels`."""
    spans: tuple[tuple[tuple[int, int], ...], ...] = ()
    """Characters of the words of each example, see `Aligned.spans`; empty in training."""

    def __len__(self) -> int:
        """Number of examples."""
        return len(self.offsets if self.inputs is None else self.inputs) - 1

    @property
    def rows(self) -> int:
        """Number of training rows."""
        return (len(self.offsets) - 1) // self.spec.inputs

    @property
    def rows_each(self) -> float:
        """Training rows that an example has on average: its windows."""
        return self.rows / len(self)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of tokens of each input; shape [inputs]."""
        return np.diff(self.offsets)

    @property
    def row_lengths(self) -> NDArray[np.int64]:
        """Number of tokens of the longest input of each training row; shape [rows]."""
        lengths, together = self.lengths, self.spec.inputs
        return lengths if together == 1 else lengths.reshape(-1, together).max(axis=1)

    @property
    def strata(self) -> Any:
        """Targets of the examples, by which `Task.strata` groups them."""
        return self.labels if self.examples is None else self.examples.targets

    def inputs_of(self, examples: Integers) -> Integers:
        """Return the inputs of some examples, one example after another."""
        return examples if self.inputs is None else within(self.inputs, examples)

    def truth(self, examples: Integers) -> Any:
        """Return what the task scores outputs of some examples by, see `Task.evaluate`."""
        if self.examples is None or self.places is None:
            return self.labels[examples]
        rows = examples.tolist()
        inputs = self.inputs_of(examples)
        found = self.examples.take(rows)
        counts = np.ones(len(rows), np.int64)
        if self.inputs is not None:
            counts = np.diff(self.inputs)[examples]
        return Aligned(
            inputs=offsets_of(counts),
            offsets=offsets_of(self.lengths[inputs]),
            places=self.places[within(self.offsets, inputs)],
            texts=found.texts,
            pairs=found.pairs,
            targets=found.targets,
            names=self.names,
            spans=[self.spans[row] for row in rows] if self.spans else (),
        )

    def pad(
        self, inputs: Sequence[int] | Integers, length_multiple: int = 1
    ) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]:
        """Return a batch of inputs, padded to its longest.

        Args:
            inputs: Indices of the inputs.
            length_multiple: Number to a multiple of which the padded length is rounded up, but
                never above `max_length`.

        Returns:
            Token ids and type ids, shape [len(inputs), length], and the number of tokens of each
            input, shape [len(inputs)]. Padding has `pad_id` and type 0.
        """
        index = np.asarray(inputs, np.int64)
        filled, source, lengths = self._layout(index, length_multiple)
        token_ids = np.full(filled.shape, self.pad_id, np.int32)
        token_ids[filled] = self.ids[source]
        type_ids = np.zeros(filled.shape, np.int32)
        type_ids[filled] = self.type_ids[source]
        return token_ids, type_ids, lengths

    def batch(
        self, rows: Integers, length_multiple: int = 1
    ) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64], NDArray[Any]]:
        """Return a batch of training rows with their targets; see `pad`.

        Args:
            rows: Indices of the training rows.
            length_multiple: See `pad`.

        Returns:
            What `pad` gives of all inputs of the rows, and the target of each input, or of each
            token; padding has `TargetSpec.filler`.
        """
        together = self.spec.inputs
        inputs = rows
        if together > 1:
            inputs = (rows[:, np.newaxis] * together + np.arange(together)).reshape(-1)
        padded = self.pad(inputs, length_multiple)
        if not self.spec.per_token:
            of = rows if together == 1 else np.repeat(rows, together)
            return *padded, self.labels[of]
        filled, source, _ = self._layout(inputs, length_multiple)
        targets = np.full(filled.shape, self.spec.filler, self.spec.dtype)
        targets[filled] = self.labels[source]
        return *padded, targets

    def _layout(
        self, index: Integers, length_multiple: int
    ) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64]]:
        """Places of a batch that hold tokens, the tokens that they hold, and their numbers."""
        starts = self.offsets[index]
        lengths = self.offsets[index + 1] - starts
        longest = max(1, int(lengths.max(initial=0)))
        rounded = -(-longest // length_multiple) * length_multiple
        length = max(longest, min(rounded, self.max_length))
        columns = np.arange(length)
        filled = columns < lengths[:, None]
        return filled, (starts[:, None] + columns)[filled], lengths


def offsets_of(counts: Integers) -> NDArray[np.int64]:
    """Return the offsets of groups that follow one another; shape [groups + 1].

    Args:
        counts: Size of each group.
    """
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])


def within(offsets: Integers, groups: Integers) -> NDArray[np.int64]:
    """Return the indices of all that is in some groups, one group after another.

    Args:
        offsets: Group i has offsets[i] up to offsets[i + 1].
        groups: Indices of the groups.
    """
    starts = offsets[groups]
    counts = offsets[groups + 1] - starts
    shift = np.repeat(starts - offsets_of(counts)[:-1], counts)
    return np.arange(len(shift)) + shift
