"""Comparison of training's token ids, types and mask with those of an exported folder.

`transformers.AutoTokenizer` reads a folder in the form of an export in a separate process, once
per tokenizer, length and library version; the result is kept in the cache.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuner.checkpoints.content import cache_root, combined_hash, file_hash
from tuner.checkpoints.repair import save_tokenizer_command
from tuner.data.checkpoint_tokenizer import CheckpointTokenizer, save_tokenizer
from tuner.data.tokenizer import find_layout, tokenize
from tuner.errors import InputError
from tuner.files.atomic import write_whole
from tuner.processes.python_process import answers

READER = Path(__file__).with_name("encoding_reader.py")

READER_SECONDS = 300.0
"""Time limit for loading transformers and reading two tokenizers."""

FORMAT_VERSION = 1
"""Version to increase whenever the texts or the comparison change."""

_TEXTS = (
    "",
    " ",
    "a",
    "A wonderful film, quite MOVING and Fresh.",
    "the  plot   is\ttedious \n and\r\nstale ",
    " leading and trailing blanks ",
    "caf\u00e9 na\u00efve \u00dcBER stra\u00dfe \u0130stanbul \u00c5ngstr\u00f6m",
    "cafe\u0301 u\u0308ber",
    "\u7535\u5f71\u5f88\u597d\u770b\u3002\u3053\u308c\u306f\u6620\u753b\u3067\u3059 \uc601\ud654",
    "\u0424\u0438\u043b\u044c\u043c \u0641\u064a\u0644\u0645 \u05e1\u05e8\u05d8",
    "\U0001f600 \U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f \U0001f1e9\U0001f1ea!!!",
    "\ufb01lm \uff26\uff35\uff2c\uff2c \u2460 \u00bd \u2126",
    "zero\u200bwidth no\u00a0break \ufeffmark \u00ad soft\u0000null",
    "[CLS] the [SEP] film [PAD] was [MASK] <s> very </s> good <pad> <mask> <unk> [UNK]",
    "[cls]the[sep]film<s>was</s>good<pad>",
    "it's \u201cquoted\u201d -- isn't it? e-mail@example.org http://example.org/a?b=c#d 3,141.59",
)
"""Texts on which tokenizers differ: case, accents, scripts, blanks, special tokens, length."""


_REPEATED = "The Ending -- was it GOOD?  "

_CONFIG_FIELDS = ("model_type", "tokenizer_class", "model_name", "_name_or_path", "name_or_path")
"""Fields of config.json that decide how AutoTokenizer reads a checkpoint."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """Input of a model for one text or pair."""

    ids: tuple[int, ...]
    """Token ids."""
    types: tuple[int, ...]
    """Token type of each token; zeros if the model gets none."""
    mask: tuple[int, ...]
    """Mask with 1 for each token."""


def hard_texts(max_length: int) -> list[str]:
    """Return the texts, with a long word and one text that exceeds the length."""
    return [*_TEXTS, "a" * 130, _REPEATED * (max_length // 4 + 1)]


def hard_pairs(max_length: int) -> list[tuple[str, str]]:
    """Return pairs of texts: each with another one, and short and long ones in both orders."""
    texts = hard_texts(max_length)
    shifted = texts[5:] + texts[:5]
    return [*zip(texts, shifted, strict=True), (texts[3], texts[-1]), (texts[-1], texts[3])]


def check_encoding(tokenizer: CheckpointTokenizer, max_length: int) -> list[str]:
    """Compare training's encoding with that of the folder that an export writes.

    Args:
        tokenizer: Tokenizer of the checkpoint.
        max_length: Number of tokens at which texts are cut.

    Returns:
        Sentences about differences when transformers reads the checkpoint itself.

    Raises:
        InputError: The exported folder would give another encoding.
    """
    kept = cache_root() / "encodings" / f"{_key(tokenizer, max_length)}.json"
    try:
        notes: list[str] = json.loads(kept.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        notes = _compared(tokenizer, max_length)
        with suppress(OSError):  # An unwritable cache costs time, nothing else.
            write_whole(kept, json.dumps(notes))
    return notes


def _key(tokenizer: CheckpointTokenizer, max_length: int) -> str:
    info = tokenizer.info
    config = json.loads((info.folder / "config.json").read_text(encoding="utf-8"))
    fields = {key: config.get(key) for key in _CONFIG_FIELDS}
    return combined_hash(
        (
            *(f"{file.name} {file_hash(file)}" for file in info.tokenizer_files),
            json.dumps(fields, sort_keys=True),
            tokenizer.identity,
            str(max_length),
            str(FORMAT_VERSION),
        )
    )


def training_rows(tokenizer: CheckpointTokenizer, max_length: int) -> list[Row]:
    """Return training's input for the texts, and for the pairs if the length allows them."""
    rows = _rows(tokenizer, hard_texts(max_length), None, max_length)
    if _takes_pairs(tokenizer, max_length):
        firsts, seconds = zip(*hard_pairs(max_length), strict=True)
        rows += _rows(tokenizer, firsts, seconds, max_length)
    return rows


def first_difference(ours: Sequence[Row], theirs: Sequence[Row], *, ids_only: bool) -> int | None:
    """Return the number of the first row that differs; None if all are equal.

    Args:
        ours: Rows of training.
        theirs: The same number of rows to compare.
        ids_only: True to ignore token types and mask.
    """
    for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        if one.ids != other.ids or (not ids_only and one != other):
            return number
    return None


def _takes_pairs(tokenizer: CheckpointTokenizer, max_length: int) -> bool:
    try:
        layout = find_layout(tokenizer, pairs=True)
    except InputError:  # Data with pairs is refused later.
        return False
    return max_length > layout.special_tokens


def _rows(
    tokenizer: CheckpointTokenizer,
    texts: Sequence[str],
    pairs: Sequence[str] | None,
    max_length: int,
) -> list[Row]:
    found = tokenize(tokenizer, texts, pairs, max_length)
    rows, start = [], 0
    for length in found.lengths.tolist():
        ids, types = (part[start : start + length] for part in (found.ids, found.type_ids))
        token_types = types.tolist() if tokenizer.token_types else [0] * length
        rows.append(Row(ids=tuple(ids.tolist()), types=tuple(token_types), mask=(1,) * length))
        start += length
    return rows


def _compared(tokenizer: CheckpointTokenizer, max_length: int) -> list[str]:
    ours = training_rows(tokenizer, max_length)
    with tempfile.TemporaryDirectory(prefix="tuner-") as place:
        folder = Path(place)
        config = json.dumps({"model_type": tokenizer.info.family.name})
        (folder / "config.json").write_text(config, encoding="utf-8")
        save_tokenizer(folder, tokenizer, max_length)
        answer = _read(tokenizer, [folder, tokenizer.info.folder], max_length)
    exported, source = answer["encoded"]
    if exported is None:
        raise _unequal(tokenizer, f"transformers cannot read it: {answer['failed'][0]}")
    differs = first_difference(ours, _as_rows(exported), ids_only=False)
    if differs is not None:
        shown = _shown(differs, max_length)
        raise _unequal(tokenizer, f"transformers makes other tokens of {shown}")
    own_encoding = "trials and exported models use tokenizer.json unchanged."
    if source is None:
        reason = answer["failed"][1]
        return [
            f"AutoTokenizer cannot read this checkpoint's tokenizer ({reason}): {own_encoding}"
        ]
    differs = first_difference(ours, _as_rows(source), ids_only=True)
    if differs is None:
        return []
    shown = _shown(differs, max_length)
    return [f"AutoTokenizer reads this checkpoint differently, as in {shown}: {own_encoding}"]


def _as_rows(rows: Sequence[Sequence[Any]]) -> list[Row]:
    return [
        Row(ids=tuple(ids), types=tuple(types or [0] * len(ids)), mask=tuple(mask))
        for ids, types, mask in rows
    ]


def _shown(number: int, max_length: int) -> str:
    texts = [repr(text[:40]) for text in hard_texts(max_length)]
    pairs = [f"the pair {one[:20]!r}, {other[:20]!r}" for one, other in hard_pairs(max_length)]
    return [*texts, *pairs][number]


def _read(
    tokenizer: CheckpointTokenizer, folders: Sequence[Path], max_length: int
) -> dict[str, Any]:
    """Return the rows of the folders from `encoding_reader`."""
    request = {
        "folders": [str(folder) for folder in folders],
        "texts": hard_texts(max_length),
        "pairs": hard_pairs(max_length) if _takes_pairs(tokenizer, max_length) else [],
        "max_length": max_length,
    }
    try:
        done = subprocess.run(
            [sys.executable, "-P", str(READER)],
            env=os.environ | {"TRANSFORMERS_NO_ADVISORY_WARNINGS": "1", "HF_HUB_OFFLINE": "1"},
            input=json.dumps(request).encode(),
            capture_output=True,
            check=False,
            timeout=READER_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise _unequal(
            tokenizer, f"transformers takes more than {READER_SECONDS:.0f} s"
        ) from error
    if done.returncode:
        errors = done.stderr.decode(errors="replace").splitlines() or ["no reason given"]
        raise _unequal(tokenizer, f"transformers ends with {done.returncode}: {errors[-1]}")
    found = answers(done.stdout)
    if not found:
        raise _unequal(tokenizer, "transformers returns no answer")
    answer: dict[str, Any] = json.loads(found[-1])
    return answer


def _unequal(tokenizer: CheckpointTokenizer, reason: str) -> InputError:
    return InputError(
        f"an exported model would not encode texts like training: {reason}",
        where=f"the tokenizer of {tokenizer.info.folder}",
        remedy=save_tokenizer_command(str(tokenizer.info.folder), tokenizer.info.folder),
    )
