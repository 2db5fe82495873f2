"""Entities of IOB2 tags, and their precision, recall and F1 (strict, as seqeval counts them)."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tuner.tasks.tags import parsed

Integers = NDArray[np.int64]

_LETTERS = {"": 0, "B": 1, "I": 2}


@dataclass(frozen=True, kw_only=True)
class TagSet:
    """Tags by their numbers."""

    names: tuple[str, ...]
    """IOB2 tags."""

    @cached_property
    def types(self) -> tuple[str, ...]:
        """Types of entities in alphabetical order."""
        return tuple(sorted({kind for _, kind in map(parsed, self.names) if kind}))

    @cached_property
    def letters(self) -> Integers:
        """Letter of each tag: 0 outside, 1 for B, 2 for I and for tags without a letter."""
        found = [(letter, kind) for letter, kind in map(parsed, self.names)]
        return np.array([_LETTERS.get(letter, 2) or 2 * bool(kind) for letter, kind in found])

    @cached_property
    def kinds(self) -> Integers:
        """Index of each tag's type; -1 outside."""
        number = {kind: index for index, kind in enumerate(self.types)}
        return np.array([number.get(kind, -1) for _, kind in map(parsed, self.names)])

    @property
    def outside(self) -> int:
        """Number of the tag outside of every entity."""
        return int((self.letters == 0).argmax())


@dataclass(frozen=True, kw_only=True)
class Entities:
    """Entities in some words, in their order."""

    starts: Integers
    """First word of each."""

    stops: Integers
    """Word after its last one."""

    kinds: Integers
    """Index of its type."""

    @property
    def keys(self) -> set[tuple[int, int, int]]:
        """Start, stop and type of each."""
        columns = (self.starts, self.stops, self.kinds)
        return set(zip(*(column.tolist() for column in columns), strict=True))


def entities(tags: Integers, first: NDArray[np.bool_], known: TagSet) -> Entities:
    """Return the entities of tags: a B, and each I of its type right after.

    An I that goes on nothing is no entity.

    Args:
        tags: Number of each word's tag, of all sentences one after another.
        first: True for the first word of a sentence.
        known: Tags.
    """
    letters, kinds = known.letters[tags], known.kinds[tags]
    goes_on = (letters == 2) & ~first  # noqa: PLR2004
    goes_on[1:] &= (letters[:-1] > 0) & (kinds[1:] == kinds[:-1])
    begins = np.flatnonzero(~goes_on)
    ends = np.append(begins[1:], len(tags))
    kept = letters[begins] == 1
    return Entities(starts=begins[kept], stops=ends[kept], kinds=kinds[begins[kept]])


@dataclass(frozen=True, kw_only=True)
class Matches:
    """Numbers of entities in each sentence and of each type, shape (sentences, types)."""

    right: Integers
    """Predicted entities that are there, with the same words and type."""

    predicted: Integers
    """Predicted entities."""

    true: Integers
    """Entities that are there."""


def matches(
    predicted: Entities, true: Entities, sentence: Integers, sentences: int, types: int
) -> Matches:
    """Count entities.

    Args:
        predicted: Those of the predicted tags.
        true: Those of the true tags.
        sentence: Number of each word's sentence.
        sentences: Number of sentences.
        types: Number of types.
    """

    def counted(found: Entities, kept: NDArray[np.bool_] | slice = slice(None)) -> Integers:
        place = sentence[found.starts[kept]] * types + found.kinds[kept]
        return np.bincount(place, minlength=sentences * types).reshape(sentences, types)

    there = true.keys
    columns = (predicted.starts, predicted.stops, predicted.kinds)
    is_right = np.fromiter(
        (each in there for each in zip(*(c.tolist() for c in columns), strict=True)),
        bool,
        len(predicted.starts),
    )
    return Matches(
        right=counted(predicted, is_right), predicted=counted(predicted), true=counted(true)
    )


def ratio(parts: Integers, wholes: Integers) -> tuple[float, float]:
    """Return a ratio of sums over sentences, and its standard error over their drawing.

    The error follows from each sentence's influence on the ratio (the delta method); it is 0 for a
    single sentence. A ratio without a whole is 0.

    Args:
        parts: Part of each sentence.
        wholes: Whole of each sentence.
    """
    whole, count = float(wholes.sum()), len(parts)
    if not whole:
        return 0.0, 0.0
    value = float(parts.sum()) / whole
    if count == 1:
        return value, 0.0
    influence = (parts - value * wholes) / whole
    return value, float(np.sqrt(count / (count - 1) * (influence**2).sum()))
