"""Training of the token embeddings that occur, with the result of training all of them.

A row that no text uses has a zero gradient in every update. Under an optimizer that works number
by number only weight decay moves it, by the same factor as all other such rows. So the rows that
occur are trained, and one number in place of all others: their norm. It has the layer, the rate,
the decay and the moving average of the table, and its distance from its first value is that of
the rows; their values follow from it whenever the whole table is wanted.
"""

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.data import PreparedData
from tuner.encoders import Origin, Parameter
from tuner.settings.settings import TrialSettings

FILLER = 0
"""Token id with which stacks of micro-batches are filled up."""

IDS, FACTOR = ".ids", ".factor"
"""After a token embedding's name: numbers of its rows that occur, and factor of all others."""


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The token ids that can occur in a trial."""

    given: NDArray[np.integer[Any]]
    """Token ids of training and validation rows and of padding."""

    @cached_property
    def ids(self) -> NDArray[np.int64]:
        """The ids, ascending; `FILLER` is among them."""
        return np.union1d(self.given, [FILLER]).astype(np.int64)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the ids."""
        return hashlib.sha256(self.ids.tobytes()).hexdigest()

    def tables(self, parameters: Iterable[Parameter]) -> dict[str, "CompactTable"]:
        """Return the tables of a model that are trained in part, by name."""
        return {
            each.name: CompactTable(each, self.ids)
            for each in parameters
            if each.of_tokens and each.origin is Origin.CHECKPOINT
        }


@dataclass(frozen=True, eq=False)
class CompactTable:
    """A token embedding of which the rows that occur are trained."""

    whole: Parameter
    """The embedding in the checkpoint."""

    ids: NDArray[np.int64]
    """Numbers of the rows that occur, ascending."""

    @property
    def place(self) -> str:
        """Name of the embedding without its last part."""
        return self.whole.name.rpartition(".")[0]

    @property
    def parameters(self) -> tuple[Parameter, Parameter]:
        """The rows that occur, and the norm of all others."""
        rows = replace(self.whole, shape=(len(self.ids), *self.whole.shape[1:]))
        return rows, replace(self.whole, name=f"{self.place}.other_rows", shape=())

    @property
    def places(self) -> NDArray[np.int64]:
        """Place of each token's row among those that occur; outside of them where it has none."""
        places = np.full(self.whole.shape[0], len(self.ids), np.int64)
        places[self.ids] = np.arange(len(self.ids))
        return places

    def split(self, table: NDArray[np.float32]) -> tuple[NDArray[np.float32], np.float32]:
        """Return the values of `parameters` for a whole table."""
        squares = np.einsum("rw,rw->r", table, table, dtype=np.float64)
        squares[self.ids] = 0.0
        return table[self.ids], np.float32(math.sqrt(squares.sum()))

    def join(
        self, first: NDArray[np.float32], rows: NDArray[np.float32], norm: np.float32
    ) -> NDArray[np.float32]:
        """Return the whole table that training all of it would have led to.

        Args:
            first: The table before training.
            rows: The rows that occur.
            norm: Norm of all others.
        """
        return whole_table(first, self.ids, rows, self.factor(self.split(first)[1], norm))

    @staticmethod
    def factor(begun: np.float32, norm: np.float32) -> np.float32:
        """Return what all rows that do not occur have been multiplied by.

        Args:
            begun: Norm of these rows before training.
            norm: Their norm now.
        """
        return np.float32(norm / begun) if begun else np.float32(1.0)


def whole_table(
    first: NDArray[np.float32],
    ids: NDArray[np.integer[Any]],
    rows: NDArray[np.float32],
    factor: np.float32,
) -> NDArray[np.float32]:
    """Return a token embedding of which some rows were trained.

    Args:
        first: The table before training.
        ids: Numbers of these rows.
        rows: Their values.
        factor: Factor of all other rows.
    """
    table = first * factor
    table[ids] = rows
    return table


def trained_vocabulary(settings: TrialSettings, data: PreparedData) -> Vocabulary | None:
    """Return the token ids whose rows a trial trains; None: all, where rows affect each other."""
    return Vocabulary(data.vocabulary) if settings.optimizer.elementwise else None
