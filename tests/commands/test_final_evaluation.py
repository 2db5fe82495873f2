"""`data.test`: read by no trial, scored once, for the confirmed best alone."""

import shutil

import pytest
import yaml
from mlflow import MlflowClient

from tests.commands.conftest import OWN
from tests.tiny_checkpoints import write_reviews
from tuner import load_study
from tuner.__main__ import main
from tuner.orchestration import final_evaluation
from tuner.trial.folder import StudyFolder

CONFIRM = "sweep.confirm={top: 1, seeds: 2}"
QUICK = [
    *OWN, "optimizer.learning_rate=choice(1e-6, 1e-4)", "schedule=linear", "sampler=grid",
    "pruner=none", "sweep.n_trials=1", "launcher.slots=1", "training.batch_size=8",
    "convergence.not_learning_patience=null", "convergence.converged_patience=null",
]  # fmt: skip


@pytest.fixture
def evaluations(monkeypatch):
    """The files that were scored."""
    found = []
    predict = final_evaluation.predict

    def counted(model, texts):
        found.append(model)
        return predict(model, texts)

    monkeypatch.setattr(final_evaluation, "predict", counted)
    return found


def read(file):
    return yaml.safe_load(file.read_text())


def last_report(study, member):
    """The last report of the trial or of the repeat with a seed."""
    place = StudyFolder(study.parent, study.name)
    if member.seed:
        return place.confirmation.trial(member.seed - 1).read_reports()[-1]
    return place.trial(member.trial).read_reports()[-1]


def swept(capsys, *words):
    assert main([*QUICK, *words]) == 0
    return capsys.readouterr().out


@pytest.mark.tf
def test_the_test_rows_are_scored_once(folder, capsys, mlflow_uri, evaluations, request):
    study, test = folder / "outputs/mine", "data.test=validation.csv"
    # So long that all models are alike: no average is worse than the best of them.
    soup = ("sweep.soup=true", "training.epochs=10", "training.evaluations=2")
    assert "Test" not in swept(capsys, CONFIRM, *soup)
    request.getfixturevalue("fake_workers")  # Of what follows, none but the evaluation is real.

    # Named after the search; these rows have the scores that the soup had on them.
    printed = swept(capsys, CONFIRM, test, *soup)
    assert "40 test rows, which are scored once, at the very end" in printed
    assert "40 test rows (100.0%) have a text that is also in validation" in printed
    assert "Test, evaluated once, for the soup of trials 0 (seed " in printed
    assert evaluations == [StudyFolder(folder / "outputs", "mine").best_model.relative_to(folder)]
    best = read(study / "best.yaml")
    assert best["data"]["test"] == "validation.csv"
    found = best["provenance"]["test"]
    assert (found["examples"], found["in_validation"]) == (40, 40)
    stored = load_study("mine").soup
    last = last_report(study, stored.single_of_all)
    for name in ("accuracy", "macro_f1", "mcc"):
        assert found[name]["value"] == stored.scores[name].value
        assert stored.single_scores[name].value == last.metrics[f"val_{name}"]
    assert found["loss"]["value"] == pytest.approx(stored.scores["loss"].value, rel=1e-5)
    assert stored.single_scores["loss"].value == pytest.approx(last.val_loss, rel=1e-5)
    assert found["loss"]["value"] != pytest.approx(last.val_loss, rel=1e-5)
    assert read(study / "best_model/best.yaml")["provenance"]["test"] == found
    assert main(["export", "study=mine", "export.trial=0"]) == 0
    assert yaml.safe_load(capsys.readouterr().out)["provenance"]["test"] == found
    client = MlflowClient(mlflow_uri)
    experiment = client.get_experiment_by_name("mine").experiment_id
    sweeps = client.search_runs([experiment], "tags.role = 'sweep'")
    assert sweeps[0].data.metrics["test_accuracy"] == found["accuracy"]["value"]
    assert "Test, evaluated once" in sweeps[0].data.tags["mlflow.note.content"]

    assert "Test, evaluated once, for the soup" in swept(capsys, CONFIRM, test, *soup)
    assert len(evaluations) == 1

    # Other rows, and another best: refused, and nothing is lost.
    write_reviews(folder / "others.csv", 30, seed=5)
    printed = swept(capsys, CONFIRM, "data.test=others.csv", *soup)
    assert "data.test were already evaluated for the soup of trials 0" in printed
    assert "these are other rows" in printed
    printed = swept(capsys, CONFIRM, test, "sweep.n_trials=3", *soup, "sweep.soup=false")
    assert "the confirmed best is trial" in printed
    assert "these scores are not its own" in printed
    assert len(evaluations) == 1
    assert "test" not in read(study / "best.yaml")["provenance"]
    assert main(["report", "study=mine"]) == 0
    assert "Test, evaluated once, for the soup of trials 0" in capsys.readouterr().out
    assert "Test, evaluated once, for the soup of trials 0" in (study / "report.html").read_text()


@pytest.mark.slow
def test_a_failed_evaluation_does_not_fail_the_sweep(folder, fake_workers, capsys, evaluations):
    test = "data.test=validation.csv"
    printed = swept(capsys, CONFIRM, test)  # The fake's model is none.
    assert "data.test is not scored: " in printed
    assert "was interrupted before its scores were stored" in printed
    assert "Confirmed best: trial 0" in printed
    assert len(evaluations) == 1
    write_reviews(folder / "others.csv", 30, seed=5)
    printed = swept(capsys, CONFIRM, "data.test=others.csv", "sweep.n_trials=2")
    assert "these are other rows" in printed
    # It is shown before anything is trained, too.
    assert printed.index("these are other rows") < printed.index("trial 1 starts")
    assert "was interrupted" in swept(capsys, CONFIRM)
    assert len(evaluations) == 1


def test_a_model_that_is_elsewhere_is_not_looked_for(folder, fake_workers, capsys, evaluations):
    swept(capsys, CONFIRM)
    for model in ("best_model", "confirm/trials"):
        shutil.rmtree(folder / "outputs/mine" / model)
    (folder / "train.csv").rename(folder / "moved.csv")
    printed = swept(capsys, CONFIRM, "data.train=moved.csv", "data.test=validation.csv")
    assert "data.test is not scored: the model of trial 0 with seed" in printed
    assert "Test, " not in printed
    assert not evaluations


def test_without_a_confirmation_the_rows_are_not_scored(folder, fake_workers, capsys, evaluations):
    printed = swept(capsys, "data.test=nothing.csv")
    assert "data.test is not scored" in printed
    assert not evaluations
    best = folder / "outputs/mine/best.yaml"
    assert read(best)["data"]["test"] == "nothing.csv"
    assert main(["train", str(best)]) == 0
    assert main(["export", "study=mine", "export.format=cli"]) == 0


def test_a_wrong_place_is_told_before_anything_is_trained(folder, fake_workers, capsys):
    for command in ([], ["prepare"]):
        assert main([*command, *QUICK, CONFIRM, "data.test=nothing.csv"]) == 2
        assert "there is no file nothing.csv\n  where: data.test" in capsys.readouterr().err
    assert not (folder / "outputs").exists()


def test_test_rows_are_not_searched(folder, capsys):
    assert main([*QUICK, CONFIRM, "data.test=a.csv,b.csv"]) == 2
    assert "data.test is scored once, for the confirmed best" in capsys.readouterr().err
