"""Models of ONNX against torch's figures, and against TensorFlow on texts."""

import json
from types import SimpleNamespace

import numpy as np
import onnx
import pytest

from tests.encoders.cases import (
    CASES,
    FOLDER,
    LABELS,
    make_family,
    make_inputs,
    make_weights,
    real_tokens,
)
from tests.serving.runtime import run
from tests.tiny_checkpoints import MODEL_TYPES, write_checkpoint
from tuner.errors import TunerError
from tuner.tasks import HeadKind

pytestmark = pytest.mark.tf

HARD = [
    "a wonderful film",
    "",
    " \t\n",
    "the film " * 200,
    "naïve café: 映画は素晴らしい 🎬🎬",
    "\u0645\u0634\u0627\u0647\u062f\u0629 \u200d\u200f \x00\ufffd",
    "[SEP] </s> [MASK]",
]
SHOWING = (
    ("bert", "three types"), ("bert", "gelu_fast"), ("bert", "quick_gelu"), ("roberta", "pad 4"),
    ("albert", "two inner layers"), ("deberta-v2", "convolution"), ("deberta-v2", "v2 of old"),
    ("deberta-v2", "without relative positions"), ("modernbert", "mean"),
    ("modernbert", "norms with bias"),
)  # fmt: skip
"""Options whose graphs have operations that the plain encoders lack."""


def to_onnx(name, case, kind, path):
    """A session of a case, and its encoder."""
    from tuner.serving.model import to_onnx
    from tuner.serving.session import Session

    family = make_family(name, case)
    head = family.head(kind, LABELS)
    weights = make_weights([*family.parameters(), *head.parameters])
    model = to_onnx(SimpleNamespace(family=family, head=head, tensors=lambda: weights), kind)
    onnx.save_model(model, path)
    onnx.checker.check_model(path, full_check=True)
    return Session(path, kind), family


@pytest.mark.parametrize(("name", "case"), [(name, "plain") for name in CASES] + list(SHOWING))
def test_logits_are_those_of_torch(name, case, tmp_path):
    session, family = to_onnx(name, case, HeadKind.SEQUENCE, tmp_path / "model.onnx")
    with np.load(FOLDER / f"{name}.npz") as stored:
        expected = stored[f"{case}: logits"]
    found = session.run(**make_inputs(family))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", [HeadKind.TOKEN, HeadKind.SPAN, HeadKind.CHOICE])
def test_other_heads_are_those_of_torch(kind, tmp_path):
    session, family = to_onnx("bert", "plain", kind, tmp_path / "model.onnx")
    with np.load(FOLDER / "heads.npz") as stored:
        expected = stored[f"bert plain {kind.name}: outputs"]
    inputs = make_inputs(family)
    found = session.run(**inputs)
    if kind.per_token:
        found, expected = (each[real_tokens(inputs)] for each in (found, expected))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "outputs", "axes"),
    [
        (HeadKind.SEQUENCE, {"logits": ["batch_size", 3]}, 2),
        (HeadKind.TOKEN, {"logits": ["batch_size", "sequence_length", 3]}, 2),
        (
            HeadKind.SPAN,
            {name: ["batch_size", "sequence_length"] for name in ("start_logits", "end_logits")},
            2,
        ),
        (HeadKind.CHOICE, {"logits": ["batch_size", "num_choices"]}, 3),
    ],
)
def test_inputs_and_outputs_have_the_names_of_optimum(kind, outputs, axes, tmp_path):
    to_onnx("bert", "plain", kind, tmp_path / "model.onnx")
    graph = onnx.load(tmp_path / "model.onnx").graph

    def shapes(values):
        dims = {each.name: each.type.tensor_type.shape.dim for each in values}
        return {name: [d.dim_param or d.dim_value for d in dim] for name, dim in dims.items()}

    assert shapes(graph.output) == outputs
    names = ["batch_size", "num_choices", "sequence_length"]
    wanted = names if axes == 3 else [names[0], names[2]]
    fed = ("input_ids", "attention_mask", "token_type_ids")
    assert shapes(graph.input) == dict.fromkeys(fed, wanted)


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_hard_texts_have_the_logits_that_they_have_in_training(model_type, tmp_path):
    from tuner.serving.model import write_onnx
    from tuner.training.predictor import Predictor

    folder = write_checkpoint(tmp_path / "m", model_type, labels=("bad", "good", "so-so"))
    described = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(described | {"model_max_length": 64}))
    predictor = Predictor(folder)
    write_onnx(predictor.classifier, predictor.task.head, folder / "model.onnx")
    expected = predictor.logits(HARD)
    np.testing.assert_allclose(run(folder, HARD)["logits"], expected, rtol=0, atol=1e-4)
    # Length and number of rows are free.
    for row, text in enumerate(HARD):
        alone = run(folder, [text])["logits"]
        np.testing.assert_allclose(alone, expected[row : row + 1], rtol=0, atol=1e-4)


def test_a_model_that_computes_something_else_is_refused(tmp_path, monkeypatch):
    from tuner.serving import conversion
    from tuner.serving.model import write_onnx
    from tuner.training.predictor import Predictor

    folder = write_checkpoint(tmp_path / "m", "bert", labels=("bad", "good"))
    predictor = Predictor(folder)
    same = {**conversion._SAME, "Erf": "Tanh"}
    monkeypatch.setattr(conversion, "_SAME", same)
    with pytest.raises(TunerError, match="differ from TensorFlow's"):
        write_onnx(predictor.classifier, HeadKind.SEQUENCE, tmp_path / "model.onnx")
    del same["Erf"]
    with pytest.raises(TunerError, match="Erf"):
        write_onnx(predictor.classifier, HeadKind.SEQUENCE, tmp_path / "model.onnx")


def test_large_weights_lie_beside_the_model(tmp_path, monkeypatch):
    from tuner.serving import model
    from tuner.training.predictor import Predictor

    folder = write_checkpoint(tmp_path / "m", "bert", labels=("bad", "good"))
    predictor = Predictor(folder)
    monkeypatch.setattr(model, "LARGEST", 1)
    model.write_onnx(predictor.classifier, HeadKind.SEQUENCE, folder / "model.onnx")
    assert (folder / "model.onnx_data").stat().st_size > (folder / "model.onnx").stat().st_size
    np.testing.assert_allclose(
        run(folder, HARD[:1])["logits"], predictor.logits(HARD[:1]), rtol=0, atol=1e-4
    )
