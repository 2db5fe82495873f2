"""Tokenised rows as flat arrays, on disk or in memory, and padded batches of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class TokenizedSplit:
    """The rows of one split; the arrays may be mapped from files and are never written to.

    Rows are in a random order in which every stretch has about the label shares of the whole.
    """

    ids: NDArray[np.int32]
    """Token ids of all rows, one row after another; shape [tokens]."""
    type_ids: NDArray[np.uint8]
    """Segment of each token; shape [tokens]."""
    offsets: NDArray[np.int64]
    """Offsets of rows: row i is tokens offsets[i] up to offsets[i + 1]; shape [rows + 1]."""
    labels: NDArray[np.int32]
    """Number of each row's label; shape [rows]."""
    max_length: int
    """Number of tokens that no row exceeds."""
    pad_id: int
    """Token id of padding."""

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.labels)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of tokens of each row; shape [rows]."""
        return np.diff(self.offsets)

    def pad(
        self, rows: Sequence[int] | NDArray[np.integer], length_multiple: int = 1
    ) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]:
        """Return a batch, padded to its longest row.

        Args:
            rows: Indices of the rows.
            length_multiple: Number to a multiple of which the padded length is rounded up, but
                never above `max_length`.

        Returns:
            Token ids and type ids, shape [len(rows), length], and the number of tokens of each
            row, shape [len(rows)]. Padding has `pad_id` and type 0.
        """
        index = np.asarray(rows, np.int64)
        starts = self.offsets[index]
        lengths = self.offsets[index + 1] - starts
        longest = max(1, int(lengths.max(initial=0)))
        rounded = -(-longest // length_multiple) * length_multiple
        length = max(longest, min(rounded, self.max_length))
        columns = np.arange(length)
        filled = columns < lengths[:, None]
        source = (starts[:, None] + columns)[filled]
        token_ids = np.full(filled.shape, self.pad_id, np.int32)
        token_ids[filled] = self.ids[source]
        type_ids = np.zeros(filled.shape, np.int32)
        type_ids[filled] = self.type_ids[source]
        return token_ids, type_ids, lengths
