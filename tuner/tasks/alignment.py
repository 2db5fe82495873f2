"""Examples beside the tokens of their inputs, by which a task reads outputs of a model."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

Array = Any
"""Array of NumPy, which this module does not import."""


@dataclass(frozen=True, kw_only=True)
class Aligned:
    """Some examples, the tokens of all their inputs one after another, and what tokens stand for.

    The form of a task's input decides what its tokens stand for; see `tuner.data.forms`.
    """

    inputs: Array
    """Offsets of inputs: example i has inputs inputs[i] up to inputs[i + 1]; shape
    (examples + 1,)."""

    offsets: Array
    """Offsets of tokens: input i has tokens offsets[i] up to offsets[i + 1]; shape
    (inputs + 1,)."""

    places: Array
    """Part of its example that each token stands for, shape (tokens, ...). Of words: index of the
    word that a token begins; -1 for further tokens of a word, for special ones, and where another
    window has the word. Of a context: characters before the token and up to its end; -1 for
    tokens of the question and special ones."""

    texts: Sequence[Any]
    """First part of each example: its words, or its question."""

    pairs: Sequence[Any] | None = None
    """Second part of each example: its context."""

    targets: Sequence[Any] = ()
    """Plain target of each example, see `Task.read`; empty where it is to be predicted."""

    names: tuple[str, ...] = ()
    """Names of the outputs; empty where nothing is scored."""

    spans: Sequence[Sequence[tuple[int, int]]] = ()
    """Characters before each word and up to its end, of each example; empty where nothing is to
    be predicted from a text."""

    def __len__(self) -> int:
        """Number of examples."""
        return len(self.texts)

    @property
    def token_offsets(self) -> Array:
        """Example i has tokens token_offsets[i] up to token_offsets[i + 1]."""
        return self.offsets[self.inputs]

    def with_targets(self, targets: Sequence[Any], names: tuple[str, ...]) -> "Aligned":
        """Return the same examples with targets, by these names of the outputs."""
        return replace(self, targets=targets, names=names)
