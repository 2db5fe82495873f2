"""Texts to token ids by the checkpoint's own tokenizer, in its own threads.

Its files are read and tried in a process of their own first: what the `tokenizers` library can
not take ends that process and not this one. What passed is kept in the cache.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from tuner.atomic import write_whole
from tuner.checkpoints import CheckpointInfo
from tuner.checkpoints.content import cache_root, combined_hash, file_hash
from tuner.errors import InputError
from tuner.python_process import answers

CHUNK_ROWS = 1024
"""Rows tokenised at a time: enough to keep all threads busy, few enough to bound the memory."""

READER = Path(__file__).with_name("tokenizer_reader.py")

READER_SECONDS = 120.0
"""For reading a tokenizer; transformers, which converts older files, takes seconds to load."""

_UNKNOWN = ("[UNK]", "<unk>")
_PROBE = "a"
_AS_SAVED = "tokenizer files as `tokenizer.save_pretrained` writes them"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where special tokens stand around one text or two: what the post-processor would add.

    Attributes:
        before: Tokens before the first text; each part is ids and the type id of each.
        between: Tokens between the texts, none for single texts.
        after: Tokens at the end.
        types: Type id of the tokens of the first and of the second text.
    """

    before: tuple[list[int], list[int]]
    between: tuple[list[int], list[int]]
    after: tuple[list[int], list[int]]
    types: tuple[int, int]

    @property
    def special_tokens(self) -> int:
        """How many special tokens a row has."""
        return len(self.before[0]) + len(self.between[0]) + len(self.after[0])


@dataclass(frozen=True, kw_only=True)
class TokenRows:
    """Tokens of some rows, one after another.

    Attributes:
        ids: Token ids of all rows; shape [tokens].
        type_ids: Segment of each token; shape [tokens].
        lengths: Tokens of each row; shape [rows].
        full_lengths: The same before truncation; shape [rows].
        unknown: Tokens of no known vocabulary entry, over all rows.
        special_tokens: How many of a row's tokens are special ones.
        max_length: Tokens that no row exceeds.
    """

    ids: NDArray[np.int32]
    type_ids: NDArray[np.uint8]
    lengths: NDArray[np.int64]
    full_lengths: NDArray[np.int64]
    unknown: int
    special_tokens: int
    max_length: int


def tokenizer_hash(info: CheckpointInfo) -> str:
    """SHA-256 of the files that `load_tokenizer` reads."""
    files = info.tokenizer_files
    whole = [file for file in files if file.name == "tokenizer.json"]
    return combined_hash(f"{file.name} {file_hash(file)}" for file in whole or files)


def load_tokenizer(info: CheckpointInfo) -> Tokenizer:
    """The checkpoint's tokenizer; truncation and padding that its file asks for switched off.

    Raises:
        InputError: Its files cannot be read, or it has more tokens than the model embeddings.
    """
    kept = cache_root() / "tokenizers" / f"{tokenizer_hash(info)}.json"
    if kept.is_file():
        tokenizer = Tokenizer.from_file(str(kept))
    else:
        text = _read_apart(info)
        tokenizer = Tokenizer.from_str(text)
        with suppress(OSError):  # An unwritable cache costs time, nothing else.
            write_whole(kept, text)
    largest = max([vocabulary_size(tokenizer) - 1, *tokenizer.encode(_PROBE, _PROBE).ids])
    if largest >= info.vocab_size:
        raise InputError(
            f"the tokenizer has ids up to {largest}, the model has {info.vocab_size} embeddings",
            where=str(info.folder),
            remedy="the tokenizer and the weights of the same checkpoint",
        )
    return tokenizer


def vocabulary_size(tokenizer: Tokenizer) -> int:
    """One more than the largest id, added tokens included."""
    return max(tokenizer.get_vocab(with_added_tokens=True).values(), default=-1) + 1


def find_layout(tokenizer: Tokenizer, *, pairs: bool) -> Layout:
    """Reads off a short example what the tokenizer's post-processor adds around texts.

    Raises:
        InputError: It leaves a text out.
    """
    probe = tokenizer.encode(_PROBE, _PROBE if pairs else None)
    spans: dict[int | None, list[int]] = {}
    for place, sequence in enumerate(probe.sequence_ids):
        spans.setdefault(sequence, []).append(place)
    if not spans.keys() >= ({0, 1} if pairs else {0}):
        raise InputError(
            f"the tokenizer leaves out a text: of {_PROBE!r} it makes {probe.tokens}",
            where="the post-processor of the tokenizer",
            remedy=_AS_SAVED,
        )
    first = spans[0]
    second = spans[1] if pairs else first
    ids, types = probe.ids, probe.type_ids

    def part(start: int, stop: int) -> tuple[list[int], list[int]]:
        return ids[start:stop], types[start:stop]

    return Layout(
        before=part(0, first[0]),
        between=part(first[-1] + 1, second[0]) if pairs else ([], []),
        after=part(second[-1] + 1, len(ids)),
        types=(types[first[0]], types[second[0]]),
    )


def tokenize(
    tokenizer: Tokenizer,
    texts: Sequence[str],
    pairs: Sequence[str] | None,
    max_length: int,
) -> TokenRows:
    """Tokenises texts or pairs, truncated at `max_length` tokens, special ones included.

    Of a pair the longer text is cut first, as `longest_first` of the tokenizers library does.

    Args:
        tokenizer: Without truncation and padding.
        texts: One per row.
        pairs: Second text of each row, or None.
        max_length: More than the special tokens of a row.

    Raises:
        InputError: The tokenizer fails at a text.
    """
    layout = find_layout(tokenizer, pairs=pairs is not None)
    room = max_length - layout.special_tokens
    unknown_id = unknown_token(tokenizer)
    ids: list[NDArray[np.int32]] = []
    types: list[NDArray[np.uint8]] = []
    lengths, full = [], []
    unknown = 0
    for first, second in _encoded(tokenizer, texts, pairs):
        kept = _truncated(len(first), len(second), room)
        row, row_types = _assemble(layout, first[: kept[0]], second[: kept[1]])
        ids.append(np.array(row, np.int32))
        types.append(np.array(row_types, np.uint8))
        lengths.append(len(row))
        full.append(len(first) + len(second) + layout.special_tokens)
        if unknown_id is not None:
            unknown += row.count(unknown_id)
    return TokenRows(
        ids=np.concatenate(ids) if ids else np.zeros(0, np.int32),
        type_ids=np.concatenate(types) if types else np.zeros(0, np.uint8),
        lengths=np.array(lengths, np.int64),
        full_lengths=np.array(full, np.int64),
        unknown=unknown,
        special_tokens=layout.special_tokens,
        max_length=max_length,
    )


def unknown_token(tokenizer: Tokenizer) -> int | None:
    """Id of the token for what the vocabulary lacks; None where bytes make up for it."""
    name = getattr(tokenizer.model, "unk_token", None)
    for candidate in (name, *_UNKNOWN):
        if candidate is not None and (found := tokenizer.token_to_id(candidate)) is not None:
            return found
    return None


def _read_apart(info: CheckpointInfo) -> str:
    """The tokenizer as JSON, read and tried by a process of its own."""
    try:
        done = subprocess.run(
            [sys.executable, "-P", str(READER), str(info.folder)],
            # Advice of transformers is to install PyTorch; nothing of a local folder is online.
            env=os.environ | {"TRANSFORMERS_NO_ADVISORY_WARNINGS": "1", "HF_HUB_OFFLINE": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=READER_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise _unusable(f"it takes more than {READER_SECONDS:.0f} s", info) from error
    if done.returncode < 0:
        raise _unusable(f"its library dies of it by signal {-done.returncode}", info)
    if done.returncode > 0:
        said = done.stderr.decode(errors="replace").splitlines()
        raise _unusable(said[-1] if said else "no reason given", info)
    found = answers(done.stdout)
    if not found:
        raise _unusable("its process gives no answer", info)
    return found[-1].decode()


def _unusable(reason: str, info: CheckpointInfo) -> InputError:
    path = info.folder / "tokenizer.json"
    return InputError(
        f"the tokenizer cannot be read: {reason}",
        where=str(path if path.is_file() else info.folder),
        remedy=_AS_SAVED,
    )


def _encoded(
    tokenizer: Tokenizer, texts: Sequence[str], pairs: Sequence[str] | None
) -> Iterator[tuple[list[int], list[int]]]:
    """Yields the ids of each row's texts, without special tokens."""
    for start in range(0, len(texts), CHUNK_ROWS):
        firsts = _encode(tokenizer, texts[start : start + CHUNK_ROWS])
        if pairs is None:
            yield from ((encoding.ids, []) for encoding in firsts)
            continue
        seconds = _encode(tokenizer, pairs[start : start + CHUNK_ROWS])
        for first, second in zip(firsts, seconds, strict=True):
            yield first.ids, second.ids


def _encode(tokenizer: Tokenizer, texts: Sequence[str]) -> list[Encoding]:
    try:
        return tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
    except BaseException as error:
        # What the library raises is a plain `Exception`, or a panic, which is not even one.
        if type(error) is not Exception and type(error).__name__ != "PanicException":
            raise
        raise InputError(
            f"the tokenizer fails at one of the texts: {(str(error).splitlines() or ['?'])[0]}",
            where="the tokenizer of model.checkpoint",
            remedy=_AS_SAVED,
        ) from error


def _truncated(first: int, second: int, room: int) -> tuple[int, int]:
    """Tokens kept of each text: the longer one is cut until both are equal or all fits."""
    if first + second <= room:
        return first, second
    short, long = sorted((first, second))
    short, long = (short, room - short) if short <= room // 2 else (room // 2, room - room // 2)
    return (short, long) if first <= second else (long, short)


def _assemble(layout: Layout, first: list[int], second: list[int]) -> tuple[list[int], list[int]]:
    before, between, after = layout.before, layout.between, layout.after
    one, two = layout.types
    ids = [*before[0], *first, *between[0], *second, *after[0]]
    types = [*before[1], *[one] * len(first), *between[1], *[two] * len(second), *after[1]]
    return ids, types
