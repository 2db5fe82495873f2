"""Tokenisation of texts by the checkpoint's own tokenizer, in its own threads."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from tuner.checkpoints.repair import fetch_again
from tuner.data.checkpoint_tokenizer import PROBE, CheckpointTokenizer
from tuner.data.tokenizer_config import has_other_types
from tuner.errors import InputError

CHUNK_ROWS = 1024
"""Number of rows that are tokenised at a time: enough for all threads, few enough for memory."""

_UNKNOWN = ("[UNK]", "<unk>")

_WITHOUT_TYPES = '"model_input_names": ["input_ids", "attention_mask"]'
"""Line of tokenizer_config.json, as a remedy."""


@dataclass(frozen=True, kw_only=True)
class SpecialTokenLayout:
    """Special tokens around one text or two, as the post-processor adds them."""

    before: tuple[list[int], list[int]]
    """Tokens before the first text, as ids and their type ids."""
    between: tuple[list[int], list[int]]
    """Tokens between the texts; none for single texts."""
    after: tuple[list[int], list[int]]
    """Tokens at the end."""
    types: tuple[int, int]
    """Type ids of the first and of the second text."""

    @property
    def special_tokens(self) -> int:
        """Number of special tokens of a row."""
        return len(self.before[0]) + len(self.between[0]) + len(self.after[0])


@dataclass(frozen=True, kw_only=True)
class TokenRows:
    """Tokens of some inputs, one input after another; usually each example has one, its row."""

    ids: NDArray[np.int32]
    """Token ids of all rows; shape [tokens]."""
    type_ids: NDArray[np.uint8]
    """Segment of each token; shape [tokens]."""
    lengths: NDArray[np.int64]
    """Number of tokens of each row; shape [rows]."""
    full_lengths: NDArray[np.int64]
    """Number of tokens of each example before it is cut; shape [examples]."""
    vocabulary: NDArray[np.int32]
    """Token ids of the examples before they are cut, and of padding; ascending."""
    unknown: int
    """Number of tokens that are not in the vocabulary, over all rows."""
    special_tokens: int
    """Number of special tokens of each row."""
    max_length: int
    """Number of tokens that no row exceeds."""
    inputs: NDArray[np.int64] | None = None
    """Offsets of rows: example i is rows inputs[i] up to inputs[i + 1]; None: one row each."""
    places: NDArray[np.int32] | None = None
    """Part of the example that each token stands for, see `Aligned.places`; None: not known."""
    spans: tuple[tuple[tuple[int, int], ...], ...] = ()
    """Characters of the words of each example, see `Aligned.spans`; empty for other forms."""
    notes: tuple[str, ...] = ()
    """Sentences about what the tokenizer does not keep."""


def find_layout(tokenizer: CheckpointTokenizer, *, pairs: bool) -> SpecialTokenLayout:
    """Determine from a short example what the tokenizer's post-processor adds around texts.

    Raises:
        InputError: It drops a text, joins two texts without a separator, or gives token types that
            the encoder does not have.
    """
    probe = tokenizer.backend.encode(PROBE, PROBE if pairs else None)
    spans: dict[int | None, list[int]] = {}
    for place, sequence in enumerate(probe.sequence_ids):
        spans.setdefault(sequence, []).append(place)
    if not spans.keys() >= ({0, 1} if pairs else {0}):
        raise _wrong_layout(
            f"drops a text: of {PROBE!r} it makes {probe.tokens}",
            fetch_again(tokenizer.info.folder),
        )
    first = spans[0]
    second = spans[1] if pairs else first
    ids = probe.ids
    has_none = tokenizer.info.family.token_types == 0  # The ids are then stored but not used.
    types = probe.type_ids if tokenizer.token_types or has_none else [0] * len(ids)
    _check_types(tokenizer, probe.type_ids)
    if pairs and second[0] == first[-1] + 1 and types[first[0]] == types[second[0]]:
        raise _wrong_layout(
            "puts no separator between two texts",
            "a pair template in tokenizer.json's post_processor with a separator",
        )

    def part(start: int, stop: int) -> tuple[list[int], list[int]]:
        return ids[start:stop], types[start:stop]

    return SpecialTokenLayout(
        before=part(0, first[0]),
        between=part(first[-1] + 1, second[0]) if pairs else ([], []),
        after=part(second[-1] + 1, len(ids)),
        types=(types[first[0]], types[second[0]]),
    )


def _check_types(tokenizer: CheckpointTokenizer, types: Sequence[int]) -> None:
    """Refuse token types that the model would read differently in transformers.

    Raises:
        InputError: They exceed its embeddings, or its encoder has none here.
    """
    info, largest = tokenizer.info, max(types)
    if tokenizer.token_types and largest >= info.family.token_types:
        raise InputError(
            f"the tokenizer gives token types up to {largest}, but the model has "
            f"{info.family.token_types}",
            where=f"type_vocab_size in {info.folder / 'config.json'}",
            remedy=f"{_WITHOUT_TYPES} in tokenizer_config.json, so that every token has type 0; "
            "or a checkpoint with more token types",
        )
    if largest and has_other_types(info):
        raise InputError(
            f"transformers feeds this {info.family.name} token types up to {largest}, but here "
            "its tokens have only type 0",
            where=f"model_input_names in {info.folder / 'tokenizer_config.json'}",
            remedy=f"{_WITHOUT_TYPES}, so that every token has type 0 in transformers, too",
        )


def _wrong_layout(problem: str, remedy: str) -> InputError:
    return InputError(
        f"the tokenizer {problem}", where="the post-processor of the tokenizer", remedy=remedy
    )


def tokenize(
    tokenizer: CheckpointTokenizer,
    texts: Sequence[str],
    pairs: Sequence[str] | None,
    max_length: int,
) -> TokenRows:
    """Tokenise texts or pairs, truncated at `max_length` tokens, with special tokens.

    Of a pair the longer text is cut first, as by `longest_first` of the tokenizers library, at the
    side `tokenizer.truncation_side`.

    Args:
        tokenizer: Tokenizer of the checkpoint.
        texts: Text of each row.
        pairs: Second text of each row; None for single texts.
        max_length: Number of tokens, more than the special tokens of a row.

    Raises:
        InputError: The tokenizer fails on a text.
    """
    layout = find_layout(tokenizer, pairs=pairs is not None)
    cut = _cut_left if tokenizer.truncation_side == "left" else _cut_right
    made = TokenRowsBuilder(tokenizer, layout, max_length)
    for first, second in _encoded(tokenizer.backend, texts, pairs):
        kept = _truncated(len(first), len(second), made.available)
        made.add(cut(first, kept[0]), cut(second, kept[1]))
        made.end_example(first, second)
    return made.rows()


class TokenRowsBuilder:
    """Collects the inputs of examples, one after another.

    Attributes:
        available: Most tokens of an input without special ones.
    """

    def __init__(
        self, tokenizer: CheckpointTokenizer, layout: SpecialTokenLayout, max_length: int
    ) -> None:
        """Begin without inputs.

        Args:
            tokenizer: Tokenizer of the checkpoint.
            layout: Special tokens around the texts.
            max_length: Number of tokens, more than the special tokens of an input.
        """
        self.available = max_length - layout.special_tokens
        self._layout, self._max_length = layout, max_length
        self._unknown_id = unknown_token(tokenizer.backend)
        self._ids: list[NDArray[np.int32]] = []
        self._types: list[NDArray[np.uint8]] = []
        self._places: list[NDArray[np.int32]] = []
        self._lengths: list[int] = []
        self._full: list[int] = []
        self._ends = [0]
        special = (layout.before[0], layout.between[0], layout.after[0])
        self._vocabulary = {tokenizer.pad_id}.union(*special)
        self._unknown = 0

    def add(
        self,
        first: list[int],
        second: list[int] | None = None,
        places: NDArray[np.integer] | None = None,
    ) -> None:
        """Add an input.

        Args:
            first: Token ids of the first text.
            second: Those of the second text; None for single texts.
            places: Part of its example that each token stands for, of both texts one after
                another, shape (tokens, ...); None where nobody asks.
        """
        layout, second = self._layout, second or []
        row, types = _assemble(layout, first, second)
        self._ids.append(np.array(row, np.int32))
        self._types.append(np.array(types, np.uint8))
        self._lengths.append(len(row))
        if self._unknown_id is not None:
            self._unknown += row.count(self._unknown_id)
        if places is not None:
            around = np.full((len(row), *places.shape[1:]), -1, np.int32)
            start = len(layout.before[0])
            around[start : start + len(first)] = places[: len(first)]
            start += len(first) + len(layout.between[0])
            around[start : start + len(second)] = places[len(first) :]
            self._places.append(around)

    def end_example(self, *parts: Sequence[int]) -> None:
        """End an example.

        Args:
            *parts: Token ids of its parts before they were cut, without special ones.
        """
        self._full.append(sum(map(len, parts)) + self._layout.special_tokens)
        self._vocabulary.update(*parts)
        self._ends.append(len(self._lengths))

    def rows(
        self, spans: tuple[tuple[tuple[int, int], ...], ...] = (), notes: tuple[str, ...] = ()
    ) -> TokenRows:
        """Return the inputs.

        Args:
            spans: Characters of the words of each example, see `Aligned.spans`.
            notes: Sentences about what the tokenizer does not keep.
        """
        ids, types, places = self._ids, self._types, self._places
        return TokenRows(
            ids=np.concatenate(ids) if ids else np.zeros(0, np.int32),
            type_ids=np.concatenate(types) if types else np.zeros(0, np.uint8),
            lengths=np.array(self._lengths, np.int64),
            full_lengths=np.array(self._full, np.int64),
            vocabulary=np.array(sorted(self._vocabulary), np.int32),
            unknown=self._unknown,
            special_tokens=self._layout.special_tokens,
            max_length=self._max_length,
            inputs=np.array(self._ends) if places or len(ids) != len(self._full) else None,
            places=np.concatenate(places) if places else None,
            spans=spans,
            notes=notes,
        )


def unknown_token(tokenizer: Tokenizer) -> int | None:
    """Return the id of the unknown token; None if bytes replace unknown tokens."""
    name = getattr(tokenizer.model, "unk_token", None)
    for candidate in (name, *_UNKNOWN):
        if candidate is not None and (found := tokenizer.token_to_id(candidate)) is not None:
            return found
    return None


def _encoded(
    tokenizer: Tokenizer, texts: Sequence[str], pairs: Sequence[str] | None
) -> Iterator[tuple[list[int], list[int]]]:
    """Yield the ids of each row's texts, without special tokens."""
    for start in range(0, len(texts), CHUNK_ROWS):
        firsts = _encode(tokenizer.encode_batch_fast, texts[start : start + CHUNK_ROWS])
        if pairs is None:
            yield from ((encoding.ids, []) for encoding in firsts)
            continue
        seconds = _encode(tokenizer.encode_batch_fast, pairs[start : start + CHUNK_ROWS])
        for first, second in zip(firsts, seconds, strict=True):
            yield first.ids, second.ids


def encodings(tokenizer: Tokenizer, texts: Sequence[str]) -> Iterator[Encoding]:
    """Yield the tokens of texts with their offsets, without special tokens.

    Raises:
        InputError: The tokenizer fails on a text.
    """
    for start in range(0, len(texts), CHUNK_ROWS):
        yield from _encode(tokenizer.encode_batch, texts[start : start + CHUNK_ROWS])


def _encode(encode: Callable[..., list[Encoding]], texts: Sequence[str]) -> list[Encoding]:
    try:
        return encode(list(texts), add_special_tokens=False)
    except BaseException as error:
        # The library raises a plain `Exception`, or a panic, which is not even one.
        if type(error) is not Exception and type(error).__name__ != "PanicException":
            raise
        raise InputError(
            f"the tokenizer fails on one of the texts: {(str(error).splitlines() or ['?'])[0]}",
            where="the tokenizer of model.checkpoint",
            remedy="model.checkpoint=FOLDER of a complete copy of the checkpoint",
        ) from error


def _truncated(first: int, second: int, available: int) -> tuple[int, int]:
    """Return the tokens kept of each text: the longer one is cut until both are equal or fit."""
    if first + second <= available:
        return first, second
    short, long = sorted((first, second))
    short, long = (
        (short, available - short)
        if short <= available // 2
        else (available // 2, available - available // 2)
    )
    return (short, long) if first <= second else (long, short)


def _cut_right(ids: list[int], kept: int) -> list[int]:
    return ids[:kept]


def _cut_left(ids: list[int], kept: int) -> list[int]:
    return ids[len(ids) - kept :]


def _assemble(
    layout: SpecialTokenLayout, first: list[int], second: list[int]
) -> tuple[list[int], list[int]]:
    before, between, after = layout.before, layout.between, layout.after
    one, two = layout.types
    ids = [*before[0], *first, *between[0], *second, *after[0]]
    types = [*before[1], *[one] * len(first), *between[1], *[two] * len(second), *after[1]]
    return ids, types
