"""A checkpoint's tokenizer, as training uses it and as an exported folder contains it.

Its files are first read and tried in a separate process, because input that the `tokenizers`
library cannot handle ends the process. The result is kept in the cache.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from tuner.checkpoints import CheckpointInfo
from tuner.checkpoints.content import cache_root, combined_hash, file_hash
from tuner.checkpoints.repair import fetch_again
from tuner.data.tokenizer_config import TokenizerSettings, read_settings
from tuner.errors import InputError
from tuner.files.atomic import write_whole
from tuner.processes.python_process import answers

READER = Path(__file__).with_name("tokenizer_reader.py")

READER_SECONDS = 120.0
"""Time limit for reading a tokenizer; transformers, which converts older files, loads for seconds.
"""

FORMAT_VERSION = 3
"""Version to increase whenever the reader changes its result for the same files."""

LIBRARIES = ("transformers", "tokenizers")
"""Libraries whose versions decide how files are read."""

PLAIN_CLASS = "PreTrainedTokenizerFast"
"""Class of transformers 4 and 5 that uses tokenizer.json unchanged."""

PROBE = "a"
_REFUSED = 3
"""Exit code of the reader if the tokenizer contradicts its settings."""


@dataclass(frozen=True, kw_only=True)
class CheckpointTokenizer:
    """A tokenizer, and everything that decides how texts become ids, token types and mask."""

    backend: Tokenizer
    """Tokenizer without truncation and padding."""
    info: CheckpointInfo
    """Checkpoint of the tokenizer."""
    truncation_side: str
    """`left` or `right`, the side on which longer texts are cut."""
    token_types: bool
    """True if token types are fed to the model."""
    split_special_tokens: bool
    """True if special tokens in a text are split like any other word."""
    roles: Mapping[str, str]
    """Role, such as `cls_token`, to the token's text."""
    extra: tuple[str, ...]
    """Special tokens without a role."""
    pad_id: int
    """Token id of padding."""
    notes: tuple[str, ...]
    """Sentences on changes beyond the files."""
    is_edited: bool = False
    """True if fields of tokenizer_config.json changed parts of tokenizer.json."""

    @property
    def departures(self) -> tuple[str, ...]:
        """Return differences from versions before 0.2 with the same files; usually none.

        They are part of a data set's fingerprint, so that a study which began with other tokens is
        not continued with these.
        """
        causes = {
            "truncation on the left": self.truncation_side == "left",
            "special tokens": bool(self.notes),
            "edited": self.is_edited,
        }
        return tuple(cause for cause, holds in causes.items() if holds)

    @property
    def identity(self) -> str:
        """SHA-256 of everything that decides ids, token types and mask, except the length."""
        values = replace(self, backend=None, info=None)  # type: ignore[arg-type]
        return combined_hash(
            (self.backend.to_str(), json.dumps(asdict(values)), self.info.family.name, *versions())
        )


def versions() -> list[str]:
    """Return names and versions of the libraries that read tokenizer files."""
    return [f"{name} {version(name)}" for name in LIBRARIES]


def tokenizer_hash(info: CheckpointInfo) -> str:
    """Return the SHA-256 of all that decides `load_tokenizer`: files, libraries, our version."""
    files = (info.folder / "config.json", *info.tokenizer_files)
    return combined_hash(
        (*(f"{file.name} {file_hash(file)}" for file in files), *versions(), str(FORMAT_VERSION))
    )


def load_tokenizer(info: CheckpointInfo) -> CheckpointTokenizer:
    """Return the checkpoint's tokenizer without the truncation and padding of its file.

    Raises:
        InputError: Its files cannot be read or are contradictory, or it has more tokens than the
            model has embeddings.
    """
    settings = read_settings(info)
    kept = cache_root() / "tokenizers" / f"{tokenizer_hash(info)}.json"
    fingerprint_file = kept.with_suffix(".found")
    try:
        found = json.loads(fingerprint_file.read_text(encoding="utf-8"))
        backend = Tokenizer.from_file(str(kept)) if kept.is_file() else None
    except (OSError, ValueError):
        backend = None
    if backend is None:
        found, text = _read_in_process(info, settings)
        backend = Tokenizer.from_str(text)
        with suppress(OSError):  # An unwritable cache costs time, nothing else.
            write_whole(fingerprint_file, json.dumps(found))
            write_whole(kept, text)
    backend.encode_special_tokens = settings.split_special_tokens
    largest = max([vocabulary_size(backend) - 1, *backend.encode(PROBE, PROBE).ids])
    if largest >= info.family.vocab_size:
        raise InputError(
            f"the tokenizer has ids up to {largest}, but the model has {info.family.vocab_size} "
            "embeddings",
            where=str(info.folder),
            remedy=fetch_again(info.folder),
        )
    roles, pad_id = _with_padding(backend, found["tokens"]["roles"], settings, info)
    return CheckpointTokenizer(
        backend=backend,
        info=info,
        truncation_side=settings.truncation_side or found["truncation_side"] or "right",
        token_types=settings.token_types,
        split_special_tokens=settings.split_special_tokens,
        roles=roles,
        extra=tuple(found["tokens"]["extra"]),
        pad_id=pad_id,
        notes=tuple(found["notes"]),
        is_edited=found["edited"],
    )


def vocabulary_size(backend: Tokenizer) -> int:
    """Return one more than the largest id, including added tokens."""
    return max(backend.get_vocab(with_added_tokens=True).values(), default=-1) + 1


def save_tokenizer(folder: Path, tokenizer: CheckpointTokenizer, max_length: int) -> None:
    """Write tokenizer.json and tokenizer_config.json.

    `transformers.AutoTokenizer` then returns the ids, token types and mask of training.

    Args:
        folder: Existing folder.
        tokenizer: Tokenizer of the training.
        max_length: Number of tokens at which texts were cut.
    """
    for name, text in exported_texts(tokenizer, max_length).items():
        (folder / name).write_text(text, encoding="utf-8")


def exported_texts(tokenizer: CheckpointTokenizer, max_length: int) -> dict[str, str]:
    """Return the names and contents of the files that `save_tokenizer` writes."""
    settings = exported_settings(tokenizer, max_length)
    return {
        "tokenizer.json": tokenizer.backend.to_str(pretty=True),
        "tokenizer_config.json": json.dumps(settings, indent=2, ensure_ascii=False) + "\n",
    }


def exported_settings(tokenizer: CheckpointTokenizer, max_length: int) -> dict[str, Any]:
    """Return the content of an exported tokenizer_config.json."""
    types = ["token_type_ids"] if tokenizer.token_types else []
    out: dict[str, Any] = {
        "tokenizer_class": PLAIN_CLASS,
        "model_input_names": ["input_ids", *types, "attention_mask"],
        "model_max_length": max_length,
        "truncation_side": tokenizer.truncation_side,
        "padding_side": "right",
        "clean_up_tokenization_spaces": False,
        **tokenizer.roles,
        **_class_fields(tokenizer.backend),
    }
    if tokenizer.extra:
        out["additional_special_tokens"] = list(tokenizer.extra)
    if tokenizer.split_special_tokens:
        out["split_special_tokens"] = True
    return out


def _class_fields(backend: Tokenizer) -> dict[str, Any]:
    """Return fields that a class of transformers needs when it is named explicitly."""
    normalizer = json.loads(backend.to_str())["normalizer"] or {}
    if normalizer.get("type") != "BertNormalizer":
        return {}
    return {
        "do_lower_case": normalizer["lowercase"],
        "strip_accents": normalizer["strip_accents"],
        "tokenize_chinese_chars": normalizer["handle_chinese_chars"],
    }


def _with_padding(
    backend: Tokenizer,
    roles: Mapping[str, str],
    settings: TokenizerSettings,
    info: CheckpointInfo,
) -> tuple[dict[str, str], int]:
    """Return the roles with a padding token, and its id; the mask hides it, whichever it is."""
    special = {token.content for token in backend.get_added_tokens_decoder().values()}
    name = backend.id_to_token(info.family.pad_token_id)
    candidates = [
        roles.get("pad_token"),
        settings.default_roles["pad_token"],
        name if name in special else None,
        roles.get("sep_token"),
    ]
    for text in candidates:
        if (
            text is not None
            and text in special
            and (found := backend.token_to_id(text)) is not None
        ):
            return {**roles, "pad_token": text}, int(found)
    others = {role: text for role, text in roles.items() if role != "pad_token"}
    return others, info.family.pad_token_id


def _read_in_process(
    info: CheckpointInfo, settings: TokenizerSettings
) -> tuple[dict[str, Any], str]:
    """Return the findings and the tokenizer as JSON, read and tried in a separate process."""
    try:
        done = subprocess.run(
            [sys.executable, "-P", str(READER)],
            # transformers advises to install PyTorch; nothing of a local folder is online.
            env=os.environ | {"TRANSFORMERS_NO_ADVISORY_WARNINGS": "1", "HF_HUB_OFFLINE": "1"},
            input=json.dumps({"folder": str(info.folder), **asdict(settings)}).encode(),
            capture_output=True,
            check=False,
            timeout=READER_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise _unusable(f"it takes more than {READER_SECONDS:.0f} s", info) from error
    if done.returncode < 0:
        raise _unusable(f"its library crashes with signal {-done.returncode}", info)
    found = answers(done.stdout)
    if done.returncode == _REFUSED and found:
        raise InputError(**json.loads(found[-1]))
    if done.returncode > 0:
        errors = done.stderr.decode(errors="replace").splitlines()
        raise _unusable(errors[-1] if errors else "no reason given", info)
    if len(found) != 2:  # noqa: PLR2004
        raise _unusable("its process returns no answer", info)
    return json.loads(found[0]), found[1].decode()


def _unusable(reason: str, info: CheckpointInfo) -> InputError:
    path = info.folder / "tokenizer.json"
    return InputError(
        f"the tokenizer cannot be read: {reason}",
        where=str(path if path.is_file() else info.folder),
        remedy=fetch_again(info.folder),
    )
