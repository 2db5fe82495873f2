"""Reader process: reads a folder's tokenizer, applies its settings and tries it out.

Standard input holds one JSON object: `folder`, and the fields of `TokenizerSettings`. Standard
output gets two answers (see tuner.processes.python_process): a JSON object of findings, then the
tokenizer as one JSON text. A tokenizer that contradicts its settings is refused with exit code 3
and one answer, a JSON object with the problem. The `tokenizers` library panics on some files and
could end its process. On failure the last line of standard error has the reason, and the exit code
is 1. The module imports nothing of ours, so that it starts at once.
"""

import contextlib
import json
import sys
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, processors

REFUSED = 3
"""Exit code if the tokenizer contradicts its settings."""

_TEXTS = ("a", "The 3 quick foxes (or so) jumped -- didn't they? " * 20, "")
_FLAGS = ("lstrip", "rstrip", "single_word", "normalized", "special")
_CONFIG = "tokenizer_config.json"
_AGREE = "tokenizer.json and tokenizer_config.json as one `tokenizer.save_pretrained` writes them"

_OTHER = (
    "a checkpoint with tokenizer.json; that of model=xlm_roberta_base knows about 100 languages"
)
_LONGEST_REASON = 300


class ContradictionError(Exception):
    """The tokenizer does not do what its settings state."""

    def __init__(self, problem: str, where: str, remedy: str = _AGREE) -> None:
        """Store the three parts of the message."""
        super().__init__(problem)
        self.parts = {"problem": problem, "where": where, "remedy": remedy}


def main() -> int:
    """Process one request and return the exit code."""
    try:
        request = json.load(sys.stdin)
        with contextlib.redirect_stdout(sys.stderr):
            tokenizer, found = read(request)
            text = tokenizer.to_str()
            try_out(Tokenizer.from_str(text))
    except ContradictionError as error:
        _answer(json.dumps(error.parts))
        return REFUSED
    except BaseException as error:
        # A panic of the library is not an `Exception`, and its own report has many lines.
        print((str(error).splitlines() or [type(error).__name__])[0], file=sys.stderr)  # noqa: T201
        return 1
    _answer(json.dumps(found))
    _answer(text)
    return 0


def _answer(text: str) -> None:
    """Write a line after the mark of an answer, as `python_process` does."""
    sys.stdout.buffer.write(b"\x1e" + text.encode().replace(b"\n", b" ") + b"\n")


def read(request: Mapping[str, Any]) -> tuple[Tokenizer, dict[str, Any]]:
    """Return the tokenizer as it is used, and the findings.

    Args:
        request: `folder`, and the fields of `TokenizerSettings`.

    Raises:
        ContradictionError: The tokenizer does not do what its settings state.
    """
    folder = Path(request["folder"])
    path = folder / "tokenizer.json"
    notes: list[str] = []
    is_edited = False
    if path.is_file():
        tokenizer = Tokenizer.from_file(str(path))
        side = (tokenizer.truncation or {}).get("direction")
        text = tokenizer.to_str()
        edited = _edited(text, request, notes)
        is_edited = json.loads(edited) != json.loads(text)
        tokenizer = Tokenizer.from_str(edited)
        _check_agreed(tokenizer, request)
        _add_tokens(tokenizer, request)
    else:
        tokenizer, side = _converted(folder), None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokens = _special_tokens(tokenizer, request)
    _add_special_tokens(tokenizer, request, tokens, notes)
    found = {"truncation_side": side, "tokens": tokens, "notes": notes, "edited": is_edited}
    return tokenizer, found


def try_out(tokenizer: Tokenizer) -> None:
    """Use the tokenizer as data preparation does."""
    tokenizer.get_vocab(with_added_tokens=True)
    tokenizer.encode_batch_fast(list(_TEXTS), add_special_tokens=False)
    for pair in (None, *_TEXTS):
        tokenizer.encode(_TEXTS[0], pair)


def _converted(folder: Path) -> Tokenizer:
    """Make the tokenizer of a folder with only the older files, such as vocab.txt.

    Raises:
        ContradictionError: transformers cannot make it, or only in Python.
    """
    from transformers import AutoTokenizer  # noqa: PLC0415

    where = f"tokenizer_class in {folder / _CONFIG} or config.json"
    try:
        loaded: Any = AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False)
    except (ImportError, ValueError, KeyError, AttributeError) as error:
        reason = " ".join(str(error).split())[:_LONGEST_REASON]
        problem = f"the tokenizer cannot be made from its older files: {reason}"
        raise ContradictionError(problem, where, _OTHER) from error
    tokenizer: Tokenizer | None = getattr(loaded, "backend_tokenizer", None)
    if tokenizer is None:
        raise ContradictionError(
            f"the tokenizer {type(loaded).__name__} has no fast form: Python code computes it, "
            "but only what tokenizer.json describes can be used",
            where,
            _OTHER,
        )
    special = {token.content for token in tokenizer.get_added_tokens_decoder().values()}
    if special.issuperset(tokenizer.get_vocab(with_added_tokens=True)):
        kind = type(loaded).__name__
        raise ContradictionError(
            f"{kind} of transformers finds no vocabulary in the folder, only special tokens",
            f"tokenizer_class in {folder / _CONFIG} or config.json",
            f"tokenizer.json, or the vocabulary file of a {kind}",
        )
    return tokenizer


def _edited(text: str, request: Mapping[str, Any], notes: list[str]) -> str:
    """Apply fields of tokenizer_config.json to the parts of tokenizer.json."""
    document: dict[str, Any] = json.loads(text)
    normalizer = document.get("normalizer") or {}
    if normalizer.get("type") == "BertNormalizer":
        normalizer.update(request["normalizer"])
    prefix = request["prefix_space"]
    for part in _parts(document.get("pre_tokenizer")) if prefix is not None else ():
        if part["type"] == "ByteLevel":
            part["add_prefix_space"] = prefix
        elif part["type"] == "Metaspace" and prefix == (part["prepend_scheme"] == "never"):
            part["prepend_scheme"] = "always" if prefix else "never"
    if document["model"].get("dropout"):
        notes.append(
            f"tokenizer.json drops merges at random (dropout {document['model']['dropout']});"
            " this is switched off, so that a text always has the same tokens."
        )
        document["model"]["dropout"] = None
    return json.dumps(document)


def _parts(component: Any) -> Iterator[dict[str, Any]]:
    """Yield a pre-tokenizer, or its parts."""
    if isinstance(component, dict):
        for part in component.get("pretokenizers") or [component]:
            yield from _parts(part) if "pretokenizers" in part else [part]


def _check_agreed(tokenizer: Tokenizer, request: Mapping[str, Any]) -> None:
    """Refuse a tokenizer.json that does the opposite of a field.

    Raises:
        ContradictionError: It does the opposite.
    """
    letter, accented = _normalized(tokenizer, "A"), _normalized(tokenizer, "\u00e9")
    keeps = any(map(unicodedata.combining, unicodedata.normalize("NFD", accented)))
    splitter = tokenizer.pre_tokenizer
    does = {
        "do_lower_case": letter.casefold() == letter,
        "strip_accents": not keeps,
        "keep_accents": keeps,
        "split_by_punct": splitter is not None and len(splitter.pre_tokenize_str("a!")) > 1,
    }
    for key, stated in request["agreed"].items():
        if stated != does[key]:
            raise ContradictionError(
                f"{key} is {str(stated).lower()}, but tokenizer.json does the opposite",
                f"{key} in {Path(request['folder']) / _CONFIG}",
                f"{_AGREE}; or remove {key}, then tokenizer.json decides",
            )


def _normalized(tokenizer: Tokenizer, text: str) -> str:
    normalizer = tokenizer.normalizer
    return text if normalizer is None else str(normalizer.normalize_str(text))


def _add_tokens(tokenizer: Tokenizer, request: Mapping[str, Any]) -> None:
    """Add the tokens of `added_tokens_decoder` or added_tokens.json, and mark special tokens.

    A special token that is not in the vocabulary is not added: the model has no embedding for it.
    """
    known = {str(token.content): token for token in tokenizer.get_added_tokens_decoder().values()}
    for fields in request["added"]:
        flags = {key: fields[key] for key in _FLAGS if key in fields}
        token, present = AddedToken(fields["content"], **flags), known.get(fields["content"])
        if present is None or (repr(present) != repr(token) and not fields.get("if_absent")):
            tokenizer.add_tokens([token])
    roles = request["roles"] if request["is_plain"] else request["default_roles"]
    named = [*{**roles, **request["roles"]}.values(), *request["extra"]]
    known = {str(token.content): token for token in tokenizer.get_added_tokens_decoder().values()}
    tokenizer.add_special_tokens(
        [
            AddedToken(content, special=True, normalized=False)
            for content in dict.fromkeys(named)
            if content not in known and tokenizer.token_to_id(content) is not None
        ]
    )


def _special_tokens(tokenizer: Tokenizer, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return roles to their tokens in the vocabulary, and `extra` to those without a role.

    A role that only the architecture's class defines counts if the token is a special one.
    """
    added = {str(token.content) for token in tokenizer.get_added_tokens_decoder().values()}
    default = {role: text for role, text in request["default_roles"].items() if text in added}
    roles = {
        role: text
        for role, text in {**default, **request["roles"]}.items()
        if tokenizer.token_to_id(text) is not None
    }
    unknown = getattr(tokenizer.model, "unk_token", None)
    if unknown is not None and roles.get("unk_token", unknown) != unknown:
        del roles["unk_token"]
    extra = [text for text in request["extra"] if tokenizer.token_to_id(text) is not None]
    return {"roles": roles, "extra": extra}


def _add_special_tokens(
    tokenizer: Tokenizer, request: Mapping[str, Any], tokens: Mapping[str, Any], notes: list[str]
) -> None:
    """Put the architecture's special tokens around texts if the post-processor adds none.

    Raises:
        ContradictionError: They are not in the vocabulary.
    """
    if set(tokenizer.encode("a").sequence_ids) != {0}:
        return
    roles = {**request["default_roles"], **tokens["roles"]}
    first, last = roles["cls_token"], roles["sep_token"]
    numbers = {text: tokenizer.token_to_id(text) for text in (first, last)}
    if None in numbers.values():
        lacking = next(text for text, number in numbers.items() if number is None)
        raise ContradictionError(
            f"the tokenizer adds no special tokens to a text, and the vocabulary has no {lacking}",
            f"post_processor in {Path(request['folder']) / 'tokenizer.json'}",
            "a post_processor in tokenizer.json, or cls_token and sep_token of the vocabulary in "
            "tokenizer_config.json",
        )
    second = [last, "$B", last] if request["doubled_separator"] else ["$B:1", f"{last}:1"]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=[first, "$A", last],
        pair=[first, "$A", last, *second],
        special_tokens=list(numbers.items()),
    )
    notes.append(
        f"tokenizer.json adds no special tokens to a text: {first} and {last} are added, "
        "as the architecture's own tokenizer does."
    )


if __name__ == "__main__":
    sys.exit(main())
