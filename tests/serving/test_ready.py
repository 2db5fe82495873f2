"""Calibration and int8 of a saved model, and what they need."""

import json
import sys
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import numpy as np
import pytest

from tests.records import settings
from tests.serving.runtime import run
from tests.tiny_checkpoints import BAD, GOOD, write_checkpoint
from tuner.checkpoints.saved import ModelInputs, read_inputs, write_inputs
from tuner.data.examples import Examples
from tuner.errors import InputError
from tuner.installation.remedies import install_extra
from tuner.orchestration.serving import ServingExport
from tuner.serving import calibrated
from tuner.serving.quantized import check_loss, measure, quantize
from tuner.settings.export import ExportSettings
from tuner.tasks import Classification, Evaluation, Multilabel, Regression
from tuner.tasks.calibration import Calibration
from tuner.worker.predict_client import Prediction

TEXTS = [f"the film is {word}" for word in (*GOOD, *BAD)]
LABELS = ["good"] * len(GOOD) + ["bad"] * len(BAD)
ROWS = Examples(where="rows", texts=tuple(TEXTS), pairs=None, targets=tuple(LABELS))


@pytest.fixture
def predictor(tmp_path):
    """A model of two labels."""
    from tuner.training.predictor import Predictor

    folder = write_checkpoint(tmp_path / "m", "bert", hidden=64, layers=4, labels=("bad", "good"))
    described = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(described | {"model_max_length": 64}))
    return Predictor(folder)


@pytest.mark.tf
def test_int8_is_smaller_and_nearly_the_same_and_has_its_figures(predictor, tmp_path):
    from tuner.serving.model import write_onnx

    folder = tmp_path / "m"
    plain, small = folder / "model.onnx", folder / "model_quantized.onnx"
    write_onnx(predictor.classifier, predictor.task.head, plain)
    quantize(plain, small)
    found = run(folder, TEXTS, file=small.name)["logits"]
    expected = predictor.logits(TEXTS)
    difference = np.abs(found - expected).max()
    assert 1e-4 < difference < 0.2 * np.abs(expected).max()
    # Of five rounds one is disturbed; a pass of the other model takes 1 s.
    seconds = [second for slow in (2, 90, 2, 2, 2) for second in (1, slow)]
    clock = iter(accumulate(part for each in seconds for part in (0, each)))
    other, served = measure([plain, small], folder, ROWS, clock=lambda: next(clock))
    assert other.examples_per_second == pytest.approx(len(TEXTS))
    assert served.examples_per_second == pytest.approx(len(TEXTS) / 2)
    assert served.megabytes == small.stat().st_size / 1e6 < 0.5 * plain.stat().st_size / 1e6
    right = found.argmax(axis=1) == [label == "good" for label in LABELS]
    assert served.evaluation.scores["accuracy"] == right.mean()


@pytest.mark.tf
def test_a_temperature_divides_the_outputs_and_moves_thresholds(predictor, tmp_path):
    from tuner.serving.calibrated import divide_outputs
    from tuner.training.predictor import Predictor

    folder = tmp_path / "m"
    write_inputs(folder, ModelInputs.of(settings(), thresholds=(0.5, 0.8)))
    before = Predictor(folder).logits(TEXTS)
    divide_outputs(folder, 4.0)
    np.testing.assert_allclose(Predictor(folder).logits(TEXTS), before / 4.0, atol=1e-6)
    # The odds of 0.8 are 4; those of its logit's fourth are 4 ** 0.25.
    assert read_inputs(folder).thresholds == pytest.approx((0.5, 2**0.5 / (1 + 2**0.5)))


@pytest.mark.parametrize(("logits", "threshold", "changes"), [
    ([[4.0], [-0.4], [3.0], [0.9]], 0.716, False),
    # Divided by 0.05, a threshold and all shares above it round to 1.
    ([[40.0], [-40.0], [39.0], [0.1]], 0.99, True),
])  # fmt: skip
def test_a_temperature_that_changes_predictions_is_refused(
    logits, threshold, changes, monkeypatch
):
    found = Prediction(
        task=Multilabel(), names=("good",), outputs=np.array(logits), aligned=None,
        thresholds=[threshold],
    )  # fmt: skip
    monkeypatch.setattr(calibrated, "predict", lambda folder, texts: found)
    monkeypatch.setattr(
        calibrated, "calibrate", lambda decisions: Calibration(
            temperature=0.05, error=0.1, calibrated_error=0.1
        )
    )  # fmt: skip
    rows = Examples(
        where="rows", texts=("a", "b", "c", "d"), pairs=None,
        targets=(("good",), (), ("good",), ()),
    )  # fmt: skip
    if not changes:
        assert calibrated.fit(Path(), rows).temperature == 0.05
        return
    with pytest.raises(InputError, match="changes micro_f1 from 1"):
        calibrated.fit(Path(), rows)


def evaluation(accuracy, error):
    return Evaluation(
        examples=100, loss=0.5, loss_error=0.1, error_within_strata=0.1,
        scores={"accuracy": accuracy, "ece": accuracy}, errors={"accuracy": error, "ece": error},
        association=0.0, majority_share=0.5,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "after", "allowed", "is_refused"),
    [
        ("accuracy", 0.86, None, False),
        ("accuracy", 0.84, None, True),
        ("accuracy", 0.84, 0.07, False),
        ("accuracy", 0.89, 0.0, True),
        ("accuracy", 0.95, 0.0, False),
        ("accuracy", float("nan"), 1.0, True),
        ("ece", 0.95, 0.01, True),
        ("ece", 0.1, 0.0, False),
    ],
)
def test_int8_may_lose_a_standard_error_or_what_is_allowed(name, after, allowed, is_refused):
    before, score = evaluation(0.9, 0.05), Classification.scores[name]
    if not is_refused:
        check_loss(name, score, before, evaluation(after, 0.05), allowed)
        return
    with pytest.raises(InputError) as refused:
        check_loss(name, score, before, evaluation(after, 0.05), allowed)
    assert "export.quantize_loss" in refused.value.where
    assert "export.quantize=null" in refused.value.remedy


@pytest.mark.parametrize("errors", [{}, {"accuracy": float("nan")}])
def test_without_a_standard_error_the_loss_is_asked_for(errors):
    score = Classification.scores["accuracy"]
    before = replace(evaluation(0.9, 0.05), errors=errors)
    with pytest.raises(InputError) as refused:
        check_loss("accuracy", score, before, evaluation(0.9, 0.05), None)
    assert refused.value.remedy.startswith("export.quantize_loss=")
    check_loss("accuracy", score, before, evaluation(0.9, 0.05), 0.0)


def test_the_remedy_is_a_loss_that_is_enough():
    score = Classification.scores["accuracy"]
    with pytest.raises(InputError, match=r"quantize_loss=0\.0601"):
        check_loss("accuracy", score, evaluation(0.9, 0), evaluation(0.83995, 0), None)


@pytest.mark.parametrize("missing", ["onnx", "onnxruntime"])
def test_a_missing_library_is_named_with_the_command_that_installs_it(missing, monkeypatch):
    for module in [name for name in sys.modules if name.partition(".")[0] == missing]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.delitem(sys.modules, "tuner.serving.library", raising=False)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(InputError) as refused:
        ServingExport(ExportSettings(onnx="served"), settings(), {})
    assert refused.value.remedy == install_extra("onnx")
    assert "onnx>=" in refused.value.remedy
    assert "onnxruntime>=" in refused.value.remedy


def test_a_task_without_probabilities_is_refused_before_anything_is_read():
    with pytest.raises(InputError, match="task=regression"):
        ServingExport(
            ExportSettings(model="m", calibrate=True), replace(settings(), task=Regression()), {}
        )
