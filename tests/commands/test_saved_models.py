"""Every model that is saved says how it was fed, and predicts as it was scored.

The second text of a pair decides its label here: without it a model is no better than chance.
"""

import csv
import json
import re
import runpy
import shutil
from pathlib import Path

import mlflow
import numpy as np
import onnx
import pandas as pd
import pytest
from mlflow import MlflowClient

from tests.serving.runtime import run
from tests.tiny_checkpoints import BAD, GOOD, PLAIN, write_checkpoint
from tuner.__main__ import main
from tuner.checkpoints.saved import INPUTS, ModelInputs, read_inputs
from tuner.trial.folder import StudyFolder

pytestmark = pytest.mark.tf

SERVING = Path(__file__).parents[2] / "docs/serving.md"
FED = ModelInputs(
    text="premise",
    text_pair="hypothesis",
    label="gold",
    max_length=24,
    task={"name": "classification"},
)
SWEEP = """\
overrides:
  - model.checkpoint=tiny
  - model.max_length=24
  - data=csv
  - data.train=train.csv
  - data.validation=validation.csv
  - data.text=premise
  - data.text_pair=hypothesis
  - data.label=gold
  - training.batch_size=8
  - training.epochs=2
  - optimizer.learning_rate=3e-3
n_trials: 1
space: {training.seed: "choice(0, 1)"}
"""


def write_pairs(path, rows, seed):
    random = np.random.default_rng(seed)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("premise", "hypothesis", "gold"))
        for row in range(rows):
            one, other = (list(random.choice(PLAIN, 4)) for _ in range(2))
            side = GOOD if row % 2 else BAD
            second = " ".join([*other, *random.choice(side, 2)])
            writer.writerow((" ".join(one), second, "yes" if row % 2 else "no"))


@pytest.fixture(scope="module")
def swept(tmp_path_factory, empty_mlflow):
    """A folder after a sweep of one trial, whose model is in MLflow, exported, trained again."""
    folder = tmp_path_factory.mktemp("pairs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("TUNER_CACHE", str(folder / "cache"))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        (folder / "mlflow.db").write_bytes(empty_mlflow.read_bytes())
        write_checkpoint(folder / "tiny", "bert")
        write_pairs(folder / "train.csv", 240, seed=1)
        write_pairs(folder / "validation.csv", 80, seed=2)
        (folder / "sweeps").mkdir()
        (folder / "sweeps" / "mine.yaml").write_text(SWEEP)
        assert main(["sweep=mine", "launcher.slots=1", "tracking.plots=false"]) == 0
        assert main(["export", "sweep=mine", "export.model=exported", "export.output=b.yaml"]) == 0
        assert main(["train", "b.yaml"]) == 0
        yield folder


@pytest.fixture(autouse=True)
def here(swept, monkeypatch):
    monkeypatch.chdir(swept)
    monkeypatch.setenv("TUNER_CACHE", str(swept / "cache"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture
def score(swept):
    """The accuracy that the trial ended with: the second texts were read."""
    found = StudyFolder(swept / "outputs", "mine").trial(0).read_reports()[-1]
    assert found.metrics["val_accuracy"] > 0.9
    return found.metrics["val_accuracy"]


FOLDERS = ("outputs/mine/best_model", "exported", "outputs/train/trials/00000/model")


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_folder_says_how_it_was_fed_and_predicts_so(folder, swept, score, capsys):
    assert read_inputs(swept / folder) == FED
    assert main(["predict", folder, "validation.csv"]) == 0
    assert f"accuracy {score:.4f}" in capsys.readouterr().out


def test_folders_of_before_there_was_a_record_are_read_as_they_were_trained(swept, score, capsys):
    trial = swept / "outputs/train/trials/00000"
    old = swept / "old"
    shutil.copytree(trial, old)
    (old / "model" / INPUTS).unlink()
    assert main(["predict", "old/model", "validation.csv"]) == 0
    assert f"accuracy {score:.4f}" in capsys.readouterr().out
    shutil.copytree(swept / "exported", swept / "old_best")
    (swept / "old_best" / INPUTS).unlink()
    assert main(["predict", "old_best", "validation.csv"]) == 0
    assert f"accuracy {score:.4f}" in capsys.readouterr().out


def test_a_folder_that_says_nothing_is_read_as_it_is_told_and_says_so(swept, score, capsys):
    foreign = shutil.copytree(swept / "exported", swept / "foreign")
    for name in (INPUTS, "best.yaml"):
        (foreign / name).unlink()
    words = ["predict", "foreign", "validation.csv", "predict.text=premise", "predict.label=gold"]
    assert main([*words, "predict.text_pair=hypothesis"]) == 0
    assert f"accuracy {score:.4f}" in capsys.readouterr().out
    assert main(["predict", "foreign", "validation.csv"]) == 2
    assert "predict.text=COLUMN, one of: premise, hypothesis, gold" in capsys.readouterr().err
    config = json.loads((foreign / "config.json").read_text())
    for key in ("id2label", "label2id", "problem_type"):
        del config[key]
    (foreign / "config.json").write_text(json.dumps(config))
    assert main([*words, "predict.output=p.csv"]) == 0
    assert "column 'premise' alone was read" in capsys.readouterr().out
    with (swept / "p.csv").open() as file:
        assert {"LABEL_0", "LABEL_1"} >= {row["predicted"] for row in csv.DictReader(file)}


def test_a_calibrated_model_of_onnx_and_one_in_int8_predict_as_was_scored(
    swept, score, capsys, monkeypatch
):
    words = ["export", "sweep=mine", "export.output=o.yaml", "export.quantize=int8"]
    assert main([*words, "export.onnx=served", "export.calibrate=true"]) == 0
    printed = capsys.readouterr().err
    assert re.search(r"temperature +[\d.]+; calibration error [\d.]+ → [\d.]+ on 80 ", printed)
    figures = r" +[\d.]+ MB, \d+ examples/s, accuracy "
    assert re.search(rf"float32{figures}{score:.4f} ±", printed)
    assert re.search(rf"int8{figures}[\d.]+ ±", printed)
    rows = pd.read_csv("validation.csv")
    files = {path.name for path in (swept / "served").iterdir()}
    assert {"config.json", "tokenizer.json", "tokenizer_config.json", INPUTS} < files
    assert "model.safetensors" not in files
    for file, less in (("model.onnx", 0.0), ("model_quantized.onnx", 0.05)):
        found = run(swept / "served", rows["premise"], rows["hypothesis"], file)["logits"]
        right = np.array(["no", "yes"])[found.argmax(axis=1)] == rows["gold"]
        assert right.mean() >= score - less
    (example,) = re.findall(r"```python\n(.*?)```", SERVING.read_text(), re.DOTALL)
    (swept / "example.py").write_text(example)
    shown = runpy.run_path("example.py")["logits"]
    expected = run(swept / "served", ["A fine film.", "Dull."])["logits"]
    np.testing.assert_allclose(shown, expected, atol=1e-6)
    assert capsys.readouterr().out.startswith("['")

    def spoil(model, made):
        """Write a model with another last layer."""
        loaded = onnx.load(model)
        (bias,) = (each for each in loaded.graph.initializer if each.name == "classifier.bias")
        bias.CopyFrom(onnx.numpy_helper.from_array(np.array([1e3, -1e3], "f"), bias.name))
        onnx.save(loaded, made)

    monkeypatch.setattr("tuner.serving.quantized.quantize", spoil)
    assert main([*words, "export.onnx=spoiled"]) == 2
    refused = capsys.readouterr().err
    assert f"from {score:.4f} to 0.5000" in refused
    assert "export.quantize_loss=0." in refused
    assert not list(swept.glob("*spoiled*"))
    assert not list(swept.glob(".*spoiled*"))


@pytest.fixture
def tracked(swept):
    """Address of the folder's database, which MLflow uses for the test alone."""
    address = f"sqlite:///{swept / 'mlflow.db'}"  # MLflow keeps what an address opened first
    mlflow.set_tracking_uri(address)
    return address


def test_a_model_in_mlflow_predicts_pairs(tracked, score):
    client = MlflowClient(tracked)
    experiment = client.get_experiment_by_name("mine").experiment_id
    (model,) = client.search_logged_models([experiment])
    served = mlflow.pyfunc.load_model(f"models:/{model.model_id}")
    names = {"premise", "hypothesis", "text", "text_pair"}
    assert names < set(served.metadata.signature.inputs.input_names())
    rows = pd.read_csv("validation.csv")
    texts = rows.rename(columns={"premise": "text", "hypothesis": "text_pair"})
    found = served.predict(texts[["text", "text_pair"]])
    assert (found["label"] == rows["gold"]).mean() == pytest.approx(score)
    assert served.predict(rows[["premise", "hypothesis"]]).equals(found)
