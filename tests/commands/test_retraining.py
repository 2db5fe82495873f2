"""Lost models of the best trials are trained again by the next start; fine-tunes are fakes."""

import json
import os
import re
import shutil
import signal
import sqlite3
import threading
from contextlib import closing

import pytest
import yaml
from mlflow import MlflowClient

from tests.agents import until
from tests.commands.conftest import OWN
from tests.commands.test_confirm import NOISY, confirm
from tests.commands.test_publication import RISING, assert_published
from tuner.__main__ import main
from tuner.files.model_folder import defect
from tuner.settings.settings import StorageSettings
from tuner.study.reader import StudyReader
from tuner.trial.folder import StudyFolder
from tuner.trial.kept_model import model_note, written_model
from tuner.trial.records import TrialOutcome
from tuner.trial.serialization import from_json

FOUR = [*RISING, "sweep.n_trials=4"]


@pytest.fixture
def study(folder, fake_workers):
    return StudyFolder(folder / "outputs", "mine")


@pytest.fixture
def swept(study, capsys):
    """A finished sweep; its best trial's number."""
    assert main(FOUR) == 0
    capsys.readouterr()
    return written_model(study.best).trial


def read(file):
    return yaml.safe_load(file.read_text())


def trials(folder):
    reader = StudyReader("mine", StorageSettings(), folder / "outputs")
    try:
        return reader.read().trials
    finally:
        reader.close()


def delete(study):
    shutil.rmtree(study.best_model)


def delete_weights(study):
    (study.best_model / "model.safetensors").unlink()


def overwrite(study):
    """As many bytes as before."""
    weights = study.best_model / "model.safetensors"
    weights.write_bytes(b"x" * weights.stat().st_size)


@pytest.mark.parametrize("harm", [delete, delete_weights, overwrite])
def test_a_model_that_was_lost_by_hand_is_trained_again(swept, study, folder, capsys, harm):
    before = [trial.outcome for trial in trials(folder)]
    files = (study.trial(swept).outcome.read_text(), study.trial(swept).reports.read_text())
    harm(study)
    assert main(FOUR) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert f"retraining the model of trial {swept}: " in printed
    assert f"the model of trial {swept} was retrained and saved; its scores are as" in printed
    assert_published(study)
    assert [trial.outcome for trial in trials(folder)] == before
    assert (
        study.trial(swept).outcome.read_text(),
        study.trial(swept).reports.read_text(),
    ) == files
    assert not study.retraining.path.exists()
    assert main(["export", "sweep=mine", "export.model=m"]) == 0
    assert read(folder / "m/config.json") == read(study.best_model / "config.json")

    capsys.readouterr()
    assert main(FOUR) == 0
    assert "retrain" not in capsys.readouterr().out


def test_a_model_that_another_machine_has_is_left_there(swept, study, capsys):
    """The trial's folder is on the machine that ran it."""
    delete(study)
    shutil.rmtree(study.trial(swept).path)
    assert main(FOUR) == 0
    assert "retrain" not in capsys.readouterr().out
    assert not study.best_model.exists()


def test_a_trial_trained_again_is_no_trial_in_mlflow(swept, study, mlflow_uri):
    delete(study)
    assert main(FOUR) == 0
    client = MlflowClient(mlflow_uri)
    experiment = client.get_experiment_by_name("mine").experiment_id
    runs = client.search_runs([experiment])
    assert sorted(run.data.tags["role"] for run in runs) == ["sweep", *["trial"] * 4]


def test_a_search_with_trials_to_run_trains_the_best_again_at_its_end(study, capsys):
    assert main([*RISING, "sweep.n_trials=1"]) == 0
    delete(study)
    capsys.readouterr()
    assert main(FOUR) == 0
    best = written_model(study.best).trial
    printed = capsys.readouterr().out
    # Trial 0 was the best before; only a best one that is still the best is worth its time.
    assert ("retraining the model of trial 0:" in printed) == (best == 0)
    assert_published(study)


@pytest.fixture
def unsavable(folder, study, capsys):
    """A finished sweep of whose models none could be saved; they can be once a file is there."""
    checkpoint = "save-after:room"
    (folder / checkpoint).symlink_to(folder / "tiny")
    words = [*FOUR, f"model.checkpoint={checkpoint}"]
    assert main(words) == 0
    assert not study.best_model.exists()
    assert "No space left" in read(study.best)["provenance"]["model_error"]
    assert "next start" in model_note(study)
    capsys.readouterr()
    return words


def test_a_model_that_could_not_be_saved_is_saved_by_the_next_start(
    unsavable, study, folder, capsys
):
    (folder / "room").touch()
    assert main(unsavable) == 0
    printed = capsys.readouterr().out
    best = written_model(study.best).trial
    assert f"retraining the model of trial {best}: it could not be saved" in printed
    assert "model_error" not in read(study.best)["provenance"]
    assert_published(study)
    assert len(trials(folder)) == 4


def test_what_fails_again_is_told_once_in_each_start_and_tried_by_the_next(
    unsavable, study, folder, capsys
):
    for _ in range(2):
        assert main(unsavable) == 0
        printed = " ".join(capsys.readouterr().out.split())
        assert printed.count("could not be retrained: ") == 1
        assert "No space left" in printed
        assert "the next start tries again" in printed
        assert model_note(study) is not None
    (folder / "room").touch()
    assert main(unsavable) == 0
    assert_published(study)


def test_an_agent_that_is_stopped_meanwhile_goes_on_at_its_next_start(study, folder, capsys):
    (folder / "open").touch()
    (folder / "gate:open").symlink_to(folder / "tiny")
    words = [*FOUR, "model.checkpoint=gate:open"]
    assert main(words) == 0
    delete(study)
    (folder / "open").unlink()

    def stop():
        until(lambda: list(study.retraining.path.glob("trials/*/reports.jsonl")))
        os.kill(os.getpid(), signal.SIGINT)

    stopping = threading.Thread(target=stop)
    stopping.start()
    capsys.readouterr()
    assert main(words) == 130
    stopping.join()
    assert re.search(r"^resume ", capsys.readouterr().out, re.MULTILINE)
    (folder / "open").touch()
    assert main(words) == 0
    assert_published(study)


def test_scores_that_differ_from_the_recorded_ones_are_told(swept, study, capsys):
    """The record is changed: as when another machine computes other digits."""
    delete(study)
    with closing(sqlite3.connect(study.database)) as database, database:
        rows = database.execute(
            "SELECT trial_user_attribute_id, value_json FROM trial_user_attributes "
            "WHERE key = 'outcome'"
        ).fetchall()
        for row, text in rows:
            stored = json.loads(text)
            if stored["number"] == swept:
                stored["last"]["val_loss"] += 0.25
                query = (
                    "UPDATE trial_user_attributes SET value_json = ? "
                    "WHERE trial_user_attribute_id = ?"
                )
                database.execute(query, (json.dumps(stored), row))
    assert main(FOUR) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "its scores differ: val_loss " in printed
    assert defect(study.best_model, contents=True) is None


def test_a_trial_that_had_ended_early_ends_there_again(folder, study, capsys):
    (folder / "quick").symlink_to(folder / "tiny")
    words = [*OWN, "model.checkpoint=quick", "training.evaluations=10", "sweep.n_trials=1",
             "launcher.slots=1"]  # fmt: skip
    assert main(words) == 0
    outcome = from_json(TrialOutcome, study.trial(0).outcome.read_text())
    assert outcome.stopped_by == "converged"
    delete(study)
    capsys.readouterr()
    assert main(words) == 0
    assert "its scores are as recorded" in capsys.readouterr().out
    assert_published(study)


# -- neighbours -------------------------------------------------------------------------------


def test_the_confirmed_bests_model_is_trained_again(folder, study, capsys):
    (folder / "noisy:0.01").symlink_to(folder / "tiny")
    assert main([*NOISY, confirm(2, 3)]) == 0
    kept, config = (
        written_model(study.best_model / "best.yaml"),
        read(study.best_model / "config.json"),
    )
    shutil.rmtree(study.best_model)
    for model in study.confirmation.path.glob("trials/*/model"):
        shutil.rmtree(model)
    capsys.readouterr()
    assert main([*NOISY, confirm(2, 3)]) == 0
    printed = capsys.readouterr().out
    assert f"retraining the model of trial {kept.trial} with seed {kept.seed}" in printed
    assert "its scores are as recorded" in printed
    assert written_model(study.best_model / "best.yaml") == kept
    assert read(study.best_model / "config.json") == config
    assert model_note(study) is None

    # The confirmed best also where no confirmation is asked for any more.
    (study.best_model / "model.safetensors").write_text("damaged, and so is its twin")
    assert main(NOISY) == 0
    assert written_model(study.best_model / "best.yaml") == kept
    assert defect(study.best_model, contents=True) is None


def test_models_of_a_front_are_trained_again(folder, study, capsys):
    words = [*OWN, "sweep.objectives=[val_accuracy,examples_per_second]", "launcher.slots=2",
             "pruner=none", "sweep.n_trials=6"]  # fmt: skip
    assert main(words) == 0
    models = {path: read(path / "config.json") for path in study.path.glob("trials/*/model")}
    assert len(models) > 1
    for path in models:
        shutil.rmtree(path)
    shutil.rmtree(study.best_model)
    capsys.readouterr()
    assert main(words) == 0
    assert capsys.readouterr().out.count("was retrained and saved") == len(models)
    assert {
        path: read(path / "config.json") for path in study.path.glob("trials/*/model")
    } == models
    best = written_model(study.best).trial
    assert written_model(study.best_model / "best.yaml").trial == best
