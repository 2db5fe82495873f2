"""The process as a sweep starts it: what stands in MLflow afterwards, once and loadable."""

import io
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import mlflow
import numpy as np
import optuna
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.pyfunc.scoring_server import invocations

from tests.tiny_checkpoints import write_checkpoint
from tests.tracking.publishing.test_plots import add_trials
from tuner.cleaning.mlflow_models import ModelStore
from tuner.files.model_folder import seal
from tuner.tasks import Classification
from tuner.tracking.publishing.__main__ import main as publish
from tuner.tracking.publishing.plots import PLOTS
from tuner.tracking.publishing.request import Request
from tuner.tracking.runs import study_tags
from tuner.trial.folder import StudyFolder
from tuner.trial.serialization import to_json
from tuner.trial.study_identity import StudyIdentity

STUDY = StudyIdentity(name="mine", id="a1")
OF_STUDY = study_tags(STUDY)

LABELS = ("awful", "plain", "wonderful")
BEST = {
    "data": {"text_pair": None},
    "training": {"seed": 0},
    "provenance": {"study": "mine", "trial": 3, "attempt": 1},
}


@pytest.fixture
def request_of(tmp_path, mlflow_uri, monkeypatch):
    """A study with its runs in MLflow, as a sweep leaves them before it publishes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "restored")
    client = MlflowClient(mlflow_uri)
    experiment = client.create_experiment("mine", artifact_location=str(tmp_path / "artifacts"))
    client.create_run(experiment, tags={"role": "sweep"} | OF_STUDY)
    tags = {"role": "trial", "trial_number": "3", "attempt": "1"} | OF_STUDY
    trial = client.create_run(experiment, tags=tags)
    client.log_param(trial.info.run_id, "schedule", "linear")
    study = tmp_path / "outputs/mine"
    study.mkdir(parents=True)
    url = f"sqlite:///{study / 'study.db'}"
    add_trials(optuna.create_study(study_name="mine", storage=url, direction="maximize"))
    return Request(
        study=STUDY,
        objectives=("val_accuracy",),
        storage=url,
        tracking=mlflow_uri,
        folder=str(study),
        register="reviews",
    )


def published(request, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(to_json(request)))
    return publish()


def logged(uri):
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("mine").experiment_id
    return client, experiment, client.search_logged_models([experiment])


def write_best(model, best=BEST):
    from tuner.checkpoints import inspect
    from tuner.training.hugging_face import load_head, save_model
    from tuner.training.model import Classifier

    source = write_checkpoint(model.parent / "source", labels=LABELS)
    classifier = Classifier(inspect(source), len(LABELS))
    load_head(classifier, inspect(source))
    save_model(model, classifier, inspect(source), Classification(), LABELS, max_length=32)
    (model / "best.yaml").write_text(json.dumps(best))


@pytest.mark.tf
def test_the_best_model_predicts_from_raw_text_and_is_logged_once(
    request_of, monkeypatch, tmp_path, capsys
):
    from tuner.training.predictor import Predictor

    best = tmp_path / "outputs/mine/best_model"
    write_best(best)
    assert published(request_of, monkeypatch) == 0
    assert "'reviews', version 1: models:/reviews/1" in capsys.readouterr().out
    assert published(request_of, monkeypatch) == 0
    assert "registered already" in capsys.readouterr().out
    client, experiment, models = logged(request_of.tracking)
    assert [model.status for model in models] == ["READY"]
    assert models[0].params == {"schedule": "linear"}
    for run in client.search_runs([experiment]):
        assert [out.model_id for out in run.outputs.model_outputs] == [models[0].model_id]
    versions = client.search_model_versions("name = 'reviews'")
    assert [version.source for version in versions] == [f"models:/{models[0].model_id}"]

    mlflow.set_tracking_uri(request_of.tracking)
    served = mlflow.pyfunc.load_model("models:/reviews/1")
    texts = ["the director is quite brilliant", "dreadful"]
    found = served.predict(pd.DataFrame({"text": texts}))
    expected = Predictor(best).predictions(texts)
    assert list(found["label"]) == [row["label"] for row in expected]
    assert list(found["probabilities"]) == [row["probabilities"] for row in expected]
    assert served.metadata.signature.inputs.input_names() == [0, "text"]
    assert list(served.input_example["text"])


@pytest.mark.tf
def test_a_model_of_pairs_takes_two_texts(request_of, monkeypatch, tmp_path):
    write_best(tmp_path / "outputs/mine/best_model", BEST | {"data": {"text_pair": "reply"}})
    assert published(request_of, monkeypatch) == 0
    mlflow.set_tracking_uri(request_of.tracking)
    served = mlflow.pyfunc.load_model(f"models:/{logged(request_of.tracking)[2][0].model_id}")
    rows = {"text": ["quite brilliant"] * 2, "text_pair": ["dreadful", "quite brilliant"]}
    one, other = served.predict(pd.DataFrame(rows))["probability"]
    assert one != other
    own = pd.DataFrame({"text": rows["text"], "reply": rows["text_pair"]})
    plain = [list(pair) for pair in zip(*rows.values(), strict=True)]
    for given in (own, plain):
        assert list(served.predict(given)["probability"]) == [one, other]
    with pytest.raises(MlflowException, match="reply"):
        served.predict(rows["text"])


@pytest.mark.tf
def test_a_served_model_takes_the_columns_of_its_training_data_and_plain_lists(
    request_of, monkeypatch, tmp_path
):
    best = BEST | {"data": {"text": "review", "text_pair": None}}
    write_best(tmp_path / "outputs/mine/best_model", best)
    assert published(request_of, monkeypatch) == 0
    mlflow.set_tracking_uri(request_of.tracking)
    served = mlflow.pyfunc.load_model(f"models:/{logged(request_of.tracking)[2][0].model_id}")
    schema = served.metadata.get_input_schema()
    assert {"review", "text"} < set(schema.input_names())
    assert list(served.input_example.columns) == ["review"]
    texts = ["quite brilliant", "dreadful"]
    wanted = list(served.predict(pd.DataFrame({"text": texts}))["probability"])
    for given in (
        pd.DataFrame({"id": [1, 2], "review": texts}),
        texts,
        pd.Series(texts),
        pd.Series(texts, name="review"),
        np.array(texts),
        [{"review": text} for text in texts],
        {"review": texts},
    ):
        assert list(served.predict(given)["probability"]) == wanted
    rows = [[text] for text in texts]
    for body in (
        {"dataframe_split": {"columns": ["review"], "data": rows}},
        {"dataframe_split": {"columns": ["text"], "data": rows}},
        {"dataframe_records": [{"review": text} for text in texts]},
        {"inputs": texts},
        {"inputs": {"review": texts}},
        {"inputs": [{"review": text} for text in texts]},
        {"instances": texts},
    ):
        answer = invocations(json.dumps(body), "application/json", served, schema)
        found = json.loads(answer.response)["predictions"]
        assert [row["probability"] for row in found] == wanted
    for wrong in (pd.DataFrame({"body": texts}), {"body": "dreadful"}):
        with pytest.raises(MlflowException, match="'review' or 'text'"):
            served.predict(wrong)
    with pytest.raises(MlflowException, match="row 1 has no text"):
        served.predict(pd.DataFrame({"review": ["dreadful", None]}))


def test_the_plots_stand_on_the_sweeps_run_also_without_a_model(request_of, monkeypatch):
    assert published(replace(request_of, register=None), monkeypatch) == 0
    client, experiment, models = logged(request_of.tracking)
    run = client.search_runs([experiment], "tags.role = 'sweep'")[0].info.run_id
    listed = {file.path for file in client.list_artifacts(run, "plots")}
    assert listed == {"plots/plots.html", *(f"plots/{name}.png" for name in PLOTS)}
    assert models == []


def test_a_model_that_is_missing_is_not_registered(request_of, monkeypatch, capsys):
    assert published(request_of, monkeypatch) == 1
    assert "'reviews' was not registered" in capsys.readouterr().err


def test_copies_of_a_killed_publication_are_taken_away(request_of, monkeypatch, tmp_path):
    study = tmp_path / "outputs/mine"
    (study / ".model-left" / "packed").mkdir(parents=True)
    best = study / "best_model"
    best.mkdir()
    (best / "model.safetensors").write_text("weights")
    (best / "config.json").write_text('{"id2label": {"0": "negative", "1": "positive"}}')
    (best / "best.yaml").write_text(json.dumps(BEST))
    seal(best)
    assert published(request_of, monkeypatch) == 0
    assert not list(study.glob(".model-*"))
    assert [model.status for model in logged(request_of.tracking)[2]] == ["READY"]


def put_best(study, weights, trial=3):
    """A model in the study's best_model/, of the trial that its best.yaml names."""
    best = study / "best_model"
    shutil.rmtree(best, ignore_errors=True)
    best.mkdir(parents=True)
    (best / "config.json").write_text('{"id2label": {"0": "negative", "1": "positive"}}')
    described = BEST | {"provenance": BEST["provenance"] | {"trial": trial}}
    (best / "model.safetensors").write_text(weights)
    for file in (best / "best.yaml", study / "best.yaml"):
        file.write_text(json.dumps(described))
    seal(best)


def weights_in(folder):
    found = folder.rglob("model.safetensors")
    return sorted(file.read_text() for file in found)


def test_a_better_model_takes_the_place_of_the_one_before_it(request_of, monkeypatch, tmp_path):
    study, quiet = tmp_path / "outputs/mine", replace(request_of, draw=False, register=None)
    for weights in ("first", "second", "third", "second"):
        put_best(study, weights)
        assert published(quiet, monkeypatch) == 0
        assert weights_in(tmp_path / "artifacts") == [weights]
        assert [m.status for m in logged(request_of.tracking)[2]] == ["READY"]


def test_a_registered_model_stays(request_of, monkeypatch, tmp_path):
    study, quiet = tmp_path / "outputs/mine", replace(request_of, draw=False)
    for weights, name in (("first", None), ("second", "reviews"), ("third", None)):
        put_best(study, weights)
        assert published(replace(quiet, register=name), monkeypatch) == 0
    assert weights_in(tmp_path / "artifacts") == ["second", "third"]
    loaded = mlflow.artifacts.download_artifacts("models:/reviews/1")
    assert weights_in(Path(loaded)) == ["second"]


def test_a_model_of_another_trial_than_the_best_replaces_none(request_of, monkeypatch, tmp_path):
    study, quiet = tmp_path / "outputs/mine", replace(request_of, draw=False, register=None)
    put_best(study, "of the other machine")
    assert published(quiet, monkeypatch) == 0
    put_best(study, "of this one")
    better = BEST | {"provenance": BEST["provenance"] | {"trial": 4}}
    (study / "best.yaml").write_text(json.dumps(better))
    assert published(quiet, monkeypatch) == 0
    assert weights_in(tmp_path / "artifacts") == ["of the other machine", "of this one"]

    folder, store = StudyFolder(tmp_path / "outputs", "mine"), ModelStore(request_of.tracking)
    assert list(store.superseded(folder, STUDY)) == []
    (study / "best.yaml").write_text(json.dumps(BEST))
    (found,) = store.superseded(folder, STUDY)
    assert found.size > len("of the other machine")
    assert store.remove(found.model_id) == ""
    assert weights_in(tmp_path / "artifacts") == ["of this one"]
    assert list(store.superseded(folder, STUDY)) == []


def test_models_of_another_study_of_that_name_stay(request_of, monkeypatch, tmp_path):
    study, quiet = tmp_path / "outputs/mine", replace(request_of, draw=False, register=None)
    put_best(study, "mine")
    assert published(quiet, monkeypatch) == 0
    client, experiment, _ = logged(request_of.tracking)
    other = StudyIdentity(name="mine", id="b2")
    client.create_run(experiment, tags={"role": "sweep"} | study_tags(other))
    run = {"role": "trial", "trial_number": "3", "attempt": "1"} | study_tags(other)
    client.create_run(experiment, tags=run)
    put_best(study, "other")
    assert published(replace(quiet, study=other), monkeypatch) == 0
    assert weights_in(tmp_path / "artifacts") == ["mine", "other"]


def test_what_fails_is_told_in_one_line(request_of, monkeypatch, capsys):
    away = Request(
        **{
            **vars(request_of),
            "tracking": "http://127.0.0.1:9",
            "study": StudyIdentity(name="other", id="b2"),
        }
    )
    assert published(away, monkeypatch) == 1
    told = capsys.readouterr().err.strip().splitlines()[-1]
    assert told.startswith("the plots: KeyError: ")
    assert "; MLflow: MlflowException: " in told
