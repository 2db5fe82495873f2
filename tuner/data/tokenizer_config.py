"""Settings beside a tokenizer: tokenizer_config.json and related files.

The rules are those of transformers 5 (`PreTrainedTokenizerBase._from_pretrained` and the classes
of the architectures); docs/checkpoints.md lists the fields. tokenizer.json has priority:
defaults of transformers' classes that no file states are not applied.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tuner.checkpoints import CheckpointInfo
from tuner.checkpoints.repair import fetch_again
from tuner.errors import InputError
from tuner.formatting.value_text import value_text

ROLES = (
    "bos_token",
    "eos_token",
    "unk_token",
    "sep_token",
    "pad_token",
    "cls_token",
    "mask_token",
)
"""Special tokens that transformers knows by name."""

SIDES = ("left", "right")

_PLAIN = ("PreTrainedTokenizer", "PreTrainedTokenizerFast", "TokenizersBackend")
"""Classes that use tokenizer.json unchanged."""

_LIKE_BERT = ("BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer", "MPNetTokenizer")
_SPACED = ("RobertaTokenizer", "AlbertTokenizer", "XLMRobertaTokenizer", "CamembertTokenizer")
"""Classes that follow `add_prefix_space`."""

_NORMALIZER = {
    "do_lower_case": "lowercase",
    "strip_accents": "strip_accents",
    "tokenize_chinese_chars": "handle_chinese_chars",
}
"""Field of a BERT tokenizer to that of its normalizer in tokenizer.json."""


@dataclass(frozen=True, kw_only=True)
class TokenizerSettings:
    """Settings in the files beside tokenizer.json."""

    truncation_side: str | None
    """`left` or `right`; None if tokenizer.json decides."""
    token_types: bool
    """True if the token types of pairs are fed to the model."""
    split_special_tokens: bool
    """True if special tokens in a text are split like any other word."""
    roles: Mapping[str, str]
    """Role, such as `cls_token`, to the token's text, if a file names it."""
    default_roles: Mapping[str, str]
    """Roles of the architecture's own class."""
    is_plain: bool
    """True if the tokenizer's class uses tokenizer.json unchanged."""
    doubled_separator: bool
    """True if two separators without token types are between texts, as in RoBERTa."""
    normalizer: Mapping[str, bool | None] = field(default_factory=dict)
    """Fields of a BERT normalizer that a file states."""
    agreed: Mapping[str, bool] = field(default_factory=dict)
    """Fields `do_lower_case`, `strip_accents`, `keep_accents` and `split_by_punct`, if stated and
    applied: tokenizer.json has to agree with them."""
    prefix_space: bool | None = None
    """Field `add_prefix_space`, if a file states it and the class applies it."""
    added: tuple[Mapping[str, Any], ...] = ()
    """Tokens beside the vocabulary: `id` and the fields of `tokenizers.AddedToken`. Those of
    added_tokens.json have `if_absent`: tokenizer.json has priority over them.
    """
    extra: tuple[str, ...] = ()
    """Special tokens without a role."""


def read_settings(info: CheckpointInfo) -> TokenizerSettings:
    """Read the files beside a checkpoint's tokenizer.

    Raises:
        InputError: A file cannot be read, or a field has a value that transformers refuses, too.
    """
    folder = info.folder
    config, model = _read(folder / "tokenizer_config.json"), _read(folder / "config.json")
    _refuse_other_files(config, folder)
    if "added_tokens_decoder" not in config:  # Otherwise transformers reads neither.
        config = config | _read(folder / "special_tokens_map.json")
    roles = {role: _content(config[role], role, folder) for role in ROLES if config.get(role)}
    name = str(config.get("tokenizer_class") or model.get("tokenizer_class") or "")
    kind = name.removesuffix("Fast") or info.family.tokenizer_class
    bert = kind in _LIKE_BERT
    albert, deberta = kind == "AlbertTokenizer", kind == "DebertaV2Tokenizer"
    applied = {
        "do_lower_case": bert or albert or deberta,
        "strip_accents": bert,
        "keep_accents": albert,
        "split_by_punct": deberta,
    }
    agreed = {key: _flag(config, key, folder) for key, follows in applied.items() if follows}
    return TokenizerSettings(
        truncation_side=_side(config, folder),
        token_types=info.family.token_types > 0 and _are_types_fed(config, folder),
        split_special_tokens=bool(_flag(config, "split_special_tokens", folder)),
        roles=roles,
        default_roles=info.family.special_tokens,
        is_plain=name in _PLAIN,
        doubled_separator=info.family.doubled_separator,
        normalizer={
            inner: _flag(config, key, folder)
            for key, inner in _NORMALIZER.items()
            if bert and key in config and (config[key] is not None or key == "strip_accents")
        },
        agreed={key: value for key, value in agreed.items() if value is not None},
        prefix_space=_flag(config, "add_prefix_space", folder) if kind in _SPACED else None,
        added=_added(config, folder, {*roles.values(), *_extra(config, folder)}),
        extra=_extra(config, folder),
    )


def has_other_types(info: CheckpointInfo) -> bool:
    """Return True if transformers feeds token types to an encoder that does not use its own here.

    Raises:
        InputError: A file cannot be read.
    """
    config = _read(info.folder / "tokenizer_config.json")
    named = "model_input_names" in config and _are_types_fed(config, info.folder)
    return named and info.family.ignored_token_types > 1


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            f"{path.name} cannot be read: {error}",
            where=str(path),
            remedy=fetch_again(path.parent, path.name),
        ) from error
    if not isinstance(content, dict):
        raise InputError(
            f"{path.name} is not a JSON object",
            where=str(path),
            remedy=fetch_again(path.parent, path.name),
        )
    return content


def _wrong(key: str, value: Any, expected: str, folder: Path) -> InputError:
    return InputError(
        f"{key} is {value_text(value)}, which is not {expected}",
        where=f"{key} in {folder / 'tokenizer_config.json'}",
        remedy=f"{expected}, or no {key}",
    )


def _refuse_other_files(config: Mapping[str, Any], folder: Path) -> None:
    names = config.get("fast_tokenizer_files")
    if names and names != ["tokenizer.json"]:
        raise InputError(
            f"fast_tokenizer_files is {value_text(names)}: transformers reads another file than "
            "tokenizer.json, depending on its version",
            where=f"fast_tokenizer_files in {folder / 'tokenizer_config.json'}",
            remedy="remove fast_tokenizer_files, and name the file that is meant tokenizer.json",
        )


def _flag(config: Mapping[str, Any], key: str, folder: Path) -> bool | None:
    value = config.get(key)
    if value is None or isinstance(value, bool):
        return value
    raise _wrong(key, value, "true or false", folder)


def _side(config: Mapping[str, Any], folder: Path) -> str | None:
    if "truncation_side" not in config:
        return None
    side = config["truncation_side"]
    if side not in SIDES:
        raise _wrong("truncation_side", side, "left or right", folder)
    return str(side)


def _are_types_fed(config: Mapping[str, Any], folder: Path) -> bool:
    names = config.get("model_input_names")
    if names is None:
        return True
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _wrong("model_input_names", names, "a list of names", folder)
    return "token_type_ids" in names


def _content(token: Any, key: str, folder: Path) -> str:
    """Return the text of a token, which is a string or an object with its fields."""
    content = token.get("content") if isinstance(token, Mapping) else token
    if not isinstance(content, str):
        raise _wrong(key, token, "a token", folder)
    return content


def _extra(config: Mapping[str, Any], folder: Path) -> tuple[str, ...]:
    found = config.get("extra_special_tokens") or config.get("additional_special_tokens") or []
    tokens = list(found.values()) if isinstance(found, Mapping) else found
    if not isinstance(tokens, list):
        raise _wrong("additional_special_tokens", found, "a list of tokens", folder)
    other = [
        value
        for key, value in config.items()
        if key.endswith("_token") and key not in ROLES and isinstance(value, str)
    ]
    named = [_content(token, "additional_special_tokens", folder) for token in tokens]
    return tuple(dict.fromkeys(named + other))


def _added(
    config: Mapping[str, Any], folder: Path, special: set[str]
) -> tuple[Mapping[str, Any], ...]:
    """Return the tokens of `added_tokens_decoder`, or else of added_tokens.json, by their ids."""
    if "added_tokens_decoder" in config:
        listed = config["added_tokens_decoder"]
        items = listed.items() if isinstance(listed, Mapping) else [("", None)]
        tokens = [_added_token(number, fields, folder) for number, fields in items]
    else:
        tokens = [
            _added_token(
                number,
                {
                    "content": content,
                    "special": content in special,
                    "normalized": content not in special,
                    "if_absent": True,
                },
                folder,
            )
            for content, number in _read(folder / "added_tokens.json").items()
        ]
    return tuple(sorted(tokens, key=lambda token: int(token["id"])))


def _added_token(number: Any, fields: Any, folder: Path) -> dict[str, Any]:
    known = ("lstrip", "rstrip", "single_word", "normalized", "special", "if_absent")
    sound = isinstance(fields, Mapping) and isinstance(fields.get("content"), str)
    if not sound or not str(number).isascii() or not str(number).isdigit():
        raise _wrong("added_tokens_decoder", {number: fields}, "a token by its id", folder)
    flags = {key: fields[key] for key in known if isinstance(fields.get(key), bool)}
    return {"id": int(number), "content": fields["content"]} | flags
