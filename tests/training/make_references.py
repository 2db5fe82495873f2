"""Writes what the originals compute into `references/`, for tests without torch to compare with.

Needs what the tests do not: torch and transformers with it. The figures in the repository are of
torch 2.13.0 (CPU) and transformers 5.23.0. From the root of the repository:

    python -m tests.training.make_references [FOLDER_OF_ALL_MINILM_L6_V2]

Without the folder, minilm.json stays as it is.
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from tests.tiny_checkpoints import MODEL_TYPES
from tests.training.exports import exported, of_schedule, optimizer_cases, schedule_cases
from tests.training.references import (
    CASES,
    FOLDER,
    MAX_LENGTH,
    PAIRS,
    POSITION_CASES,
    TEXTS,
    checksum,
    write_tiny,
)
from tuner import encoders as families

SENTENCES = (
    "A moving, funny and superbly acted film.",
    "The plot is tedious and the ending worse.",
    "Not bad.",
    "In this story of two brothers, the director finds beauty where nobody else would look.",
)
SHOWN = 12
"""Values kept of each of MiniLM's vectors of 384."""


def batch(pad: int, last_type: int) -> dict[str, list[Any]]:
    """Three rows of 7, 4 and 2 tokens of types 0 and `last_type`, the last of type 0 alone."""
    random = np.random.default_rng(7)
    lengths = [7, 4, 2]
    ids = random.integers(5, 60, (3, 7))
    ids[np.arange(7) >= np.array(lengths)[:, None]] = pad
    types = last_type * np.array([[0, 0, 0, 1, 1, 1, 1], [0, 0, 1, 1, 0, 0, 0], [0] * 7])
    return {"ids": ids.tolist(), "types": types.tolist(), "lengths": lengths}


def encoder(folder: Path, model_type: str) -> dict[str, Any]:
    """Outputs of transformers' own classifier for a checkpoint on `batch`."""
    model, loading = transformers.AutoModelForSequenceClassification.from_pretrained(
        folder, dtype=torch.float32, output_loading_info=True
    )
    if loading["missing_keys"] or loading["unexpected_keys"]:
        raise ValueError(f"{model_type}: the checkpoint does not fit: {loading}")
    model.eval()
    types = getattr(model.config, "type_vocab_size", 2) if has_types(model_type) else 2
    rows = batch(model.config.pad_token_id, types - 1)
    with torch.inference_mode():
        logits = model(**model_inputs(rows, model_type)).logits
    return rows | {"checksum": checksum(folder), "logits": plain(logits)}


def has_types(model_type: str) -> bool:
    """True if transformers feeds token types to this family."""
    return families.find(model_type)().token_types > 0


def model_inputs(rows: dict[str, Any], model_type: str) -> dict[str, torch.Tensor]:
    """The rows under the names that transformers gives them."""
    ids, lengths = torch.tensor(rows["ids"]), torch.tensor(rows["lengths"])
    mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
    types = {"token_type_ids": torch.tensor(rows["types"])}
    return {"input_ids": ids, "attention_mask": mask} | (types if has_types(model_type) else {})


def encoders() -> Iterator[tuple[str, dict[str, Any]]]:
    """The cases, each with its figures."""
    for case, (model_type, _) in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            yield case, encoder(write_tiny(Path(folder), case), model_type)


def positions() -> Iterator[tuple[str, dict[str, Any]]]:
    """Logits of RoBERTa and XLM-R where texts contain the padding token, up to the last position.

    Rows of every allowed token, of 7 tokens that begin with the padding token, and of 5.
    """
    for case in POSITION_CASES:
        with tempfile.TemporaryDirectory() as folder:
            write_tiny(Path(folder), case)
            model = transformers.AutoModelForSequenceClassification.from_pretrained(
                folder, attn_implementation="eager", dtype=torch.float32
            ).eval()
            pad = model.config.pad_token_id
            longest = model.config.max_position_embeddings - pad - 1
            ids = np.random.default_rng(17).integers(5, 60, (3, longest))
            ids[0, longest // 2] = ids[1, 0] = ids[1, 3] = ids[2, 4] = pad
            ids[1, 7:] = ids[2, 5:] = pad
            rows = {"ids": ids.tolist(), "lengths": [longest, 7, 5]}
            with torch.inference_mode():
                logits = model(**model_inputs(rows | {"types": ids.tolist()}, "roberta")).logits
            yield case, {"checksum": checksum(Path(folder))} | rows | {"logits": plain(logits)}


def texts() -> Iterator[tuple[str, dict[str, Any]]]:
    """Logits of transformers for texts and pairs of them, with tokenizer.json as it is.

    Families with token types are fed them, on which the logits of pairs depend.
    """
    for model_type in MODEL_TYPES:
        with tempfile.TemporaryDirectory() as folder:
            write_tiny(Path(folder), model_type)
            types = ["token_type_ids"] if has_types(model_type) else []
            tokenizer = transformers.PreTrainedTokenizerFast(
                tokenizer_file=f"{folder}/tokenizer.json",
                model_input_names=["input_ids", *types, "attention_mask"],
            )
            model = transformers.AutoModelForSequenceClassification.from_pretrained(
                folder, attn_implementation="eager", dtype=torch.float32
            ).eval()
            firsts, seconds = map(list, zip(*PAIRS, strict=True))
            made = {"checksum": checksum(Path(folder))}
            for name, given in (("texts", [list(TEXTS)]), ("pairs", [firsts, seconds])):
                rows = [
                    tokenizer(
                        *([column[row]] for column in given),
                        truncation=True,
                        max_length=MAX_LENGTH,
                        return_tensors="pt",
                    )
                    for row in range(len(given[0]))
                ]
                with torch.inference_mode():
                    logits = [model(**row).logits[0] for row in rows]
                made[name] = [plain(row) for row in logits]
            yield model_type, made


def optimizers() -> dict[str, Any]:
    """Sixteen weights after two and after ten updates with given gradients, in float64.

    The rate changes: momentum that has the rate in it is the same as torch's at one rate only.
    """
    random = np.random.default_rng(11)
    weights = random.normal(0.0, 0.5, 16).astype(np.float32)
    gradients = random.normal(0.0, 0.1, (10, 16)).astype(np.float32)
    gradients[:, 0] = 0.0
    gradients[3:, 1] = 0.0
    given = {"weights": plain(weights), "gradients": plain(gradients)}
    changing = [1e-2 * (1.0 - step / 12) for step in range(10)]
    made: dict[str, Any] = {}
    for beta_1, beta_2, epsilon in ((0.9, 0.999, 1e-8), (0.8, 0.99, 1e-3)):
        fields = {"betas": (beta_1, beta_2), "eps": epsilon}
        made[f"adamw {beta_1} {beta_2} {epsilon}"] = {
            "optimizer": {
                "name": "adamw", "beta_1": beta_1, "beta_2": beta_2, "epsilon": epsilon,
                "weight_decay": 0.1,
            },
            "rates": changing,
            "decayed": updates(torch.optim.AdamW, fields | {"weight_decay": 0.1}, given, changing),
            "exempt": updates(torch.optim.AdamW, fields | {"weight_decay": 0.0}, given, changing),
        }  # fmt: skip
    for fields in ({}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}):
        after = updates(torch.optim.SGD, fields, given, changing)
        made[" ".join(["sgd", *fields])] = {
            "optimizer": {"name": "sgd", **fields},
            "rates": changing,
            "decayed": after,
            "exempt": after,
        }
    for fields in ({}, {"momentum": 0.9}, {"centered": True, "momentum": 0.5}):
        after = updates(torch.optim.RMSprop, {"alpha": 0.8, "eps": 1e-3} | fields, given, changing)
        made[" ".join(["rmsprop", *fields])] = {
            "optimizer": {"name": "rmsprop", "rho": 0.8, "epsilon": 1e-3, **fields},
            "rates": changing,
            "decayed": after,
            "exempt": after,
        }
    return given | made


def updates(
    kind: Any, fields: dict[str, Any], given: dict[str, Any], rates: list[float]
) -> dict[str, list[float]]:
    """The weights after two and after ten updates."""
    weights = torch.nn.Parameter(torch.tensor(given["weights"], dtype=torch.float64))
    optimizer = kind([weights], lr=rates[0], **fields)
    after = []
    for gradient, rate in zip(given["gradients"], rates, strict=True):
        optimizer.param_groups[0]["lr"] = rate
        weights.grad = torch.tensor(gradient, dtype=torch.float64)
        optimizer.step()
        after.append(weights.detach().tolist())
    return {"2": after[1], "10": after[9]}


def schedules() -> dict[str, Any]:
    """The rates of the Trainer with what is exported, as shares of the peak, for each update."""
    made: dict[str, Any] = {}
    for case, settings, total in schedule_cases():
        arguments = of_schedule(exported(settings, total))
        made[case] = {"arguments": arguments}
        if arguments:
            made[case]["rates"] = rates(arguments, total)
    return made


def rates(arguments: dict[str, Any], total: int) -> list[float]:
    """The shares of the peak that the Trainer makes its updates with."""
    # The peak of all cases, as a scheduler's own arguments may hold the rate that it ends with.
    training = transformers.TrainingArguments(learning_rate=1e-4, **arguments)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=training.learning_rate)
    scheduler = transformers.get_scheduler(
        training.lr_scheduler_type,
        optimizer=optimizer,
        num_warmup_steps=training.get_warmup_steps(total),
        num_training_steps=total,
        scheduler_specific_kwargs=training.lr_scheduler_kwargs,
    )
    shares = []
    for _ in range(total):
        shares.append(float(f"{scheduler.get_last_lr()[0] / training.learning_rate:.8g}"))
        optimizer.step()
        scheduler.step()
    return shares


def trainer_optimizers() -> dict[str, Any]:
    """The class and the arguments that the Trainer makes of what is exported."""
    made: dict[str, Any] = {}
    for case, settings in optimizer_cases():
        arguments = exported(settings, None)
        made[case] = {"arguments": arguments}
        if "optim" not in arguments:
            continue
        training = transformers.TrainingArguments(**arguments, use_cpu=True)
        try:
            kind, given = transformers.Trainer.get_optimizer_cls_and_kwargs(training)
            made[case] |= {"class": kind.__name__, "given": given}
        except ImportError as error:
            made[case] |= {"needs": str(error)}
    return made


def decayed() -> dict[str, list[str]]:
    """The parameters of each architecture that the Trainer's weight decay is for."""
    made = {}
    for case in MODEL_TYPES:
        with tempfile.TemporaryDirectory() as folder:
            model = transformers.AutoModelForSequenceClassification.from_pretrained(
                write_tiny(Path(folder), case)
            )
        training = transformers.TrainingArguments(use_cpu=True)
        made[case] = transformers.Trainer(model, training).get_decay_parameter_names(model)
    return made


def losses() -> dict[str, Any]:
    """torch's cross-entropy of each row, and its mean over them as torch weighs it."""
    random = np.random.default_rng(13)
    logits = random.normal(0.0, 3.0, (8, 3)).astype(np.float32)
    logits[0] = (40.0, -40.0, 0.0)
    labels = [1, 0, 1, 2, 2, 0, 1, 2]
    made: dict[str, Any] = {"logits": plain(logits), "labels": labels}
    for name, smoothing, weights in (
        ("plain", 0.0, None),
        ("smoothed", 0.1, None),
        ("weighted", 0.0, [0.5, 2.0, 1.0]),
        ("smoothed and weighted", 0.1, [0.5, 2.0, 1.0]),
    ):
        each, mean = (
            torch.nn.functional.cross_entropy(
                torch.tensor(logits).double(),
                torch.tensor(labels),
                None if weights is None else torch.tensor(weights, dtype=torch.float64),
                label_smoothing=smoothing,
                reduction=reduction,
            ).tolist()
            for reduction in ("none", "mean")
        )
        made[name] = {"smoothing": smoothing, "weights": weights, "each": each, "mean": mean}
    return made


def minilm(folder: Path) -> dict[str, Any]:
    """The default model on four sentences: its tokens, and a few values of its vectors."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(
        folder, attn_implementation="eager", dtype=torch.float32
    ).eval()
    inputs = tokenizer(list(SENTENCES), padding=True, return_tensors="pt")
    with torch.inference_mode():
        outputs = model(**inputs)
    mask = inputs["attention_mask"]
    hidden, lengths = outputs.last_hidden_state, mask.sum(1)
    mean = (hidden * mask[..., None]).sum(1) / lengths[:, None]
    return {
        "sentences": SENTENCES,
        "ids": inputs["input_ids"].tolist(),
        "lengths": lengths.tolist(),
        "first": plain(hidden[:, 0, :SHOWN]),
        "last": plain(hidden[torch.arange(len(lengths)), lengths - 1, :SHOWN]),
        "mean": plain(mean[:, :SHOWN]),
        "pooled": plain(outputs.pooler_output[:, :SHOWN]),
    }


def plain(array: Any) -> Any:
    """Float32 as lists of the shortest decimals that read back as the same float32."""
    if isinstance(array, torch.Tensor):
        array = array.numpy()
    if array.ndim:
        return [plain(part) for part in array]
    return float(str(array.astype(np.float32)))


def write(name: str, figures: dict[str, Any]) -> None:
    """Writes one file, a line for each entry."""
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in figures.items()]
    (FOLDER / name).write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    write("encoders.json", dict(encoders()))
    write("positions.json", dict(positions()))
    write("texts.json", dict(texts()))
    write("optimizers.json", optimizers())
    write("losses.json", losses())
    write("schedules.json", schedules())
    write("trainer_optimizers.json", trainer_optimizers())
    write("decayed.json", decayed())
    if len(sys.argv) > 1:
        write("minilm.json", minilm(Path(sys.argv[1])))
