"""Recognition of folders that are no checkpoint, with a remedy."""

import json
import shlex
from collections.abc import Callable, Iterable
from pathlib import Path

from tuner.checkpoints.json_object import read_object
from tuner.checkpoints.repair import fetch_again, python
from tuner.errors import InputError
from tuner.installation.environment import conversion_command
from tuner.installation.remedies import this_environment

WEIGHTS = "model.safetensors"
PICKLE = "pytorch_model.bin"

_SUBFOLDERS_DEEP = 3
_MODULES = "modules.json"
_ADAPTER = "adapter_config.json"

_OF_TRAINING = ("optimizer.pt", "scheduler.pt", "scaler.pt", "rng_state.pth", "training_args.bin")
"""Files that transformers' Trainer writes beside a model."""

_USUAL = (
    f"model.checkpoint=FOLDER with config.json, {WEIGHTS} and tokenizer, or a hub id as "
    "model.checkpoint=google-bert/bert-base-uncased"
)


def without_config(folder: Path) -> InputError:
    """Return the refusal of a folder that has no config.json."""
    for explain in (_adapter, _gguf, _below, _original_bert, _keras):
        if error := explain(folder):
            return error
    return InputError("no config.json in the checkpoint folder", where=str(folder), remedy=_USUAL)


def without_weights(folder: Path) -> InputError:
    """Return the refusal of a folder whose weights are in no format that is read."""
    named = (_adapter, _renamed, _renamed_pickle, _tensorflow, _flax, _gguf, _onnx, _keras, _below)
    for explain in named:
        if error := explain(folder):
            return error
    return InputError(
        f"no weights in the checkpoint folder: {WEIGHTS} is missing, and so is {PICKLE}",
        where=str(folder),
        remedy=f"model.checkpoint=FOLDER with {WEIGHTS}; of a hub id that has other weights "
        "alone, model.revision=REVISION, one with it",
    )


def is_pointer(file: Path) -> bool:
    """True if a file is a pointer to one that Git LFS has not fetched."""
    with file.open("rb") as opened:
        return opened.read(24) == b"version https://git-lfs."


def not_fetched(file: Path) -> InputError:
    """Return the refusal of a file for which `is_pointer` is true."""
    return InputError(
        f"{file.name} is a pointer of Git LFS, the file itself was not fetched",
        where=str(file),
        remedy=f"git -C {shlex.quote(str(file.parent))} lfs pull",
    )


def _adapter(folder: Path) -> InputError | None:
    path = folder / _ADAPTER
    if not path.is_file():
        return None
    base = read_object(path).get("base_model_name_or_path")
    known = isinstance(base, str) and bool(base)
    return InputError(
        "the folder holds an adapter (as of LoRA), which changes another model"
        + (f", {base}" if known else ""),
        where=str(path),
        remedy=f"model.checkpoint={base if known else 'MODEL'} fine-tunes that model itself; with "
        "the adapter in it, the folder that merge_and_unload() and save_pretrained() of peft make",
    )


def _gguf(folder: Path) -> InputError | None:
    return _by_file(
        folder,
        ["*.gguf"],
        "{} has weights for llama.cpp (GGUF), most of them quantized: they cannot be fine-tuned",
        lambda _: (
            f"model.checkpoint=FOLDER of the checkpoint that it was made from, with {WEIGHTS}"
        ),
    )


def _original_bert(folder: Path) -> InputError | None:
    return _by_file(
        folder,
        ["bert_config.json", "albert_config.json", "*.ckpt.index", "*.ckpt*.index"],
        "{} belongs to a checkpoint of TensorFlow 1, as Google published BERT and ALBERT",
        lambda _: (
            "the same model in Hugging Face format, such as "
            "model.checkpoint=google-bert/bert-base-uncased"
        ),
    )


def _keras(folder: Path) -> InputError | None:
    return _by_file(
        folder,
        ["*.keras", "*.weights.h5", "saved_model.pb"],
        "{} is a model of Keras or TensorFlow",
        lambda _: (
            f"model.checkpoint=FOLDER of the same model in Hugging Face format, with {WEIGHTS}"
        ),
    )


def _renamed_pickle(folder: Path) -> InputError | None:
    return _shards_without_index(folder, "pytorch_model-*-of-*.bin", PICKLE) or _by_file(
        folder,
        ["pytorch_model*.bin", "*.pt", "*.pth"],
        f"no weights in the checkpoint folder: neither {WEIGHTS} nor {PICKLE} is there; {{}} is "
        "another name",
        lambda name: _copied(folder, name, PICKLE),
    )


def convert_pickles(folder: Path, name: str) -> str:
    """Return a command that writes the tensors of pickles as one safetensors file.

    Args:
        folder: Holds them.
        name: Name of one of the files.
    """
    pattern = "pytorch_model*.bin" if name.startswith("pytorch_model") else name
    return python(
        "import glob, torch; from safetensors.torch import save_file; w = {k: v.clone() for f in "
        f"sorted(glob.glob({_quoted(folder / pattern)})) for k, v in "
        'torch.load(f, map_location="cpu", weights_only=True).items()}; '
        f'save_file(w, {_quoted(folder / WEIGHTS)}, metadata={{"format": "pt"}})'
    )


def _quoted(path: Path) -> str:
    return json.dumps(str(path), ensure_ascii=False)


def _tensorflow(folder: Path) -> InputError | None:
    return _by_file(
        folder,
        ["tf_model*.h5"],
        f"no weights in the checkpoint folder: {WEIGHTS} is missing; {{}} has TensorFlow's, which "
        "transformers 5 no longer reads",
        lambda _: _older_transformers(folder, "tensorflow tf-keras", "from_tf"),
    )


def _flax(folder: Path) -> InputError | None:
    return _by_file(
        folder,
        ["flax_model*.msgpack"],
        f"no weights in the checkpoint folder: {WEIGHTS} is missing; {{}} has Flax's, which "
        "transformers 5 no longer reads",
        lambda _: _older_transformers(folder, "flax", "from_flax"),
    )


def _older_transformers(folder: Path, packages: str, option: str) -> str:
    code = (
        "import torch; from transformers import AutoModelForMaskedLM as M; "
        f"M.from_pretrained({_quoted(folder)}, {option}=True).save_pretrained({_quoted(folder)})"
    )
    wanted = ("transformers==4.49.0", "torch", *packages.split())
    return (
        "the same checkpoint with safetensors, or convert it with packages that are not installed "
        f"here: {conversion_command(wanted, code, this_environment())}"
    )


def _onnx(folder: Path) -> InputError | None:
    return _by_file(
        folder,
        ["*.onnx", "onnx/*.onnx", "openvino*.xml", "openvino/*.xml"],
        f"no weights in the checkpoint folder: {WEIGHTS} is missing; {{}} is a compiled model, "
        "which cannot be fine-tuned",
        lambda _: (
            f"model.checkpoint=FOLDER of the checkpoint that it was made from, with {WEIGHTS}"
        ),
    )


def _renamed(folder: Path) -> InputError | None:
    return _shards_without_index(folder, "model-*-of-*.safetensors", WEIGHTS) or _by_file(
        folder,
        ["model.*.safetensors", "*.safetensors"],
        f"no weights in the checkpoint folder: {WEIGHTS} is missing; {{}} is another name",
        lambda name: _copied(folder, name, WEIGHTS),
    )


def _shards_without_index(folder: Path, pattern: str, whole: str) -> InputError | None:
    parts = sorted(path.name for path in folder.glob(pattern))
    if not parts:
        return None
    return InputError(
        f"no index of the weights: {whole}.index.json is missing beside {parts[0]}",
        where=str(folder),
        remedy=fetch_again(folder, f"{whole}.index.json"),
    )


def _copied(folder: Path, name: str, usual: str) -> str:
    """A remedy that copies a file of another name."""
    one, other = (shlex.quote(str(folder / file)) for file in (name, usual))
    return f"if it holds the encoder's weights: cp {one} {other}"


def _below(folder: Path) -> InputError | None:
    """Checkpoints in subfolders: of sentence-transformers, of a Trainer, of the hub's cache."""
    found = _sentence_transformer(folder) or _checkpoints_below(folder)
    if not found:
        return None
    is_bundle = (folder / _MODULES).is_file()
    what = "a model of sentence-transformers, whose encoder is" if is_bundle else "a checkpoint"
    return InputError(
        f"the checkpoint is not in this folder but in one below: {what} in "
        f"{found[0].relative_to(folder)}",
        where=str(folder),
        remedy=f"model.checkpoint={found[0]}"
        + (f"; there are {len(found)} such folders" if len(found) > 1 else ""),
    )


def _sentence_transformer(folder: Path) -> list[Path]:
    """The folder that the list of a sentence-transformer's modules names for the encoder."""
    try:
        modules = json.loads((folder / _MODULES).read_text(encoding="utf-8"))
        paths = [folder / str(module["path"]) for module in modules]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return []
    below = [path for path in paths if folder in path.resolve().parents or folder in path.parents]
    return [path for path in below if "model_type" in read_object(path / "config.json")]


def _checkpoints_below(folder: Path) -> list[Path]:
    """Folders below with a config.json and weights, the last written first."""
    patterns = ("/".join(["*"] * depth) for depth in range(1, _SUBFOLDERS_DEEP + 1))
    configs = [
        path.parent for pattern in patterns for path in folder.glob(f"{pattern}/config.json")
    ]
    found = [
        path
        for path in configs
        if any(path.glob("*.safetensors")) or any(path.glob("pytorch_model*.bin"))
    ]
    return sorted(found, key=lambda path: (path / "config.json").stat().st_mtime, reverse=True)


def _by_file(
    folder: Path, patterns: Iterable[str], problem: str, remedy: Callable[[str], str]
) -> InputError | None:
    """Return a refusal for the first file of these names.

    Args:
        folder: To look in.
        patterns: Patterns of file names, the most specific first.
        problem: A sentence, with `{}` for the file's name.
        remedy: Makes what helps of the file's name.
    """
    names = [
        str(path.relative_to(folder))
        for pattern in patterns
        for path in sorted(folder.glob(pattern))
        if path.name not in _OF_TRAINING
    ]
    if not names:
        return None
    return InputError(problem.format(names[0]), where=str(folder), remedy=remedy(names[0]))
