"""Writes what torch computes of the tiny encoders in `cases.py`, for tests without torch.

Needs torch and transformers with it; the figures in the repository are of torch 2.13.0 (CPU,
float64) and transformers 5.24.0. From the root of the repository:

    python -m tests.encoders.make_references [FAMILY ...]
"""

import json
import sys
import tempfile
from dataclasses import fields
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
import transformers

from tests.encoders.cases import (
    CASES,
    FOLDER,
    GRADIENT_LABELS,
    GRADIENT_ROWS,
    HEADS,
    LABELS,
    coefficients,
    make_family,
    make_inputs,
    make_weights,
    real_tokens,
)
from tuner.encoders import find
from tuner.tasks import HeadKind

AUTO_CLASSES = {
    HeadKind.SEQUENCE: transformers.AutoModelForSequenceClassification,
    HeadKind.TOKEN: transformers.AutoModelForTokenClassification,
    HeadKind.SPAN: transformers.AutoModelForQuestionAnswering,
    HeadKind.CHOICE: transformers.AutoModelForMultipleChoice,
}


def load(
    name: str, case: str, attention: str | None = None, kind: HeadKind = HeadKind.SEQUENCE
) -> Any:
    """The model of transformers with the weights of a case; every tensor must fit."""
    family = make_family(name, case)
    head = family.head(kind, LABELS)
    config = family.exported(CASES[name][case]) | {
        "id2label": {str(i): str(i) for i in range(head.outputs)}
    }
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(config), encoding="utf-8")
        made = AUTO_CLASSES[kind].from_config(
            transformers.AutoConfig.from_pretrained(folder), attn_implementation=attention
        )
    if type(made).__name__ != head.class_name:
        raise ValueError(f"{name}: transformers has {type(made).__name__}, not {head.class_name}")
    weights = make_weights([*family.parameters(), *head.parameters])
    state = {key: torch.tensor(value) for key, value in weights.items()}
    made.load_state_dict(state, strict=True)
    return made.double().eval()


def figures(name: str, case: str, *, gradients: bool) -> dict[str, np.ndarray]:
    """Hidden states, logits, what each dropout is given, and maybe gradients."""
    model = load(name, case)
    # Only this implementation calls the function whose calls are noted. Of rows whose padding is
    # far away it makes NaN in ModernBERT.
    eager = load(name, case, "eager")
    inputs = tensors(name, case)
    outputs = model(**inputs)
    hidden = model.base_model(**inputs).last_hidden_state
    made = {
        "hidden": hidden[inputs["attention_mask"].bool()],
        "logits": outputs.logits,
        "dropouts": torch.tensor(dropouts(eager, {k: v[:1] for k, v in inputs.items()})),
    }
    if gradients:
        rows, labels = list(GRADIENT_ROWS), torch.tensor(GRADIENT_LABELS)
        loss = torch.nn.functional.cross_entropy(outputs.logits[rows], labels)
        names, weights = zip(*model.named_parameters(), strict=True)
        found = torch.autograd.grad(loss, weights, allow_unused=True)
        for key, weight, gradient in zip(names, weights, found, strict=True):
            made[f"gradient {key}"] = weight * 0 if gradient is None else gradient
    return {key: value.detach().numpy().astype(np.float32) for key, value in made.items()}


def tensors(name: str, case: str) -> dict[str, torch.Tensor]:
    """Inputs of a case as transformers takes them."""
    family = make_family(name, case)
    arrays = make_inputs(family)
    inputs = {
        "input_ids": torch.tensor(arrays["ids"]).long(),
        "attention_mask": torch.tensor(real_tokens(arrays)).long(),
    }
    if family.token_types:
        inputs["token_type_ids"] = torch.tensor(arrays["types"]).long()
    return inputs


def head_figures(
    name: str, case: str, kind: HeadKind, *, gradients: bool
) -> dict[str, np.ndarray]:
    """Outputs of another head, what each dropout is given, and maybe gradients.

    Gradients are of the outputs' sum with `coefficients`, for the head and one embedding below it.
    """
    family, model = make_family(name, case), load(name, case, kind=kind)
    eager, inputs = load(name, case, "eager", kind), tensors(name, case)
    first = {key: value[:1] for key, value in inputs.items()}
    if kind is HeadKind.CHOICE:  # All choices of one example.
        inputs = {key: value[None] for key, value in inputs.items()}
        first = {key: value[None] for key, value in first.items()}
    found = model(**inputs)
    match kind:
        case HeadKind.SPAN:
            outputs = torch.stack([found.start_logits, found.end_logits], dim=-1)
        case HeadKind.CHOICE:
            outputs = found.logits.T
        case _:
            outputs = found.logits
    made = {"outputs": outputs, "dropouts": torch.tensor(dropouts(eager, first))}
    if gradients:
        factors = coefficients(tuple(outputs.shape), make_inputs(family))
        total = (outputs * torch.tensor(factors)).sum()
        words = next(family.parameters()).name
        names = [words, *(each.name for each in family.head(kind, LABELS).parameters)]
        weights = dict(model.named_parameters())
        slopes = torch.autograd.grad(total, [weights[each] for each in names])
        made |= {f"gradient {key}": value for key, value in zip(names, slopes, strict=True)}
    return {key: value.detach().numpy().astype(np.float32) for key, value in made.items()}


def defaults(name: str) -> dict[str, Any]:
    """Values of transformers' configuration for fields that config.json leaves out."""
    family = find(name)
    config = transformers.AutoConfig.for_model(name)
    found = {item.name: getattr(config, item.name, None) for item in fields(family)}
    return {key: value for key, value in found.items() if value is not None}


def dropouts(model: Any, inputs: dict[str, torch.Tensor]) -> list[float]:
    """Sums of absolute values of what each dropout is given, in order, if all let it through."""
    seen: list[float] = []

    def note(inputs: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
        seen.append(float(inputs.abs().sum()))
        return inputs

    with mock.patch("torch.nn.functional.dropout", note), torch.inference_mode():
        model.train()(**inputs)
    model.eval()
    return seen


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name in sys.argv[1:] or CASES:
        made = {
            f"{case}: {key}": value
            for number, case in enumerate(CASES[name])
            for key, value in figures(name, case, gradients=number == 0).items()
        }
        np.savez_compressed(FOLDER / f"{name}.npz", **made)
    heads = {
        f"{name} {case} {kind.name}: {key}": value
        for name in CASES
        for number, case in enumerate(CASES[name])
        for kind in HEADS
        for key, value in head_figures(name, case, kind, gradients=number == 0).items()
    }
    np.savez_compressed(FOLDER / "heads.npz", **heads)
    lines = [f"{json.dumps(name)}: {json.dumps(defaults(name))}" for name in CASES]
    (FOLDER / "defaults.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
