"""The files of a checkpoint's tokenizer, and whether the tokenizers library can compute it."""

from collections.abc import Mapping
from pathlib import Path

from tuner.checkpoints.json_object import read_object
from tuner.checkpoints.other_formats import is_pointer, not_fetched
from tuner.checkpoints.repair import save_tokenizer_command
from tuner.encoders import REGISTRY
from tuner.errors import InputError

TOKENIZER_FILES = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "spiece.model",
    "spm.model",
    "sentencepiece.bpe.model",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
)
"""All that a tokenizer of these architectures is made of."""

_VOCABULARIES = (
    "tokenizer.json", "vocab.txt", "spiece.model", "spm.model", "sentencepiece.bpe.model",
)  # fmt: skip

PYTHON_ALONE = (
    "BartphoTokenizer", "BertGenerationTokenizer", "BertJapaneseTokenizer", "BertTokenizerLegacy",
    "BertweetTokenizer", "BioGptTokenizer", "ByT5Tokenizer", "CanineTokenizer", "CpmTokenizer",
    "EsmTokenizer", "FlaubertTokenizer", "MarianTokenizer", "PhobertTokenizer",
    "ProphetNetTokenizer", "RoCBertTokenizer", "TapasTokenizer", "XLMTokenizer",
)  # fmt: skip
"""Classes that transformers 5 computes in Python alone: they have no fast form."""

_PLAIN = "PreTrainedTokenizer"
_OWN_CLASSES = {
    f"{name.removesuffix('Fast')}{fast}"
    for name in (_PLAIN, *(family.tokenizer_class for family in REGISTRY.bundled()))
    for fast in ("", "Fast")
}
"""Classes of transformers that stand in for a checkpoint's own code."""

_FAST = "tokenizer.json"


def find_tokenizer_files(folder: Path) -> tuple[Path, ...]:
    """Find the files of a tokenizer that can be used.

    Args:
        folder: The checkpoint.

    Raises:
        InputError: There are none, one was not fetched, or the tokenizer has no fast form.
    """
    files = tuple(folder / name for name in TOKENIZER_FILES if (folder / name).is_file())
    names = {file.name for file in files}
    for file in files:
        if is_pointer(file):
            raise not_fetched(file)
    if _FAST not in names:
        _check_has_fast_form(folder)
    if names.isdisjoint(_VOCABULARIES) and not {"vocab.json", "merges.txt"} <= names:
        raise InputError(
            "no tokenizer in the checkpoint folder",
            where=str(folder),
            remedy=_save_command(folder),
        )
    return files


def _check_has_fast_form(folder: Path) -> None:
    """Refuse a tokenizer that only Python code computes.

    Raises:
        InputError: The tokenizer has no fast form.
    """
    for name in ("tokenizer_config.json", "config.json"):
        content = read_object(folder / name)
        kind, code = content.get("tokenizer_class"), content.get("auto_map")
        if isinstance(code, Mapping) and "AutoTokenizer" in code and kind not in _OWN_CLASSES:
            raise _no_fast_form(
                "the tokenizer is code of the checkpoint's own, which is not run",
                f"auto_map in {folder / name}",
            )
        if kind in PYTHON_ALONE:
            raise _no_fast_form(
                f"the tokenizer {kind} has no fast form: it is computed by Python code of "
                "transformers, and only what tokenizer.json describes is used",
                f"tokenizer_class in {folder / name}",
            )


def _no_fast_form(problem: str, where: str) -> InputError:
    return InputError(
        problem,
        where=where,
        remedy=f"model=xlm_roberta_base, which knows about 100 languages, or another checkpoint "
        f"with {_FAST}",
    )


def _save_command(folder: Path) -> str:
    """A command that writes the tokenizer of the checkpoint that this one was made from."""
    base = read_object(folder / "config.json").get("_name_or_path")
    known = isinstance(base, str) and bool(base) and Path(base).absolute() != folder.absolute()
    return (
        f"{_FAST} of the checkpoint that it was made from: "
        f"{save_tokenizer_command(str(base) if known else 'BASE_CHECKPOINT', folder)}"
    )
