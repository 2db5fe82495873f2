"""Configuration and data in a trial's run."""

import json

import pytest
from mlflow import MlflowClient

from tests.records import outcome, spec
from tests.tracking.runs import found
from tuner.settings.settings import TrackingSettings
from tuner.tracking import Inputs, Tracker
from tuner.tracking.datasets import TrialDataset
from tuner.tracking.params import configuration_params
from tuner.trial.folder import StudyFolder

CONFIG = """
optimizer:
  name: adamw
  betas: [0.9, 0.99]
data:
  train: https://me:pa55word@host/train.csv
  where: {"a b:c": x}
  test: null
"""


def split(context, rows):
    return TrialDataset(
        name="train.csv",
        context=context,
        fingerprint="f" * 64,
        source_type="csv",
        source={"train": "data/train.csv"},
        columns=("review", "stars"),
        rows=rows,
        labels={"bad": rows - 1, "good": 1},
    )


def test_keys_are_flat_and_secrets_masked():
    assert configuration_params(CONFIG, {}) == {
        "optimizer.name": "adamw",
        "optimizer.betas": "[0.9, 0.99]",
        "data.train": "https://me:***@host/train.csv",
        "data.where.a b_c": "x",
        "data.test": "None",
    }


def test_searched_keys_come_first_and_a_searched_group_once():
    found = configuration_params(CONFIG, {"optimizer": "adamw", "data.train": "small.csv"})
    assert list(found)[:2] == ["optimizer", "data.train"]
    assert found["data.train"] == "small.csv"
    assert "optimizer.name" not in found


@pytest.mark.parametrize("text", ["", "a: [", "- 1"])
def test_what_is_no_configuration_gives_no_params(text):
    assert configuration_params(text, {}) == {}


def test_a_long_name_is_cut_to_what_mlflow_takes():
    (name,) = configuration_params("k" * 300 + ": 1", {})
    assert len(name) == 250


def test_a_run_has_its_configuration_and_each_split_once(tmp_path, mlflow_uri):
    folder = StudyFolder(tmp_path / "outputs", "s")
    splits = (split("training", 60), split("validation", 20))
    config = CONFIG + "many:\n" + "".join(f"  key{i}: {'v' * 7000}\n" for i in range(120))
    for number in range(2):
        tracker = Tracker(TrackingSettings(uri=mlflow_uri), "s", folder)
        tracker.open(inputs=lambda settings: Inputs(datasets=splits))
        tracker.trial_started(spec(number), "trial", config)
        tracker.trial_finished(outcome(number), [], ())
        assert tracker.close() == ""
    for run in found(mlflow_uri):
        assert run.data.params["optimizer.name"] == "adamw"
        assert len(run.data.params["many.key119"]) == 6000
        assert len(run.data.params) == 126
        whole = MlflowClient(mlflow_uri).get_run(run.info.run_id)
        data = {each.tags[0].value: each.dataset for each in whole.inputs.dataset_inputs}
        assert set(data) == {"training", "validation"}
        assert data["training"].digest != data["validation"].digest
        profile = json.loads(data["training"].profile)
        assert profile["num_rows"] == 60
        assert profile["labels"] == {"bad": 59, "good": 1}
        columns = json.loads(data["training"].schema)["mlflow_colspec"]
        assert [each["name"] for each in columns] == ["review", "stars"]
